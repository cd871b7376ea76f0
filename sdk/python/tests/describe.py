"""Events as lines, in the form of sdk/recording/testdata/golden/*.events."""

from __future__ import annotations

import math

from strobe_plugin.recording import Arg, ArgType, Event, Kind, ProcessSummary

_WORDS = {Kind.SPAN: "span", Kind.INSTANT: "instant", Kind.COUNTER: "counter", Kind.FLOW_OUT: "flow out", Kind.FLOW_IN: "flow in"}
_ESCAPES = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\t": "\\t", "\r": "\\r", "\a": "\\a", "\b": "\\b", "\f": "\\f", "\v": "\\v"}


def quote(s: str) -> str:
    """As Go's %q."""

    def one(c: str) -> str:
        n = ord(c)
        if c in _ESCAPES:
            return _ESCAPES[c]
        if c.isprintable() or c == "\ufffd":
            return c
        return f"\\x{n:02x}" if n < 0x80 else f"\\u{n:04x}" if n < 0x10000 else f"\\U{n:08x}"

    return '"' + "".join(map(one, s)) + '"'


def number(v: float) -> str:
    """As Go's %v of a float64."""
    if math.isnan(v):
        return "NaN"
    if math.isinf(v):
        return "+Inf" if v > 0 else "-Inf"
    if v == int(v) and abs(v) < 1e21:
        return str(int(v))
    return repr(v)


def args(all: list[Arg]) -> str:
    """, "key"=type:value of each."""
    out = ""
    for a in all:
        if a.type == ArgType.FLOAT:
            value = number(a.value)
        elif a.type in (ArgType.INT, ArgType.BOOL):
            value = str(int(a.value))
        else:
            value = quote(a.value)
        out += f", {quote(a.key)}={int(a.type)}:{value}"
    return out


def event(e: Event) -> str:
    """One line."""
    t = e.track
    out = f"{t.process.name}/{t.name}" + (f" ({t.group})" if t.group else "")
    out += f": {_WORDS[e.kind]} {quote(e.name.text)} category {int(e.name.category)} at {e.start}"
    if e.kind == Kind.SPAN:
        out += f" to {e.end}, seq {e.sequence}" + (", open" if e.open else "")
    elif e.kind == Kind.COUNTER:
        out += f", value {number(float(e.value))}, float {'true' if isinstance(e.value, float) else 'false'}"
    elif e.kind in (Kind.FLOW_OUT, Kind.FLOW_IN):
        out += f", flow {e.flow}"
    out += f", depth {e.depth}, parent {e.parent}"
    if e.request:
        out += f", request {quote(e.request)}"
    if t.device:
        out += f", device {t.device_id} context {t.context_id} stream {t.stream_id}"
    elif t.calls:
        out += f", thread {t.thread_id}"
    if e.work or e.correlation or e.external or e.external_track:
        out += f", work {e.work} correlation {e.correlation}"
        if e.external_track:
            out += f" of span {e.external} on {e.external_track.name}"
    return out + args(list(e.args)) + "\n"


def summary(s: ProcessSummary) -> str:
    """One line a process, then its facts."""
    p = s.process
    out = f"{p.name} pid {p.pid}: {s.events} events, {s.open} open, corrupt {s.corrupt}, of later kinds {s.unknown}, segments [{' '.join(p.segments)}]{s.error}\n"
    return out + "".join(f"{p.name} fact {quote(f.name)} {f.id}{args(f.args)}\n" for f in p.facts)
