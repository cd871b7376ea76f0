"""Reading recordings, the format of sdk/recording/FORMAT.md: whole ones, and ones that still grow.

    summaries = recording.read(folder, lambda batch: ...)
    for batch in recording.batches(folder): ...

A :class:`Batch` has its events as numpy columns (``batch.start``, ``batch.end``, ``batch.kind`` …) and, one by one, as
:class:`Event`. Files are not trusted: memory is bounded, what cannot be is passed over and counted.
"""

from __future__ import annotations

import enum
import json
import os
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from . import _segment as seg
from ._clock import Clock
from ._source import NotYet, Source
from .trace import Category, Losses, Work

__all__ = ["Arg", "ArgType", "Batch", "Event", "Fact", "Filter", "Follower", "Kind", "Name", "Process", "ProcessSummary", "Track",
           "Work", "batches", "read"]


class Kind(enum.IntEnum):
    """What an event is."""

    SPAN = 1
    INSTANT = 2
    COUNTER = 3
    FLOW_OUT = 4
    FLOW_IN = 5


class ArgType(enum.IntEnum):
    """Type of an argument."""

    INT = 1
    FLOAT = 2
    BOOL = 3
    NAME = 4
    STRING = 5
    SHAPES = 6


@dataclass(frozen=True)
class Name:
    """An interned name."""

    text: str
    category: int = Category.NONE


@dataclass(frozen=True)
class Arg:
    """One argument. The value is an int, float, bool or str; shapes are JSON, an array of arrays of integers."""

    key: str
    type: ArgType
    value: Any


@dataclass
class Fact:
    """What holds for a process, or for one of its devices, contexts or streams."""

    name: str
    id: int
    args: list[Arg]


@dataclass(eq=False)
class Process:
    """Who recorded."""

    kind: int
    """1 core, 2 a rank of a model's stage, 3 a profiler that measures."""
    name: str
    model: str
    stage: int
    stage_name: str
    rank: int
    synthetic: bool
    pid: int
    host: str
    boot_id: str
    event_ns: float
    cores: int
    facts: list[Fact] = field(default_factory=list)
    segments: list[str] = field(default_factory=list)
    """Names of the files read so far."""


@dataclass(eq=False)
class Track:
    """One timeline of a process."""

    process: Process
    id: int
    name: str
    group: str = ""
    device: bool = False
    """Work of a device: its spans overlap and come in no order, as those of ``calls`` do."""
    calls: bool = False
    """Calls of one thread to a device's runtime or driver."""
    device_id: int = 0
    context_id: int = 0
    stream_id: int = 0
    thread_id: int = 0


@dataclass(frozen=True)
class Event:
    """One event; times are nanoseconds since 1970 UTC."""

    kind: Kind
    name: Name
    track: Track
    start: int
    end: int
    """Of spans; else the start."""
    open: bool
    """A span that had not ended when the recording did."""
    depth: int
    sequence: int
    """The span's number within its track, from 1."""
    parent: int
    """``sequence`` of the enclosing span; 0 for none."""
    value: float | int
    """Of counters."""
    flow: int
    request: str
    args: Sequence[Arg]
    work: int = 0
    """:class:`Work` of spans on tracks of devices and calls."""
    correlation: int = 0
    external: int = 0
    """``sequence`` of the span that enclosed the call."""
    external_track: Track | None = None


# A row of a batch: kind, start and end in ticks, depth, sequence, parent, open, value, flow, name, track, request, args, work.
_Row = tuple


