"""What a reader knows of one recording process: its names, clock, tracks and facts."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from . import _segment as seg
from ._clock import Clock
from ._events import Arg, ArgType, Batch, Fact, Kind, Name, Process, ProcessSummary, Row
from ._source import Cursor, Source
from ._track_reader import TrackReader
from .trace import Losses

if TYPE_CHECKING:
    from .recording import Follower

# What is accounted for besides texts, in bytes.
_NAME_COST, _TRACK_COST, _PAIR_COST = 200, 1400, 100
_MAX_FACTS = 4096
_ARG_TYPES = {int(t): t for t in ArgType}


class ProcessReader:
    """What the reader knows of one recording process."""

    def __init__(self, follow: Follower, s: Source) -> None:
        h = s.header
        self.follow, self.key = follow, h.key()
        self.pub = Process(h.kind, h.name, h.model, h.stage, h.stage_name, h.rank, h.synthetic, h.pid, h.host, h.boot_id, h.event_cost / 1000, h.cores)
        self.sources: list[Source] = []
        self.active = 0
        self.names: dict[int, Name] = {0: Name("")}
        self.unknown: dict[int, Name] = {}
        self.shapes: dict[int, bool] = {}
        self.tracks: dict[int, TrackReader] = {}
        self.order: list[TrackReader] = []
        self.own = Clock(h.rate)
        self.clock: Clock | None = None
        self.limit = self.latest = 0
        self.facts: dict[tuple[str, int], Fact] = {}
        self.rows: list[Row] = []
        self.deliver: Callable[[Batch], None] = lambda _: None
        self.sent = self.open = self.corrupt = self.later = self.filtered = 0
        f = follow.filter
        self.left = self.pub.kind == 2 and bool((f.stages and h.stage not in f.stages) or (f.ranks and h.rank not in f.ranks))
        self.reading = False

    def add(self, s: Source) -> None:
        """Take one more segment of the process."""
        i = len(self.sources)
        while i > 0 and (self.sources[i - 1].header.sequence, self.sources[i - 1].name) > (s.header.sequence, s.name):
            i -= 1
        if i < self.active or (i == self.active and self.sources and self.sources[self.active].begun):
            self.corrupt += 1  # it should have been read before what was read already
            i = len(self.sources)
        self.sources.insert(i, s)
        self.pub.segments.append(s.name)

    # Track 0.

    def read_meta(self) -> None:
        """Names, clock pairs and facts as far as there are any, and the chunks that were begun."""
        if self.reading:
            return
        self.reading = True
        s = self.sources[self.active]
        for track, ordinal, at in s.scan():
            c = s.meta
            if track:
                t = self.track(track)
                if t is None:
                    self.corrupt += 1
                    continue
                c = t.at
            self.corrupt += ordinal != c.expected  # a chunk of the track is missing or out of place
            c.expected = ordinal + 1
            c.queue.append(at)
        self.corrupt += s.take_corrupt()
        c = s.meta
        while c.queue:
            complete = len(c.queue) > 1
            c.next = c.next or seg.CHUNK_HEADER
            data = s.pread(seg.CHUNK - c.next, c.queue[0] + c.next)
            pos = 0
            while True:
                size, h = _record(data, pos)
                if size <= 0:
                    break
                self._meta(h, data[pos : pos + size])
                pos += size
            if size < 0:
                self.corrupt += 1
                pos = len(data)
            c.next += pos
            if not complete:
                break
            c.queue.pop(0)
            c.next = 0
        self.reading = False

    def _meta(self, h: int, rec: bytes) -> None:
        kind = h & 0x7F
        if kind == seg.NAME:
            n = _u64(rec, 8)
            if n <= len(rec) - 16 and n <= seg.MAX_NAME:
                self._define(h >> 32, h >> 8 & 0xFF, rec[16 : 16 + n])
            else:
                self.corrupt += 1
        elif kind == seg.PAIR:
            if not self._pair(rec):
                self.corrupt += 1
        elif kind == seg.FACT:
            self._fact(h >> 32, rec)
        else:
            self.passed(kind)

    def passed(self, kind: int) -> None:
        """Count a record that means nothing here."""
        if kind < len(seg.FIXED):
            self.corrupt += 1
        else:
            self.later += 1

    def _define(self, number: int, category: int, b: bytes) -> None:
        if number in self.names and number:
            return  # each segment defines the names again
        text = b.decode("utf-8", "replace")
        if not 0 < number <= seg.MAX_NAMES or not self.follow.take(len(b) + _NAME_COST):
            self.corrupt += 1
            return
        self.names[number] = Name(text, category)

    def _pair(self, rec: bytes) -> bool:
        ok, added = self.own.add(_u64(rec, 8), _i64(rec, 16), _i64(rec, 24))
        if ok and added:
            if self.clock is not None and self.clock is not self.own and len(self.own.pairs) > 2:
                del self.own.pairs[1:-1]  # core's clock is used: of the own one only how long it was recorded counts
            elif not self.follow.take(_PAIR_COST):
                self.own.pairs.pop()
                return False
        return ok

    def _fact(self, number: int, rec: bytes) -> None:
        key = (self.name(number).text, _u64(rec, 8))
        if (key not in self.facts and len(self.facts) >= _MAX_FACTS) or not self.follow.take(_NAME_COST + 6 * len(rec)):
            self.corrupt += 1
            return
        args = self.decode(rec[16:])
        if key in self.facts:
            self.facts[key].args = args
            return
        self.facts[key] = Fact(*key, args)
        self.pub.facts.append(self.facts[key])

    def read_pairs(self) -> None:
        """The clock pairs of all segments, at the end: another process's events may lie in any of them."""
        if len(self.sources) < 2:
            return
        for s in self.sources[self.active :]:
            for b in s.meta_chunks():
                pos = seg.CHUNK_HEADER
                while True:
                    size, h = _record(b, pos)
                    if size <= 0:
                        break
                    if h & 0x7F == seg.PAIR:
                        self._pair(b[pos : pos + size])
                    pos += size

    def name(self, number: int) -> Name:
        """The name of an id. One that is not defined is looked for once more."""
        n = self.names.get(number)
        if n is not None:
            return n
        n = self.unknown.get(number)
        if n is not None and self.sources[self.active].frozen:
            return n
        if not self.sources[self.active].closed:
            self.read_meta()
        if number in self.names:
            return self.names[number]
        n = n or Name(f"name#{number}")
        if len(self.unknown) < seg.MAX_NAMES and self.follow.take(_NAME_COST):
            self.unknown[number] = n
        return n

    def track(self, number: int) -> "TrackReader | None":
        """Find or make a track; None when there is no memory for one more."""
        t = self.tracks.get(number)
        if t is None and self.follow.take(_TRACK_COST):
            t = self.tracks[number] = TrackReader(self, number)
            self.order.append(t)
        return t

    # Arguments.

    def decode(self, raw: bytes) -> list[Arg]:
        """Arguments up to the first that is not understood, which is counted."""
        out: list[Arg] = []
        at, n = 0, len(raw)
        names = self.names
        while at + 16 <= n:
            kind, key, bits = raw[at], int.from_bytes(raw[at + 4 : at + 8], "little"), raw[at + 8 : at + 16]
            at += 16
            value: Any
            if kind == 1:
                value = int.from_bytes(bits, "little", signed=True)
            elif kind == 2:
                value = _f64(bits)
            elif kind == 3:
                value = bool(bits[0] & 1)
            elif kind in (4, 6):
                number = int.from_bytes(bits[:4], "little")
                value = self.name(number).text
                if kind == 6 and not self._is_shapes(number, value):
                    kind = 4
            elif kind == 5 and (length := int.from_bytes(bits, "little")) + -length % 8 <= n - at:
                value = raw[at : at + length].decode("utf-8", "replace")
                at += length + -length % 8
            else:
                self.corrupt += 1
                return out
            k = names.get(key)
            out.append(Arg((k or self.name(key)).text, _ARG_TYPES[kind], value))
        self.corrupt += at != n
        return out

    def _is_shapes(self, number: int, text: str) -> bool:
        ok = self.shapes.get(number)
        if ok is None:
            ok = _is_shapes(text)
            if len(self.shapes) <= seg.MAX_NAMES:
                self.shapes[number] = ok
        return ok

    # Events.

    def flush(self) -> None:
        """Hand the events on."""
        rows, self.rows = self.rows, []
        if not rows:
            return
        assert self.clock is not None
        start = self.clock.unix([r[1] for r in rows])
        end = self.clock.unix([r[2] for r in rows])
        f = self.follow
        if f.since or f.filter.min_duration_ns > 0:
            opened = np.fromiter((r[6] for r in rows), bool, len(rows))
            late = opened | (end >= f.since)
            spans = np.fromiter((r[0] == Kind.SPAN for r in rows), bool, len(rows))
            long = opened | ~spans | (end - start >= f.filter.min_duration_ns)
            keep = late & long
            self.filtered += int((late & ~long).sum())
            if not keep.all():
                rows = [r for r, k in zip(rows, keep.tolist()) if k]
                start, end = start[keep], end[keep]
                if not rows:
                    return
        self.sent += len(rows)
        self.open += sum(r[6] for r in rows)
        self.deliver(Batch(self.pub, self, rows, start, end))

    def advance(self) -> bool:
        """Go on to the next segment when the active one is read. Nothing may be added to it any more."""
        if self.active + 1 >= len(self.sources) or any(len(t.at.queue) > 1 or t.at.blocked for t in self.order):
            return False
        self.active += 1
        for t in self.order:
            t.at = Cursor()
            for sp in t.stack:
                sp.at = -1
        return True

    def finish(self, deliver: Callable[[Batch], None]) -> None:
        """Deliver the spans that are still open: they end at the last moment that the process recorded."""
        self.deliver = deliver
        last = self.latest
        if self.own.pairs:
            last = max(last, self.own.pairs[-1][0])
        for t in self.order:
            for sp in t.stack:
                last = max(last, sp.begin, sp.end)
        for t in self.order:
            t.finish(last)
        self.flush()

    def summary(self) -> ProcessSummary:
        """What was read."""
        lost = [0] * 6
        row = ProcessSummary(self.pub, self.sent, self.filtered, self.open, 0, Losses(), self.corrupt, self.later, self.own.span())
        for s in self.sources:
            row.bytes += s.used()
            lost = [a + b for a, b in zip(lost, s.losses())]
            row.error = row.error or s.error
        row.lost = Losses(*lost)
        return row


