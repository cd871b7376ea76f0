"""A plugin's configuration out of a dataclass: what keys there are, and what the user's values come to.

    @dataclass
    class Config:
        preset: str = option("tiny", enum=("tiny", "xl"), doc="Size of the network.")
        steps: int = option(20, min=1, max=200, doc="Denoise steps.")
        model_path: str = option(required=True, doc="Folder with the weights.")
        timeout: timedelta = option(timedelta(seconds=10), doc="How long to wait.")
        tls: TLS | None = option(None, doc="Encrypt.")

Types: str, bool, int, float, timedelta (text such as "10s"; min and max in seconds), list[str], dict[str, str], another
dataclass, and any of these or None, which stays None when the key is absent: absence is not zero. A dataclass with a
method ``validate(self) -> list[Finding]`` is asked once its own values are sound; its paths are relative to it.
"""

from __future__ import annotations

import dataclasses
import enum
import math
import re
import types
import typing
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

_METADATA = "strobe"
_INT64 = range(-(1 << 63), 1 << 63)


class Severity(enum.IntEnum):
    """How bad a finding is."""

    ERROR = 1
    WARNING = 2


@dataclass(frozen=True)
class Finding:
    """One finding about the configuration, or about the plugin's surroundings."""

    summary: str
    """One line, no full stop."""
    detail: str = ""
    """What to do about it."""
    path: tuple[str, ...] = ()
    """Keys from the configuration inwards; an element of a list is its index. Empty: the whole block."""
    severity: Severity = Severity.ERROR


class Kind(enum.IntEnum):
    """Type of a key. The numbers are those of the wire."""

    STRING = 1
    BOOL = 2
    INT = 3
    FLOAT = 4
    DURATION = 5
    LIST = 6
    MAP = 7
    OBJECT = 8


_WORDS = {
    Kind.STRING: "text",
    Kind.BOOL: "true or false",
    Kind.INT: "a whole number",
    Kind.FLOAT: "a number",
    Kind.LIST: "a list of text",
    Kind.MAP: "an object of text values",
    Kind.OBJECT: "a block",
}
_KINDS = {str: Kind.STRING, bool: Kind.BOOL, int: Kind.INT, float: Kind.FLOAT, timedelta: Kind.DURATION}
_UNITS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "μs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
_DURATION = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)(ns|us|µs|μs|ms|s|m|h)((\d+(\.\d*)?|\.\d+)(ns|us|µs|μs|ms|s|m|h))*", re.ASCII)


@dataclass(frozen=True)
class _Option:
    doc: str = ""
    enum: tuple[str, ...] = ()
    min: float | None = None
    max: float | None = None


def option(
    default: Any = dataclasses.MISSING,
    *,
    doc: str = "",
    enum: Sequence[str] = (),
    min: float | None = None,
    max: float | None = None,
    required: bool = False,
    name: str = "",
) -> Any:
    """A dataclass field that says more of a key: one sentence for people, the only texts allowed, bounds.

    Without a default the key is required. A list or dict as default is copied for each instance.
    """
    if required and default is not dataclasses.MISSING:
        raise TypeError("a required option has no default")
    metadata: dict[str, Any] = {_METADATA: _Option(doc, tuple(enum), min, max)}
    if name:
        metadata["strobe_name"] = name
    if isinstance(default, (list, dict)):
        return field(default_factory=default.copy, metadata=metadata, kw_only=True)
    return field(default=default, metadata=metadata, kw_only=True)


@dataclass
class Attribute:
    """One key of a configuration."""

    name: str
    field: str
    """Name of the dataclass's field."""
    kind: Kind
    doc: str
    required: bool
    nullable: bool
    default: Any
    """The field's default; :data:`dataclasses.MISSING` when there is none."""
    enum: tuple[str, ...]
    min: float | None
    max: float | None
    of: type | None
    """The dataclass of an object."""
    fields: list["Attribute"]

    def default_text(self) -> str | None:
        """The default as text; None when there is none to show."""
        v = self.default
        if v is dataclasses.MISSING or v is None or self.kind == Kind.OBJECT:
            return None
        if self.kind == Kind.BOOL:
            return "true" if v else "false"
        if self.kind == Kind.DURATION:
            return _duration_text(v.total_seconds())
        if self.kind == Kind.FLOAT:
            return _number(v)
        if self.kind == Kind.LIST:
            return ",".join(v)
        if self.kind == Kind.MAP:
            return None
        return str(v)