class Batch:
    """Some events of one process: per track in the order of their ends, of device tracks in no order."""

    def __init__(self, process: "Process", reader: "_Process", rows: list[_Row], start: Any, end: Any) -> None:
        self.process, self._reader, self._rows = process, reader, rows
        self.start, self.end = start, end
        """Nanoseconds since 1970 UTC, int64."""

    def __len__(self) -> int:
        return len(self._rows)

    def _column(self, i: int, dtype: Any) -> Any:
        return np.fromiter((r[i] for r in self._rows), dtype, len(self._rows))

    @property
    def kind(self) -> Any:
        """:class:`Kind` of each event."""
        return self._column(0, np.uint8)

    @property
    def depth(self) -> Any:
        return self._column(3, np.uint16)

    @property
    def sequence(self) -> Any:
        return self._column(4, np.uint64)

    @property
    def parent(self) -> Any:
        return self._column(5, np.uint64)

    @property
    def open(self) -> Any:
        return self._column(6, np.bool_)

    @property
    def value(self) -> Any:
        """Of counters, as float64."""
        return self._column(7, np.float64)

    @property
    def flow(self) -> Any:
        return self._column(8, np.uint64)

    @property
    def name_id(self) -> Any:
        """Ids for :meth:`name_of`: equal ids are equal names."""
        return self._column(9, np.uint32)

    @property
    def track_id(self) -> Any:
        """Ids for :meth:`track_of`."""
        return np.fromiter((r[10].pub.id for r in self._rows), np.uint32, len(self._rows))

    def name_of(self, name_id: int) -> Name:
        """The name of an id."""
        return self._reader.name(int(name_id))

    def track_of(self, track_id: int) -> Track:
        """The track of an id."""
        return self._reader.tracks[int(track_id)].pub

    def request(self, i: int) -> str:
        """The request of one event."""
        return self._rows[i][11]

    def args(self, i: int) -> Sequence[Arg]:
        """The arguments of one event."""
        return self._rows[i][12]

    def __iter__(self) -> Iterator[Event]:
        name = self._reader.name
        for r, start, end in zip(self._rows, self.start.tolist(), self.end.tolist()):
            yield Event(_KINDS[r[0]], name(r[9]), r[10].pub, start, end, r[6], r[3], r[4], r[5], r[7], r[8], r[11], r[12], *(r[13] or ()))

    def __getitem__(self, i: int) -> Event:
        return next(iter(Batch(self.process, self._reader, [self._rows[i]], self.start[i : i + 1], self.end[i : i + 1])))


_KINDS = {int(k): k for k in Kind}
_POINTS = {seg.INSTANT: Kind.INSTANT, seg.COUNT: Kind.COUNTER, seg.COUNT_FLOAT: Kind.COUNTER, seg.FLOW_OUT: Kind.FLOW_OUT, seg.FLOW_IN: Kind.FLOW_IN}


@dataclass(frozen=True)
class Filter:
    """Which events are wanted; the empty one leaves nothing out. Each field that is set has to let an event pass: a span by its
    own name, request and length; what has no category with the span around it; a counter by its category alone."""

    requests: Sequence[str] = ()
    categories: int = 0
    """A set of bits, ``1 << category``; 0 for all."""
    min_duration_ns: int = 0
    stages: Sequence[int] = ()
    """Indices of stages; core and profilers stay."""
    ranks: Sequence[int] = ()

    @property
    def is_empty(self) -> bool:
        """It leaves nothing out."""
        return not (self.requests or self.categories or self.min_duration_ns > 0 or self.stages or self.ranks)


@dataclass
class ProcessSummary:
    """What was read of one process, or why a file could not be."""

    process: Process
    events: int = 0
    filtered: int = 0
    open: int = 0
    bytes: int = 0
    lost: Losses = field(default_factory=Losses)
    corrupt: int = 0
    """Records that could not be read."""
    unknown: int = 0
    """Records of kinds that came after this reader's version."""
    recorded_ns: int = 0
    error: str = ""


# What is accounted for besides texts, in bytes.
_NAME_COST, _TRACK_COST, _SPAN_COST, _PAIR_COST = 200, 1000, 400, 100
_MAX_FACTS, _FOREVER = 4096, (1 << 64) - 1
_CORE_GRACE = 1.0


