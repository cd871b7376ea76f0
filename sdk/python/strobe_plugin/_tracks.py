"""Tracks: what authors record with."""

from __future__ import annotations

import struct
import threading
from collections.abc import Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any

import numpy as np

from . import _segment as seg
from ._names import Args, Name, NameID, encode, key_of, now
from ._segment import WEAK, fence

if TYPE_CHECKING:
    from .trace import Recorder


class Span:
    """Something that takes time; a context manager. Ending a span ends the spans within it that are still open."""

    __slots__ = ("_track", "_file", "_words", "_end", "_request", "sequence", "depth", "begin")

    def __init__(self, track: "Track", file: Any, words: Any, end: int, request: bytes, sequence: int, depth: int, begin: int) -> None:
        self._track, self._file, self._words, self._end, self._request = track, file, words, end, request
        self.sequence, self.depth, self.begin = sequence, depth, begin

    def end(self, args: Args | None = None) -> None:
        """End the span now, perhaps with more arguments. Ending it again does nothing."""
        if self._file is None:
            return
        t = self._track
        with t._lock:
            if self._file is not t._file:  # the recording in which it began is over
                self._file = None
                return
            at = now()
            open_ = t._open
            if args:
                t._end_args(self, args)
            while open_ and open_[-1].depth >= self.depth:
                inner = open_.pop()
                inner._words[inner._end] = at
                inner._file = inner._words = None

    def __enter__(self) -> "Span":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.end()


_OFF = Span(None, None, None, 0, b"", 0, 0, 0)  # type: ignore[arg-type]