def schema(config: type | None) -> list[Attribute]:
    """The keys of a dataclass. A TypeError is the author's mistake, not the user's."""
    if config is None:
        return []
    if not dataclasses.is_dataclass(config) or not isinstance(config, type):
        raise TypeError(f"config is {config!r}, must be a dataclass")
    hints = typing.get_type_hints(config)
    return [_attribute(f, hints[f.name]) for f in dataclasses.fields(config) if f.init]


def _attribute(f: dataclasses.Field, hint: Any) -> Attribute:
    bare, nullable = _without_none(hint)
    o: _Option = f.metadata.get(_METADATA, _Option())
    name = f.metadata.get("strobe_name", f.name)
    of, fields = None, []
    origin, args = typing.get_origin(bare), typing.get_args(bare)
    if bare in _KINDS:
        kind = _KINDS[bare]
    elif origin is list and args == (str,):
        kind = Kind.LIST
    elif origin is dict and args == (str, str):
        kind = Kind.MAP
    elif dataclasses.is_dataclass(bare) and isinstance(bare, type):
        kind, of, fields = Kind.OBJECT, bare, schema(bare)
    else:
        raise TypeError(f"option {name}: {hint} cannot be configured; see strobe_plugin.config for the types that can")
    default = f.default
    if f.default_factory is not dataclasses.MISSING:
        default = f.default_factory()
    return Attribute(name, f.name, kind, o.doc, default is dataclasses.MISSING and not nullable, nullable, default, o.enum, o.min, o.max, of, fields)


def _without_none(hint: Any) -> tuple[Any, bool]:
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        rest = [a for a in typing.get_args(hint) if a is not type(None)]
        if len(rest) == 1:
            return rest[0], True
    return hint, False


def decode(values: dict[str, Any], config: type | None) -> tuple[Any, list[Finding]]:
    """Make an instance of the dataclass of what the user wrote. Everything wrong is found at once; the instance is None
    when there is an error among the findings."""
    if config is None:
        return None, [Finding(f'unknown key "{key}"', "the plugin takes no configuration", (key,)) for key in sorted(values)]
    found: list[Finding] = []
    made = _object((), values, config, schema(config), found)
    if has_errors(found):
        return None, found
    return made, found


def has_errors(found: Iterable[Finding]) -> bool:
    """Whether any finding is an error."""
    return any(f.severity == Severity.ERROR for f in found)


def _object(path: tuple[str, ...], values: dict[str, Any], config: type, attributes: list[Attribute], found: list[Finding]) -> Any:
    before = len(found)
    given: dict[str, Any] = {}
    known = [a.name for a in attributes]
    for key in sorted(values):
        if key not in known:
            found.append(Finding(f'unknown key "{key}"', hint(key, "known keys", known), (*path, key)))
    for a in attributes:
        at, value = (*path, a.name), values.get(a.name)
        if value is None:
            if a.name in values and a.required:
                found.append(Finding(f'key "{a.name}" must not be null', a.doc, at))
            elif a.required:
                found.append(Finding(f'missing key "{a.name}"', a.doc, at))
            elif a.name in values and a.nullable:
                given[a.field] = None
            elif a.default is dataclasses.MISSING:
                given[a.field] = None
            continue
        if a.kind == Kind.OBJECT:
            if isinstance(value, dict):
                given[a.field] = _object(at, value, typing.cast(type, a.of), a.fields, found)
            else:
                found.append(Finding(f"must be a block or an object, not {_kind_of(value)}", "", at))
            continue
        stored, bad = _convert(a, value)
        if bad is None:
            given[a.field] = stored
        else:
            found.append(dataclasses.replace(bad, path=at + bad.path))
    if has_errors(found[before:]):
        return None
    made = config(**given)
    validate = getattr(made, "validate", None)
    if callable(validate):
        found.extend(dataclasses.replace(f, path=path + tuple(f.path)) for f in validate() or ())
    return made


def _convert(a: Attribute, v: Any) -> tuple[Any, Finding | None]:
    if a.kind == Kind.STRING and isinstance(v, str):
        return v, _in_enum(a, v)
    if a.kind == Kind.BOOL and isinstance(v, bool):
        return v, None
    if a.kind == Kind.INT and isinstance(v, int) and not isinstance(v, bool) and v in _INT64:
        return v, _in_range(a, v, str(v))
    if a.kind == Kind.FLOAT and isinstance(v, (int, float)) and not isinstance(v, bool):
        return float(v), _in_range(a, v, _number(v))
    if a.kind == Kind.DURATION:
        return _duration(a, v)
    if a.kind == Kind.LIST and isinstance(v, list):
        for i, e in enumerate(v):
            bad = _in_enum(a, e) if isinstance(e, str) else Finding(f"must be text, not {_kind_of(e)}")
            if bad:
                return None, dataclasses.replace(bad, path=(str(i),))
        return list(v), None
    if a.kind == Kind.MAP and isinstance(v, dict):
        for k in sorted(v):
            if not isinstance(v[k], str):
                return None, Finding(f"must be text, not {_kind_of(v[k])}", path=(k,))
        return dict(v), None
    return None, Finding(f"must be {_WORDS[a.kind]}, not {_kind_of(v)}")