def _record(data: bytes, pos: int) -> tuple[int, int]:
    """Size and head of the record at pos: size 0 for none, -1 for one that cannot be."""
    if pos + 8 > len(data):
        return 0, 0
    h = _u64(data, pos)
    if h == 0:
        return 0, 0
    size, kind = (h >> 16 & 0xFFFF) * 8, h & 0x7F
    if kind == 0 or size < 8 or size > len(data) - pos or (kind < len(seg.FIXED) and size < seg.FIXED[kind]):
        return -1, h
    return size, h


def _u32(b: bytes, at: int) -> int:
    return int.from_bytes(b[at : at + 4], "little")


def _u64(b: bytes, at: int) -> int:
    return int.from_bytes(b[at : at + 8], "little")


def _i64(b: bytes, at: int) -> int:
    return int.from_bytes(b[at : at + 8], "little", signed=True)


def _f64(b: bytes) -> float:
    return float(np.frombuffer(b, "<f8", 1)[0])


def _is_shapes(text: str) -> bool:
    if not text.strip(" \t\r\n").startswith("["):
        return False
    try:
        v = json.loads(text)
    except (ValueError, RecursionError):
        return False
    return isinstance(v, list) and all(isinstance(s, list) and all(type(n) is int and -(1 << 63) <= n < 1 << 63 for n in s) for s in v)