class Track:
    """One timeline: a thread, a request lane. Made by :meth:`Recorder.track`."""

    __slots__ = ("_rec", "_lock", "id", "name", "group", "_place", "_flags", "_file", "_window", "_words", "_at", "_end",
                 "_chunk", "_ordinal", "_events", "_sequence", "_open", "_request", "_defined", "__weakref__")

    def __init__(self, rec: "Recorder", number: int, name: str, group: str, flags: int, place: tuple[int, int, int]) -> None:
        self._rec, self._lock = rec, threading.Lock()
        self.id, self.name, self.group, self._flags, self._place = number, name, group, flags, place
        self._file: Any = None
        self._window: Any = None
        self._words: Any = None
        self._at = self._end = self._chunk = self._ordinal = self._events = self._sequence = 0
        self._open: list[Span] = []
        self._request = b""
        self._defined = False

    # Making records. The lock is held.

    def _ready(self) -> bool:
        """Attached to the segment that is current; False when nothing records."""
        rec = self._rec
        while (file := rec._file) is not None:
            if file is self._file:
                return True
            if rec._attached(self, file):
                self._attach(file)
                return True
        return False

    def _attach(self, file: Any) -> None:
        """Go over to another segment, and take the open spans along if it goes on from the one before."""
        self._leave()
        self._file, self._window, self._words = file, None, None
        self._at = self._end = self._ordinal = 0
        self._defined = False
        if not file.goes_on:
            self._open = []
        elif self._open:
            request = self._request
            for s in self._open:
                self._carry(s, file)
            self._set_request(request)

    def _carry(self, s: Span, file: Any) -> None:
        """Write an open span once more, as it is in the segment before, under the request that it began under."""
        self._set_request(s._request)
        at = s._end - 2
        head = s._words[at]
        words = head >> 16 & 0xFFFF
        record = s._words[at : at + words].tobytes()
        s._file = file
        if not self._fits(words):  # its end is kept for the next segment
            s._words, s._end = memoryview(bytearray(record)).cast("Q"), 2
            return
        s._words, s._end = self._words, self._at + 2
        self._record(seg.AGAIN | head & 0xFF, head >> 8 & 0xFF, head >> 32, record[8:])

    def _move(self, old: Any, new: Any) -> None:
        """Leave a segment that is no longer current. A track with nothing open attaches to the new one when it is used."""
        with self._lock:
            if self._file is not old:
                return
            if self._open and new is not None and new.goes_on and self._ready():
                return
            self._leave()
            self._file = self._window = self._words = None
            self._open = []
            self._at = self._end = 0

    def _room(self, words: int) -> int:
        """The place of a record of as many words; 0 when there is none, which is counted."""
        at = self._at
        if at + words <= self._end:
            self._at = at + words
            return at
        if not self._next():
            self._file.count(seg.OFF_FULL)
            return 0
        at = self._at
        self._at = at + words
        return at

    def _next(self) -> bool:
        taken = self._file.chunk(self.id, self._ordinal)
        if taken is None:
            return False
        self._leave()
        self._window, self._chunk = taken
        self._words = self._window.words
        self._ordinal += 1
        self._at, self._end = self._chunk + seg.CHUNK_HEADER // 8, self._chunk + seg.CHUNK // 8
        if not self._defined:
            self._defined = True
            n = seg.cut(self.name.encode("utf-8", "replace"), seg.MAX_LABEL)
            g = seg.cut(self.group.encode("utf-8", "replace"), seg.MAX_LABEL)
            device, context, stream = self._place
            self._record(seg.TRACK, 0, 0, struct.pack("=IIiIII", len(n), len(g), device, context, stream, self._flags) + seg.padded(n + g))
        if self._request:
            self._record(seg.REQUEST, 0, 0, struct.pack("=Q", len(self._request)) + seg.padded(self._request))
        return True

    def _leave(self) -> None:
        """Say how many events the chunk has."""
        if self._words is not None:
            self._words[self._chunk + 2] = self._events
            self._file.add(self._events)
            self._events = 0

    def _record(self, kind: int, depth: int, name: int, body: bytes) -> None:
        """A record for which there is room."""
        at, words = self._at, 1 + len(body) // 8
        self._window.bytes[8 * at + 8 : 8 * (at + words)] = body
        self._at += words
        if WEAK:
            fence()
        self._words[at] = kind | depth << 8 | words << 16 | name << 32

    def _args(self, args: Args) -> bytes:
        b, lost = encode(args)
        if lost:
            self._file.count(seg.OFF_TRUNCATED, lost)
        return b

    # What authors call.

    def span(self, name: Name, args: Args | None = None) -> Span:
        """Begin a span that ends with the ``with`` block; see :meth:`begin`."""
        return self.begin(name, args)

    def begin(self, name: Name, args: Args | None = None) -> Span:
        """Begin a span. It is within the spans of this track that are open."""
        rec = self._rec
        if rec._file is None:
            return _OFF
        if type(name) is str:
            name = key_of(name)  # type: ignore[assignment]
        with self._lock:
            file = rec._file
            if file is None or (file is not self._file and not self._ready()):
                return _OFF
            open_ = self._open
            depth = len(open_)
            if depth >= seg.MAX_DEPTH:
                self._file.count(seg.OFF_DEPTH)
                return _OFF
            body = self._args(args) if args else None
            words = 4 if body is None else 4 + len(body) // 8
            at = self._at
            if at + words <= self._end:
                self._at = at + words
            elif not (at := self._room(words)):
                return _OFF
            self._sequence += 1
            sequence = self._sequence
            w = self._words
            w[at + 3] = sequence
            if body is not None:
                self._window.bytes[8 * at + 32 : 8 * (at + words)] = body
            w[at + 1] = begin = now()
            if WEAK:
                fence()
            w[at] = seg.SPAN | depth << 8 | words << 16 | name << 32  # type: ignore[operator]
            self._events += 1
            s = Span(self, self._file, w, at + 2, self._request, sequence, depth, begin)
            open_.append(s)
            return s

    def _end_args(self, span: Span, args: Args) -> None:
        body = self._args(args)
        words = 2 + len(body) // 8
        if self._at + words > self._end and not self._next():
            self._file.count(seg.OFF_TRUNCATED, len(args))
            return
        self._record(seg.END_ARGS, 0, 0, struct.pack("=Q", span.sequence) + body)

    def _point(self, kind: int, name: Name, middle: bytes, args: Args | None = None) -> None:
        rec = self._rec
        if rec._file is None:
            return
        if type(name) is str:
            name = key_of(name)  # type: ignore[assignment]
        with self._lock:
            file = rec._file
            if file is None or (file is not self._file and not self._ready()):
                return
            if args:
                middle += self._args(args)
            words = 2 + len(middle) // 8
            at = self._room(words)
            if not at:
                return
            w = self._words
            if middle:
                self._window.bytes[8 * at + 16 : 8 * (at + words)] = middle
            w[at + 1] = now()
            if WEAK:
                fence()
            w[at] = kind | len(self._open) << 8 | words << 16 | name << 32  # type: ignore[operator]
            self._events += 1

    def instant(self, name: Name, args: Args | None = None) -> None:
        """Something happened now."""
        self._point(seg.INSTANT, name, b"", args)

    def count(self, name: Name, value: float) -> None:
        """The value of a counter now. Whole numbers beyond 64 bits are floating."""
        if isinstance(value, (int, np.integer)) and -(1 << 63) <= value < 1 << 63:
            self._point(seg.COUNT, name, struct.pack("=q", value))
        else:
            self._point(seg.COUNT_FLOAT, name, struct.pack("=d", value))

    def flow_out(self, flow: int) -> None:
        """An arrow leaves the innermost open span; ``flow`` is the id that its other end has too. 0 does nothing."""
        if flow:
            self._point(seg.FLOW_OUT, NameID(0), struct.pack("=Q", flow))

    def flow_in(self, flow: int) -> None:
        """An arrow arrives in the innermost open span. 0 does nothing."""
        if flow:
            self._point(seg.FLOW_IN, NameID(0), struct.pack("=Q", flow))

    def set_request(self, request: str) -> None:
        """Events that begin on the track from now on belong to this request; empty: to none."""
        b = seg.cut(request.encode("utf-8", "replace"), seg.MAX_REQUEST)
        with self._lock:
            self._set_request(b)

    def _set_request(self, b: bytes) -> None:
        if b == self._request:
            return
        self._request = b
        if self._words is None:
            return  # the next chunk begins with it
        body = struct.pack("=Q", len(b)) + seg.padded(b)
        if self._at + 1 + len(body) // 8 <= self._end:
            self._record(seg.REQUEST, 0, 0, body)
        elif not self._next():  # which writes it
            self._file.count(seg.OFF_TRUNCATED)

    def append(
        self,
        names: Any,
        begins: Any,
        ends: Any,
        args: Sequence[Args | None] | None = None,
    ) -> int:
        """Record spans that are over, measured by others: nested spans of one thread in the order of their begins, an outer
        one before those within. ``names`` are ids or texts, one or one each; ``begins`` and ``ends`` ticks, see
        :func:`ticks_of_unix_ns`. What overlaps without nesting is cut to its outer span. Do not use the track for
        anything else. Returns how many were recorded."""
        begins, ends = np.asarray(begins, np.int64), np.asarray(ends, np.int64)
        names = name_ids(names, len(begins))
        done = 0
        with self._lock:
            if not self._ready():
                return 0
            stack: list[int] = []
            for i, (n, b, e) in enumerate(zip(names.tolist(), begins.tolist(), ends.tolist())):
                while stack and stack[-1] <= b:
                    stack.pop()
                if stack:
                    e = min(e, stack[-1])
                body = self._args(args[i]) if args is not None and args[i] else b""  # type: ignore[arg-type]
                e = max(e, b)
                if len(stack) >= seg.MAX_DEPTH:
                    self._file.count(seg.OFF_DEPTH)
                    continue
                if not self._fits(4 + len(body) // 8):
                    continue
                self._sequence += 1
                self._record(seg.SPAN, len(stack), n, struct.pack("=QQQ", b, max(e, 1), self._sequence) + body)
                self._events += 1
                stack.append(e)
                done += 1
        return done

    def _fits(self, words: int) -> bool:
        """Room for a record, without taking it."""
        if self._at + words <= self._end or self._next():
            return True
        self._file.count(seg.OFF_FULL)
        return False


def name_ids(names: Any, n: int) -> Any:
    if isinstance(names, (str, int, np.integer)):
        return np.full(n, key_of(names), np.int64)  # type: ignore[arg-type]
    ids = np.fromiter((key_of(k) for k in names), np.int64, len(names))
    if len(ids) != n:
        raise ValueError(f"{len(ids)} names for {n} spans")
    return ids