class Follower:
    """Reads a recording's folder while it grows, or when it is finished. Not for two threads at once."""

    def __init__(self, folder: str, since: int = 0, filter: Filter = Filter(), batch_events: int = 4096, max_memory: int = 64 << 20) -> None:
        self.folder, self.since, self.filter, self.batch_events, self.max_memory = folder, since, filter, batch_events, max_memory
        self.requests = {r.encode("utf-8", "replace")[: seg.MAX_REQUEST].decode("utf-8", "replace") for r in filter.requests}
        self._sources: dict[str, Source] = {}
        self._broken: dict[str, str] = {}
        self._processes: list[_Process] = []
        self._first_seen = 0.0
        self.ending = False
        self._taken = 0

    def __enter__(self) -> "Follower":
        return self

    def __exit__(self, *_: Any) -> None:
        self.close()

    def close(self) -> None:
        """Close the files."""
        for s in self._sources.values():
            s.close()
        self._sources.clear()

    def poll(self, deliver: Callable[[Batch], None]) -> int:
        """Read what is there now; returns how many events were delivered."""
        self._look()
        total = 0
        while True:
            n, more = self._round(deliver)
            total += n
            if n == 0 and not more:
                return total

    def finish(self, deliver: Callable[[Batch], None], want: Sequence[str] = ()) -> list[ProcessSummary]:
        """Read the rest of a recording that has stopped, and deliver the spans that are still open. One summary a process, core
        first; files of ``want`` that are missing or cannot be read have one with an error."""
        self.ending = True
        self._look()
        for p in self._processes:
            p.read_pairs()
        while True:
            n, more = self._round(deliver)
            if n == 0 and not more and not any([p.advance() for p in self._processes]):
                break
        for p in self._processes:
            p.finish(deliver)
        return self._summaries(want)

    def take(self, n: int) -> bool:
        """Account for memory that is kept; False when there is none left."""
        if self._taken + n > self.max_memory:
            return False
        self._taken += n
        return True

    def _look(self) -> None:
        for entry in sorted(os.scandir(self.folder), key=lambda e: e.name):
            name = entry.name
            if not name.endswith(".seg") or name in self._sources or not entry.is_file(follow_symlinks=False):
                continue
            try:
                s = Source(entry.path, name)
            except (OSError, ValueError, NotYet) as e:
                self._broken[name] = str(e)  # tried again: it may be in the making
                continue
            self._broken.pop(name, None)
            self._sources[name] = s
            self._process(s).add(s)

    def _process(self, s: Source) -> "_Process":
        key = s.header.key()
        for p in self._processes:
            if p.key == key:
                return p
        self._first_seen = self._first_seen or time.monotonic()
        p = _Process(self, s)
        self._processes.append(p)
        self._processes.sort(key=lambda p: (p.pub.kind, p.pub.stage, p.pub.rank, p.pub.name))
        return p

    def _round(self, deliver: Callable[[Batch], None]) -> tuple[int, bool]:
        """Read every process once: events delivered, and whether the next round has more though nothing is written."""
        total, more = 0, False
        for p in self._processes:
            s = p.sources[p.active]
            s.begun = True
            for t in p.order:
                t.read_ends(s)
            p.read_meta()
            frozen = s.frozen  # before the tracks are read: then what is read is all there is
            p.clock = p.clock or self._clock_of(p)
            if p.clock is None:
                continue
            p.limit = _FOREVER if self.ending else p.clock.final()
            p.deliver, sent = deliver, p.sent
            for t in p.order:
                t.read(s)
                more = t.settle() or more
            p.flush()
            total += p.sent - sent
            if frozen:
                more = p.advance() or more
        return total, more

    def _clock_of(self, p: "_Process") -> Clock | None:
        """Core's clock for everything on its machine, else the process's own; None while that is not known."""
        if p.pub.kind != 1:
            for core in self._processes:
                if core.pub.kind == 1 and core.sources[0].header.shares_clock(p.sources[0].header):
                    if core.own.pairs:
                        return core.own
                    if not self.ending:
                        return None
            if not self.ending and time.monotonic() - self._first_seen < _CORE_GRACE:
                return None
        return p.own

    def _summaries(self, want: Sequence[str]) -> list[ProcessSummary]:
        rows = [p.summary() for p in self._processes]
        bad = {name: f"read segment {name}: {why}" for name, why in self._broken.items()}
        for name in want:
            if name not in self._sources:
                bad.setdefault(name, f"segment {name} is missing")
        for name in sorted(bad):
            rows.append(ProcessSummary(Process(0, "", "", 0, "", 0, False, 0, "", "", 0.0, 0, segments=[name]), error=bad[name]))
        return rows


def read(folder: str, deliver: Callable[[Batch], None], filter: Filter = Filter()) -> list[ProcessSummary]:
    """Read a finished recording."""
    with Follower(folder, filter=filter) as f:
        return f.finish(deliver)


def batches(folder: str, filter: Filter = Filter()) -> Iterator[Batch]:
    """The batches of a finished recording, all in memory."""
    found: list[Batch] = []
    read(folder, found.append, filter)
    return iter(found)