def _duration(a: Attribute, v: Any) -> tuple[Any, Finding | None]:
    if not isinstance(v, str):
        return None, Finding(f'must be text with a unit, such as "10s" or "1m30s", not {_kind_of(v)}')
    try:
        d = parse_duration(v)
    except ValueError:
        return None, Finding(f'"{v}" is no duration', 'write a number and a unit: "500ms", "10s", "1m30s"')
    return d, _in_range(a, d.total_seconds(), v)


def parse_duration(text: str) -> timedelta:
    """Read text such as "1m30s"."""
    if text == "0":
        return timedelta()
    if not _DURATION.fullmatch(text):
        raise ValueError(f"{text!r} is no duration")
    seconds = sum(float(n) * _UNITS[u] for n, u in re.findall(r"([\d.]+)(ns|us|µs|μs|ms|s|m|h)", text))
    try:
        return timedelta(seconds=-seconds if text.startswith("-") else seconds)
    except OverflowError as e:
        raise ValueError(f"{text!r} is too long") from e


def _in_enum(a: Attribute, v: str) -> Finding | None:
    if not a.enum or v in a.enum:
        return None
    return Finding(f'"{v}" is not allowed', hint(v, "allowed", a.enum))


def _in_range(a: Attribute, v: float, text: str) -> Finding | None:
    if a.min is None and a.max is None:
        return None
    low, high = a.min is not None and v < a.min, a.max is not None and v > a.max
    if not low and not high and not math.isnan(v):
        return None
    bound = _duration_text if a.kind == Kind.DURATION else _number
    if a.min is None:
        return Finding(f"{text} is too large: at most {bound(a.max)}")
    if a.max is None:
        return Finding(f"{text} is too small: at least {bound(a.min)}")
    return Finding(f"{text} is out of range: {bound(a.min)} to {bound(a.max)}")


def _number(v: Any) -> str:
    return str(int(v)) if math.isfinite(v) and v == int(v) and abs(v) < 1e15 else repr(v)


def _duration_text(seconds: Any) -> str:
    """As Go writes a duration: 1m30s, 500ms."""
    sign, ns = ("-" if seconds < 0 else ""), round(abs(seconds) * 1e9)
    if ns == 0:
        return "0s"
    for unit, size in (("ns", 1), ("µs", 1_000), ("ms", 1_000_000)):
        if ns < size * 1000:
            return f"{sign}{ns / size:.9g}{unit}"
    whole, part = divmod(ns, 1_000_000_000)
    minutes, s = divmod(whole, 60)
    hours, m = divmod(minutes, 60)
    tail = f"{s}" + (f".{part:09d}".rstrip("0") if part else "") + "s"
    return sign + (f"{hours}h" if hours else "") + (f"{m}m" if minutes else "") + tail


def _kind_of(v: Any) -> str:
    if v is None:
        return "null"
    if isinstance(v, bool):
        return "true or false"
    for kind, words in ((str, "text"), (int, "a whole number"), (float, "a number"), (list, "a list"), (dict, "an object")):
        if isinstance(v, kind):
            return words
    return f"a {type(v).__name__}"


def hint(name: str, there: str, options: Sequence[str]) -> str:
    """What was probably meant, and what there is."""
    best, least = "", len(name) // 3 + 2
    for o in options:
        d = _distance(name.lower(), o.lower())
        if d < least:
            best, least = o, d
    lines = [f'did you mean "{best}"?'] if best else []
    if options:
        lines.append(f"{there}: {', '.join(options)}")
    return "\n".join(lines)


def _distance(a: str, b: str) -> int:
    """Levenshtein's: insertions, deletions and replacements from one to the other."""
    row = list(range(len(b) + 1))
    for i, c in enumerate(a[:200], 1):
        above, row[0] = row[0], i
        for j, d in enumerate(b, 1):
            above, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, above + (c != d))
    return row[-1]
