"""PluginService: what every plugin answers, whatever its kind."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from typing import Any

import grpc

from . import config
from ._calls import clean, context_of, fail
from ._proto import CAPABILITY_PROBE, message, service
from .config import Finding
from .model import Description

METHODS = service("plugin.v1.PluginService")
_Attribute = message("plugin.v1.Attribute")
_Diagnostic = message("plugin.v1.Diagnostic")
_DescribeResponse = message("plugin.v1.DescribeResponse")
_ConfigureResponse = message("plugin.v1.ConfigureResponse")
_ProbeResponse = message("plugin.v1.ProbeResponse")
_CloseResponse = message("plugin.v1.CloseResponse")


class PluginServer:
    """Serves PluginService; its method names are those of the service."""

    def __init__(self, kind: int, author: Any, capabilities: list[int], end: Callable[[float | None], None]) -> None:
        self.kind, self.author, self.end = kind, author, end
        self.capabilities = capabilities + ([CAPABILITY_PROBE] if callable(getattr(author, "probe", None)) else [])
        self._lock = threading.Lock()
        self._config: Any = None
        self._configured = False

    def description(self) -> Description:
        """What the author says of the plugin."""
        d = self.author.describe()
        if not isinstance(d, Description):
            raise TypeError(f"describe returned {type(d).__name__}, must be strobe_plugin.Description")
        return d

    def ready(self, call: grpc.ServicerContext) -> Any:
        """The values; refuses the call until there are some."""
        with self._lock:
            if not self._configured and self.description().config is not None:
                call.abort(grpc.StatusCode.FAILED_PRECONDITION, "the plugin is not configured")
            return self._config

    def Describe(self, request: Any, call: grpc.ServicerContext) -> Any:
        """Say what the plugin is."""
        try:
            d = self.description()
            attributes = [_to_attribute(a) for a in config.schema(d.config)]
        except Exception as e:
            fail(call, "describe", e)
        return _DescribeResponse(kind=self.kind, name=clean(d.name), version=clean(d.version), summary=clean(d.summary),
                                 api_versions=[1], capabilities=self.capabilities, config=attributes)

    def Configure(self, request: Any, call: grpc.ServicerContext) -> Any:
        """Store the user's values; what is wrong with them is data."""
        try:
            made, found = config.decode(_from_object(request.config), self.description().config)
        except Exception as e:
            fail(call, "configure", e)
        with self._lock:
            self._configured = not config.has_errors(found)
            self._config = made
        return _ConfigureResponse(diagnostics=to_diagnostics(found))

    def Probe(self, request: Any, call: grpc.ServicerContext) -> Any:
        """Ask the author what stands in the way."""
        if CAPABILITY_PROBE not in self.capabilities:
            return _ProbeResponse()
        try:
            return _ProbeResponse(diagnostics=to_diagnostics(self.author.probe(context_of(call), self._config) or ()))
        except Exception as e:
            fail(call, "probe", e)

    def Close(self, request: Any, call: grpc.ServicerContext) -> Any:
        """End what runs."""
        self.end(context_of(call).remaining())
        return _CloseResponse()


def _to_attribute(a: config.Attribute) -> Any:
    m = _Attribute(name=clean(a.name), type=int(a.kind), doc=clean(a.doc), required=a.required, enum_values=a.enum,
                   fields=[_to_attribute(f) for f in a.fields])
    text = a.default_text()
    if text is not None:
        m.default_value = clean(text)
    if a.min is not None:
        m.min = a.min
    if a.max is not None:
        m.max = a.max
    return m


def to_diagnostics(found: Iterable[Finding]) -> list[Any]:
    """Findings as messages."""
    return [_Diagnostic(severity=int(f.severity), summary=clean(f.summary), detail=clean(f.detail), path=[clean(p) for p in f.path])
            for f in found]


def _from_object(o: Any) -> dict[str, Any]:
    return {k: _from_value(v) for k, v in o.fields.items()}


def _from_value(v: Any) -> Any:
    kind = v.WhichOneof("kind")
    if kind is None:
        return None
    if kind == "list_value":
        return [_from_value(e) for e in v.list_value.values]
    if kind == "object_value":
        return _from_object(v.object_value)
    return getattr(v, kind)