class _Process:
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
        self.tracks: dict[int, _Track] = {}
        self.order: list[_Track] = []
        self.own = Clock(h.rate)
        self.clock: Clock | None = None
        self.limit = self.latest = 0
        self.facts: dict[tuple[str, int], Fact] = {}
        self.rows: list[_Row] = []
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

    def track(self, number: int) -> "_Track | None":
        """Find or make a track; None when there is no memory for one more."""
        t = self.tracks.get(number)
        if t is None and self.follow.take(_TRACK_COST + _SPAN_COST):
            t = self.tracks[number] = _Track(self, number)
            self.order.append(t)
        return t

    # Arguments.

    def decode(self, raw: bytes) -> list[Arg]:
        """Arguments up to the first that is not understood, which is counted."""
        out, at, n = [], 0, len(raw)
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
            t.at = _Cursor()
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


class _Cursor:
    """Goes through the chunks of one track, as far as they are written."""

    __slots__ = ("queue", "next", "expected", "blocked")

    def __init__(self) -> None:
        self.queue: list[int] = []
        self.next = self.expected = 0
        self.blocked = False


class _Span:
    """A span whose end was not delivered yet."""

    __slots__ = ("seq", "begin", "end", "at", "name", "depth", "sure", "kept", "args", "request", "taken")

    def __init__(self, seq: int, begin: int, end: int, at: int, name: int, depth: int, kept: bool, args: bytes, request: str) -> None:
        self.seq, self.begin, self.end, self.at, self.name, self.depth = seq, begin, end, at, name, depth
        self.kept, self.args, self.request = kept, args, request
        self.sure = False
        self.taken = 0


class _Track:
    """Turns the records of one track into events in the order of their ends.

    Open spans are on a stack. In each round their ends are read first and new records afterwards: what was recorded before
    an end that was seen is then among those records, and the span can be delivered when everything readable is read.
    """

    def __init__(self, proc: _Process, number: int) -> None:
        self.proc, self.pub = proc, Track(proc.pub, number, f"track {number}")
        self.at = _Cursor()
        self.stack: list[_Span] = []
        self.request, self.last, self.named = "", 0, False
        self.point: tuple | None = None
        self.filter = not proc.follow.filter.is_empty

    def read_ends(self, s: Source) -> None:
        """Look at the spans that were open."""
        for sp in self.stack:
            if sp.end == 0 and sp.at >= 0:
                sp.end = self.end_at(s, sp.at)
            sp.sure = sp.end != 0

    def end_at(self, s: Source, at: int) -> int:
        """A span's end; 0 when it is open, or beyond what can be converted yet."""
        e = s.word(at + 16)
        return e if e <= self.proc.limit else 0

    def read(self, s: Source) -> None:
        """All records up to the first that is not committed."""
        c, p = self.at, self.proc
        while c.queue:
            complete = len(c.queue) > 1
            off = c.queue[0]
            if c.next == 0:
                c.next = seg.CHUNK_HEADER
                self.request = ""
            data = s.pread(seg.CHUNK - c.next, off + c.next)
            pos, c.blocked = self._records(s, data, off + c.next)
            c.next += pos
            if len(p.rows) >= p.follow.batch_events:
                p.flush()
            if c.blocked or not complete:
                return
            c.queue.pop(0)
            c.next = 0

    def _records(self, s: Source, data: bytes, off: int) -> tuple[int, bool]:
        words = memoryview(data).cast("Q").tolist()
        i, n, p = 0, len(words), self.proc
        limit, fixed = p.limit, _FIXED_WORDS
        while i < n:
            h = words[i]
            if h == 0:
                return 8 * i, False
            size, kind = h >> 16 & 0xFFFF, h & 0x7F
            if kind == 0 or size == 0 or i + size > n or (kind < 14 and size < fixed[kind]):
                p.corrupt += 1
                return len(data), False
            if kind == 1:
                if words[i + 1] > limit:
                    return 8 * i, True
                self._begin(h, words, i, size, data, off)
            elif kind < 7:
                if words[i + 1] > limit:
                    return 8 * i, True
                self._put(h, kind, words[i + 1], words[i + 2] if size > 2 else 0, data[8 * i + 16 : 8 * (i + size)], s)
            elif kind == 12:
                if max(words[i + 1], words[i + 2]) > limit:
                    return 8 * i, True
                self._work(h, words, i, data[8 * i + 56 : 8 * (i + size)])
            elif kind == 7:
                self._end_args(words[i + 1], data[8 * i + 16 : 8 * (i + size)])
            elif kind == 8:
                length = words[i + 1]
                if length > 8 * (size - 2) or length > seg.MAX_REQUEST:
                    p.corrupt += 1
                else:
                    self.request = data[8 * i + 16 : 8 * i + 16 + length].decode("utf-8", "replace")
            elif kind == 9:
                self._define(data[8 * i : 8 * (i + size)])
            else:
                p.passed(kind)
            i += size
        return 8 * i, False

    def _begin(self, h: int, words: list[int], i: int, size: int, data: bytes, off: int) -> None:
        p = self.proc
        begin, end, seq, depth = words[i + 1], words[i + 2], words[i + 3], h >> 8 & 0xFF
        if end > p.limit:
            end = 0
        args = data[8 * i + 32 : 8 * (i + size)] if size > 4 else b""
        if h & 0x80 and self._carried(seq, end, args, off + 8 * i):
            return
        if seq <= self.last:
            p.corrupt += 1
            return
        stack = self.stack
        if stack and stack[-1].depth >= depth:
            self.pop(depth, begin)
        self.last = seq
        kept = not self.filter or self._wants(1, h >> 32, depth)
        j = i + size
        if end and j < len(words):  # nothing can be within it when the next record is not
            g = words[j]
            if 0 < g & 0x7F < 7 and g >> 8 & 0xFF <= depth:
                self._deliver(seq, begin, end, h >> 32, depth, kept, args, self.request, False)
                return
        sp = _Span(seq, begin, end, off + 8 * i, h >> 32, depth, kept, args, self.request)
        if not self._keep(sp, len(args)):
            p.corrupt += 1
            return
        stack.append(sp)

    def _keep(self, sp: _Span, args: int) -> bool:
        """Account for a span on the stack. What one has given back the next one takes; one is free on every track."""
        need = 2 * args + len(self.request) + (_SPAN_COST if self.stack else 0)
        if need <= sp.taken:
            return True
        if not self.proc.follow.take(need - sp.taken):
            return False
        sp.taken = need
        return True

    def _carried(self, seq: int, end: int, args: bytes, at: int) -> bool:
        """The record of a span that was open when segments were swapped. False: its first record was never seen."""
        for sp in reversed(self.stack):
            if sp.seq == seq:
                if sp.end == 0:
                    sp.at, sp.end = at, end
                    if self._keep(sp, len(args)):
                        sp.args = args
                    else:
                        self.proc.corrupt += 1
                return True
        return seq <= self.last  # delivered already: closed beats open

    def pop(self, depth: int, ticks: int) -> None:
        """Deliver the spans that a record of the depth shows to be over."""
        p, stack = self.proc, self.stack
        while stack and stack[-1].depth >= depth:
            sp = stack[-1]
            was_open = False
            if sp.end == 0 and sp.at >= 0:
                sp.end = self.end_at(p.sources[p.active], sp.at)
            if sp.end == 0:  # never ended, by a fault of the writer or of the file
                sp.end, was_open = max(ticks, sp.begin), True
            self._off(was_open)

    def _off(self, was_open: bool) -> None:
        sp = self.stack.pop()
        self.proc.follow._taken -= sp.taken
        self._deliver(sp.seq, sp.begin, sp.end, sp.name, sp.depth, sp.kept, sp.args, sp.request, was_open)

    def settle(self) -> bool:
        """Deliver the innermost spans that are surely over. True when the next round can deliver one more."""
        while self.stack:
            sp = self.stack[-1]
            if not sp.sure:
                return sp.end != 0
            self._off(False)
        return False

    def finish(self, last: int) -> None:
        """Deliver what is left."""
        while self.stack:
            sp = self.stack[-1]
            was_open = sp.end == 0
            if was_open:
                sp.end = last
            self._off(was_open)

    def _deliver(self, seq: int, begin: int, end: int, name: int, depth: int, kept: bool, args: bytes, request: str, was_open: bool) -> None:
        p = self.proc
        if end < begin:
            p.corrupt += 1
            return
        if (begin if was_open else end) > p.latest:
            p.latest = begin if was_open else end
        if not kept:
            p.filtered += 1
            return
        shown, parent = self._place(depth)
        if name not in p.names:
            p.name(name)
        p.rows.append((1, begin, end, shown, seq, parent, was_open, 0, 0, name, self, request, p.decode(args) if args else (), None))

    def _put(self, h: int, kind: int, ticks: int, word: int, rest: bytes, s: Source) -> None:
        p, depth, name = self.proc, h >> 8 & 0xFF, h >> 32
        mark = (kind, h >> 16 & 0xFFFF, name, ticks)
        if h & 0x80 and mark == self.point:
            return
        self.point = mark
        if self.stack and self.stack[-1].depth >= depth:
            self.pop(depth, ticks)
        if ticks > p.latest:
            p.latest = ticks
        if self.filter and not self._wants(kind, name, depth):
            p.filtered += 1
            return
        value: Any = 0
        flow, args = 0, ()
        if kind == seg.INSTANT:
            args = p.decode(rest) if rest else ()
        elif kind == seg.COUNT:
            value = word - (1 << 64) if word >> 63 else word
        elif kind == seg.COUNT_FLOAT:
            value = _f64(rest[:8])
        else:
            flow = word
        shown, parent = self._place(depth)
        if name not in p.names:
            p.name(name)
        p.rows.append((_POINTS[kind], ticks, ticks, shown, 0, parent, False, value, flow, name, self, self.request, args, None))

    def _work(self, h: int, words: list[int], i: int, args: bytes) -> None:
        p = self.proc
        begin, end, seq = words[i + 1], words[i + 2], words[i + 3]
        if seq <= self.last and h & 0x80:
            return
        if seq <= self.last or end < begin or not (self.pub.device or self.pub.calls):
            p.corrupt += 1
            return
        self.last = seq
        p.latest = max(p.latest, end)
        if self.filter and not self._wants(seg.DEVICE_SPAN, h >> 32, 0):
            p.filtered += 1
            return
        external, of = words[i + 5], None
        if external:
            t = p.track(words[i + 6] & 0xFFFFFFFF)
            of, external = (t.pub, external) if t else (None, 0)
        name = h >> 32
        if name not in p.names:
            p.name(name)
        work = (min(words[i + 6] >> 32, 255), words[i + 4], external, of)
        p.rows.append((1, begin, end, 0, seq, 0, False, 0, 0, name, self, self.request, p.decode(args) if args else (), work))

    def _end_args(self, seq: int, args: bytes) -> None:
        for sp in reversed(self.stack):
            if sp.seq == seq:
                if len(sp.args) + len(args) <= seg.MAX_ARGS and self._keep(sp, len(sp.args) + len(args)):
                    sp.args += args
                    return
                break
        self.proc.corrupt += 1

    def _define(self, rec: bytes) -> None:
        name, group = _u32(rec, 8), _u32(rec, 12)
        if name + group > len(rec) - 32:
            self.proc.corrupt += 1
            return
        if self.named:
            return
        self.named, t = True, self.pub
        t.name, t.group = rec[32 : 32 + name].decode("utf-8", "replace"), rec[32 + name : 32 + name + group].decode("utf-8", "replace")
        flags = _u32(rec, 28)
        if flags & seg.FLAG_DEVICE:
            t.device = True
            t.device_id, t.context_id, t.stream_id = int.from_bytes(rec[16:20], "little", signed=True), _u32(rec, 20), _u32(rec, 24)
        elif flags & seg.FLAG_CALLS:
            t.calls, t.thread_id = True, _u32(rec, 24)

    def _around(self, depth: int) -> _Span | None:
        for sp in reversed(self.stack):
            if sp.depth < depth:
                return sp
        return None

    def _place(self, depth: int) -> tuple[int, int]:
        """An event's depth and parent among what passes."""
        if not self.filter:
            for sp in reversed(self.stack):
                if sp.depth < depth:
                    return depth, sp.seq
            return depth, 0
        around = [sp for sp in self.stack if sp.kept and sp.depth < depth]
        return len(around), around[-1].seq if around else 0

    def _wants(self, kind: int, name: int, depth: int) -> bool:
        p = self.proc
        f = p.follow.filter
        if p.left:
            return False
        c = p.name(name).category
        wanted = f.categories == 0 or bool(f.categories >> c & 1)
        if kind in (seg.COUNT, seg.COUNT_FLOAT):
            return wanted or (c == Category.NONE and bool(f.categories >> Category.COUNTER & 1))
        if p.follow.requests and self.request not in p.follow.requests:
            return False
        if c == Category.NONE:
            around = self._around(depth)
            return around is None or around.kept
        return wanted


_FIXED_WORDS = tuple(b // 8 for b in seg.FIXED)
_ARG_TYPES = {int(t): t for t in ArgType}


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
