"""The recorder: spans, instants, counters and arrows into a segment of a recording, the format of sdk/recording/FORMAT.md.

    STEP = trace.name("denoise_step", trace.Category.STEP)

    worker = recorder.track("worker")
    worker.set_request(request.id)
    with worker.span("generate"):
        worker.flow_in(request.flow)
        for i in range(steps):
            with worker.span(STEP, {"step": i}):
                ...

Recording is on between the host's start and stop; off, a call costs a look and writes nothing. What is recorded is in the
file at once: a process that is killed loses nothing. Any thread may use any track, one call at a time; spans of one track
nest, so give each thread a track of its own. A span is written when it begins; its end is stored into its place.
"""

from __future__ import annotations

import enum
import json
import os
import platform
import struct
import threading
import time
import weakref
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, NewType, Union

import numpy as np

from . import _segment as seg

NameID = NewType("NameID", int)
"""An interned name, see :func:`name`."""

Name = Union[str, NameID]


class Category(enum.IntEnum):
    """What a name denotes. Profiles may leave categories out."""

    NONE = 0
    REQUEST = 1
    STAGE = 2
    STEP = 3
    BLOCK = 4
    OPERATOR = 5
    MEMORY = 6
    COUNTER = 7
    DEVICE_RUNTIME = 8
    DEVICE_WORK = 9


class Work(enum.IntEnum):
    """What a device span is."""

    OTHER = 0
    KERNEL = 1
    COPY = 2
    SET = 3
    SYNCHRONIZATION = 4
    GRAPH = 5
    RUNTIME = 6
    DRIVER = 7
    OVERHEAD = 8


@dataclass(frozen=True)
class Text:
    """An argument's text that comes again and again: it is stored once."""

    text: str


@dataclass(frozen=True)
class Shapes:
    """Shapes of tensors: ``Shapes([[2, 70, 192], [192, 576]])``."""

    shapes: Sequence[Sequence[int]]


Arg = Union[int, float, bool, str, Text, Shapes]
Args = Mapping[Name, Arg]


class ErrRecording(RuntimeError):
    """A recording is on already."""


class ErrNotRecording(RuntimeError):
    """No recording is on."""


@dataclass(frozen=True)
class Losses:
    """What was not recorded, in events unless said."""

    full: int = 0
    """``max_bytes`` or the disk was full."""
    not_ready: int = 0
    names: int = 0
    """Names that were cut or not interned, counted in names."""
    truncated: int = 0
    """Arguments that were cut or left out."""
    depth: int = 0
    """Spans beyond 255 that were open."""
    device: int = 0


@dataclass(frozen=True)
class Stats:
    """What a recording holds."""

    events: int
    bytes: int
    lost: Losses = field(default_factory=Losses)
    event_ns: float = 0.0
    """What recording a span takes this process, as measured before its first recording."""


@dataclass(frozen=True)
class Process:
    """Who records."""

    kind: int
    """1 core, 2 a rank of a model's stage, 3 a profiler that measures."""
    name: str
    model: str = ""
    stage: int = 0
    stage_name: str = ""
    rank: int = 0
    synthetic: bool = False


class _Names:
    """The interned names of the process. Every segment that is being written has them all."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.ids: dict[Any, int] = {}
        self.list: list[tuple[bytes, int]] = []
        self.metas: list[_Meta] = []
        self.lost = 0

    def intern(self, text: str, category: int) -> int:
        b = text.encode("utf-8", "replace")
        if len(b) > seg.MAX_NAME:
            b = seg.cut(b, seg.MAX_NAME)
            return self._add((b.decode(), category), b, category, 1)
        return self._add((text, category), b, category, 0)

    def _add(self, key: tuple[str, int], b: bytes, category: int, lost: int) -> int:
        with self.lock:
            self.lost += lost
            n = self.ids.get(key)
            if n is None:
                if len(self.list) >= seg.MAX_NAMES:
                    self.lost += 1
                    return 0
                self.list.append((b, category))
                n = len(self.list)
                for m in self.metas:
                    m.define(self.list)
                self.ids[key] = n
                if category == 0:
                    self.ids[key[0]] = n
            return n

    def enter(self, m: "_Meta") -> None:
        with self.lock:
            self.metas.append(m)
            m.define(self.list)

    def leave(self, m: "_Meta") -> int:
        """How many names the segment lacks."""
        with self.lock:
            self.metas.remove(m)
            m.define(self.list)
            return len(self.list) - m.named


_names = _Names()
_ids = _names.ids


def name(text: str, category: Category = Category.NONE) -> NameID:
    """Intern a name: at most 65,535 a process, so never make one of what differs between requests. Do it once, at
    import; a ``str`` given where a name is wanted is looked up each time, and has no category."""
    n = _ids.get((text, category))
    return NameID(_names.intern(text, int(category)) if n is None else n)


def ticks_of_unix_ns(unix_ns: Any) -> Any:
    """The recorder's clock at a wall time in nanoseconds since 1970, an int or a numpy array of int64: for what others
    measured. Right to about a microsecond while the wall clock is not set."""
    ticks, wall, _ = _pair()
    return unix_ns - (wall - ticks)


now = time.monotonic_ns
"""The recorder's clock: nanoseconds of the system's monotonic clock."""


def _pair() -> tuple[int, int, int]:
    best = (0, 0, 1 << 62)
    for _ in range(16):
        before = now()
        wall = time.time_ns()
        width = now() - before
        if width < best[2]:
            best = (before + width // 2, wall, width)
    return best


_ARG = struct.Struct("=BxxxIq")
_ARG_FLOAT = struct.Struct("=BxxxId")
_ARG_BITS = struct.Struct("=BxxxIQ")


def _key(n: Name) -> int:
    if type(n) is str:
        i = _ids.get(n)
        return _names.intern(n, 0) if i is None else i
    return int(n)


def _encode(args: Args) -> tuple[bytes, int]:
    """The arguments, and how many were cut or left out."""
    parts, size, lost = [], 0, 0
    for k, v in args.items():
        key = _key(k)
        if isinstance(v, (bool, np.bool_)):
            b = _ARG.pack(3, key, v)
        elif isinstance(v, (int, np.integer)):
            try:
                b = _ARG.pack(1, key, int(v))
            except struct.error:
                b = _ARG_FLOAT.pack(2, key, float(v))
        elif isinstance(v, (float, np.floating)):
            b = _ARG_FLOAT.pack(2, key, v)
        elif isinstance(v, Text):
            b = _ARG_BITS.pack(4, key, _key(v.text))
        elif isinstance(v, Shapes):
            b = _ARG_BITS.pack(6, key, _key(json.dumps([[int(n) for n in s] for s in v.shapes], separators=(",", ":"))))
        else:
            whole = str(v).encode("utf-8", "replace")
            t = seg.cut(whole, seg.MAX_STRING)
            lost += len(t) < len(whole)
            b = _ARG_BITS.pack(5, key, len(t)) + seg.padded(t)
        if size + len(b) > seg.MAX_ARGS:
            lost += 1
            continue
        size += len(b)
        parts.append(b)
    return b"".join(parts), lost


class _Meta:
    """Track 0 of a segment: names and clock pairs."""

    def __init__(self, file: seg.File) -> None:
        self.lock = threading.Lock()
        self.file, self.ordinal, self.named = file, 0, 0
        self.window: seg.Window | None = None
        self.at = self.end = 0

    def _put(self, kind: int, depth: int, name: int, body: bytes) -> bool:
        words = 1 + len(body) // 8
        if self.at + words > self.end:
            taken = self.file.chunk(0, self.ordinal, True)
            if taken is None:
                return False
            self.window, place = taken
            self.ordinal += 1
            self.at, self.end = place + seg.CHUNK_HEADER // 8, place + seg.CHUNK // 8
        w, at = self.window, self.at
        self.at += words
        w.bytes[8 * at + 8 : 8 * (at + words)] = body
        _fence()
        w.words[at] = kind | depth << 8 | words << 16 | name << 32
        return True

    def define(self, names: list[tuple[bytes, int]]) -> None:
        with self.lock:
            while self.named < len(names):
                b, category = names[self.named]
                if not self._put(seg.NAME, category, self.named + 1, struct.pack("=Q", len(b)) + seg.padded(b)):
                    return
                self.named += 1

    def pair(self) -> None:
        ticks, wall, width = _pair()
        with self.lock:
            self._put(seg.PAIR, 0, 0, struct.pack("=QqqQ", ticks, ticks, wall, width))


def _no_fence() -> None:
    pass


def _make_fence() -> Any:
    """x86 keeps the order of stores. Elsewhere a lock that is released and taken does."""
    if platform.machine().lower() in ("x86_64", "amd64", "i686"):
        return _no_fence
    local = threading.local()

    def fence() -> None:
        lock = getattr(local, "lock", None)
        if lock is None:
            lock = local.lock = threading.Lock()
            lock.acquire()
        lock.release()
        lock.acquire()

    return fence


_fence = _make_fence()
_WEAK = _fence is not _no_fence


class Span:
    """Something that takes time; a context manager. Ending a span ends the spans within it that are still open."""

    __slots__ = ("_track", "_file", "_words", "_end", "sequence", "depth", "begin")

    def __init__(self, track: "Track", file: Any, words: Any, end: int, sequence: int, depth: int, begin: int) -> None:
        self._track, self._file, self._words, self._end = track, file, words, end
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


_OFF = Span(None, None, None, 0, 0, 0, 0)  # type: ignore[arg-type]


class Track:
    """One timeline: a thread, a request lane. Made by :meth:`Recorder.track`."""

    __slots__ = ("_rec", "_lock", "id", "name", "group", "_place", "_flags", "_file", "_window", "_words", "_at", "_end",
                 "_chunk", "_ordinal", "_events", "_total", "_sequence", "_open", "_request", "_defined", "__weakref__")

    def __init__(self, rec: "Recorder", number: int, name: str, group: str, flags: int, place: tuple[int, int, int]) -> None:
        self._rec, self._lock = rec, threading.Lock()
        self.id, self.name, self.group, self._flags, self._place = number, name, group, flags, place
        self._file: Any = None
        self._window: Any = None
        self._words: Any = None
        self._at = self._end = self._chunk = self._ordinal = self._events = self._total = self._sequence = 0
        self._open: list[Span] = []
        self._request = b""
        self._defined = False

    # Making records. The lock is held.

    def _attach(self, file: Any) -> None:
        self._file, self._window, self._words = file, None, None
        self._at = self._end = self._ordinal = self._events = self._total = 0
        self._open, self._defined = [], False
        self._rec._attached(self)

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
            self._total += self._events
            self._events = 0

    def _record(self, kind: int, depth: int, name: int, body: bytes) -> None:
        """A record for which there is room."""
        at, words = self._at, 1 + len(body) // 8
        self._window.bytes[8 * at + 8 : 8 * (at + words)] = body
        self._at += words
        if _WEAK:
            _fence()
        self._words[at] = kind | depth << 8 | words << 16 | name << 32

    def _args(self, args: Args) -> bytes:
        b, lost = _encode(args)
        if lost:
            self._file.count(seg.OFF_TRUNCATED, lost)
        return b

    def _detach(self) -> int:
        """The recording is over: how many events the track gave it."""
        with self._lock:
            if self._file is None:
                return 0
            self._leave()
            self._file = self._window = self._words = None
            self._open = []
            self._at = self._end = 0
            return self._total

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
            name = _key(name)  # type: ignore[assignment]
        with self._lock:
            file = rec._file
            if file is not self._file:
                if file is None:
                    return _OFF
                self._attach(file)
            open_ = self._open
            depth = len(open_)
            if depth >= seg.MAX_DEPTH:
                file.count(seg.OFF_DEPTH)
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
            if _WEAK:
                _fence()
            w[at] = seg.SPAN | depth << 8 | words << 16 | name << 32
            self._events += 1
            s = Span(self, file, w, at + 2, sequence, depth, begin)
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
            name = _key(name)  # type: ignore[assignment]
        with self._lock:
            file = rec._file
            if file is not self._file:
                if file is None:
                    return
                self._attach(file)
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
            if _WEAK:
                _fence()
            w[at] = kind | len(self._open) << 8 | words << 16 | name << 32
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

    def flow_out(self, flow: int, name: Name = NameID(0)) -> None:
        """An arrow leaves the innermost open span; ``flow`` is the id that its other end has too. 0 does nothing."""
        if flow:
            self._point(seg.FLOW_OUT, name, struct.pack("=Q", flow))

    def flow_in(self, flow: int, name: Name = NameID(0)) -> None:
        """An arrow arrives in the innermost open span. 0 does nothing."""
        if flow:
            self._point(seg.FLOW_IN, name, struct.pack("=Q", flow))

    def set_request(self, request: str) -> None:
        """Events that begin on the track from now on belong to this request; empty: to none."""
        b = seg.cut(request.encode("utf-8", "replace"), seg.MAX_REQUEST)
        with self._lock:
            if b == self._request:
                return
            self._request = b
            if self._file is None or self._file is not self._rec._file or not self._ordinal:
                return
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
        names = _name_ids(names, len(begins))
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
                if len(stack) >= seg.MAX_DEPTH or e < b:
                    self._file.count(seg.OFF_DEPTH if e >= b else seg.OFF_FULL)
                    continue
                if not self._fits(4 + len(body) // 8):
                    continue
                self._sequence += 1
                self._record(seg.SPAN, len(stack), n, struct.pack("=QQQ", b, max(e, 1), self._sequence) + body)
                self._events += 1
                stack.append(e)
                done += 1
        return done

    def _ready(self) -> bool:
        """Attached to the recording that is on."""
        file = self._rec._file
        if file is not self._file and file is not None:
            self._attach(file)
        return file is not None

    def _fits(self, words: int) -> bool:
        """Room for a record, without taking it."""
        if self._at + words <= self._end or self._next():
            return True
        self._file.count(seg.OFF_FULL)
        return False


_WORK = np.dtype([("head", "<u8"), ("begin", "<u8"), ("end", "<u8"), ("sequence", "<u8"), ("correlation", "<u8"),
                  ("external", "<u8"), ("track", "<u4"), ("work", "<u4")])


class DeviceTrack(Track):
    """Work of a device, or calls that caused it: in no order, and it may overlap. Made by :meth:`Recorder.device_track` and
    :meth:`Recorder.call_track`."""

    __slots__ = ()

    def work(self, name: Name, begin: int, end: int, work: Work = Work.OTHER, correlation: int = 0,
             within: Span | None = None, args: Args | None = None) -> None:
        """Record one piece of work. ``correlation`` ties it to the call that launched it; ``within`` is the span that
        enclosed that call."""
        n = _key(name)
        with self._lock:
            if not self._ready():
                return
            if end < begin:
                self._file.count(seg.OFF_DEVICE)
                return
            body = self._args(args) if args else b""
            if not self._fits(7 + len(body) // 8):
                return
            self._sequence += 1
            of = within if within is not None and within.sequence else None
            self._record(seg.DEVICE_SPAN, 0, n, struct.pack("=QQQQQII", begin, end, self._sequence, correlation,
                         of.sequence if of else 0, of._track.id if of else 0, int(work)) + body)
            self._events += 1

    def append_work(self, names: Any, begins: Any, ends: Any, works: Any = 0, correlations: Any = 0, externals: Any = 0,
                    external_track: "Track | None" = None) -> int:
        """Record many pieces of work at once, as numpy arrays; what is one value is the same for all. ``externals`` are
        ``sequence`` of the spans of ``external_track`` that enclosed the calls. Returns how many were recorded."""
        begins, ends = np.asarray(begins, np.int64), np.asarray(ends, np.int64)
        good = ends >= begins
        rows = np.zeros(len(begins), _WORK)
        rows["begin"], rows["end"], rows["work"], rows["correlation"] = begins, ends, works, correlations
        rows["external"] = externals
        if external_track is not None:
            rows["track"] = np.where(rows["external"] != 0, external_track.id, 0)
        heads = np.uint64(seg.DEVICE_SPAN | 7 << 16) | _name_ids(names, len(begins)).astype(np.uint64) << np.uint64(32)
        rows, heads = rows[good], heads[good]
        done = 0
        with self._lock:
            if not self._ready():
                return 0
            if len(rows) < len(begins):
                self._file.count(seg.OFF_DEVICE, len(begins) - len(rows))
            rows["sequence"] = np.arange(self._sequence + 1, self._sequence + 1 + len(rows))
            while done < len(rows):
                if self._at + 7 > self._end and not self._next():
                    self._file.count(seg.OFF_FULL, len(rows) - done)
                    break
                n = min((self._end - self._at) // 7, len(rows) - done)
                at = self._at
                self._window.bytes[8 * at : 8 * (at + 7 * n)] = rows[done : done + n].tobytes()
                _fence()
                for i, h in enumerate(heads[done : done + n].tolist()):
                    self._words[at + 7 * i] = h
                self._at += 7 * n
                self._events += n
                self._sequence += n
                done += n
        return done


def _name_ids(names: Any, n: int) -> Any:
    if isinstance(names, (str, int, np.integer)):
        return np.full(n, _key(names), np.int64)  # type: ignore[arg-type]
    ids = np.fromiter((_key(k) for k in names), np.int64, len(names))
    if len(ids) != n:
        raise ValueError(f"{len(ids)} names for {n} spans")
    return ids


class Recorder:
    """Records what a process does while it is on. All methods may be called from any thread."""

    PAIRS = (0.005, 0.045)
    """Seconds between the first clock pairs; then every 0.2."""

    def __init__(self) -> None:
        self._file: seg.File | None = None
        self._meta: _Meta | None = None
        self._life = threading.Lock()
        self._mutex = threading.Lock()
        self._tracks: dict[tuple, Track] = {}
        self._live: list[Track] = []
        self._numbers = self._started = self._names_lost = 0
        self._wanted = 0
        self._stop = threading.Event()
        self._keeper: threading.Thread | None = None
        self._closed = False
        _recorders.add(self)

    @property
    def on(self) -> bool:
        """Whether it records now."""
        return self._file is not None

    def wants(self, category: Category) -> bool:
        """Whether events of a category are wanted: not while off, nor when the profile leaves them out. Ask before work
        that is only for recording."""
        return self._file is not None and (self._wanted == 0 or bool(self._wanted >> category & 1))

    def track(self, name: str, group: str = "") -> Track:
        """The track of this name, made at first use. Give each thread its own."""
        return self._get(Track, name, group, 0, (0, 0, 0))

    def device_track(self, name: str, device: int = 0, context: int = 0, stream: int = 0) -> DeviceTrack:
        """The track of a device's stream."""
        return self._get(DeviceTrack, name, "", seg.FLAG_DEVICE, (device, context, stream))

    def call_track(self, name: str, thread: int = 0) -> DeviceTrack:
        """The track of one thread's calls to a device's runtime or driver; ``thread`` is the system's number."""
        return self._get(DeviceTrack, name, "", seg.FLAG_CALLS, (0, 0, thread))

    def _get(self, kind: Any, name: str, group: str, flags: int, place: tuple[int, int, int]) -> Any:
        key = (name, group, flags, place)
        with self._mutex:
            t = self._tracks.get(key)
            if t is None:
                self._numbers += 1
                t = self._tracks[key] = kind(self, self._numbers, name, group, flags, place)
            return t

    def _attached(self, track: Track) -> None:
        with self._mutex:
            self._live.append(track)

    def start(self, path: str, process: Process, max_bytes: int, categories: int = 0) -> None:
        """Begin a recording in a new segment file. The host does it; :class:`ErrRecording` when one is on. Spans that are
        open now stay out of it."""
        with self._life:
            if self._closed:
                raise RuntimeError("start recording: the recorder is closed")
            if self._file is not None:
                raise ErrRecording("start recording: already recording")
            if max_bytes < seg.MIN_BYTES:
                raise ValueError(f"start recording: max bytes is {max_bytes}; at least {seg.MIN_BYTES} is needed")
            head = seg.Head(process.kind, process.name, process.model, process.stage, process.stage_name, process.rank,
                            process.synthetic, self._started + 1, 0, _process_id(), round(event_ns() * 1000))
            self._begin(seg.File(path, head, max_bytes), categories)

    def _begin(self, file: seg.File, categories: int) -> None:
        self._started += 1
        self._wanted, self._names_lost = categories, _names.lost
        self._meta = _Meta(file)
        self._meta.pair()
        _names.enter(self._meta)
        self._stop.clear()
        self._file = file
        self._keeper = threading.Thread(target=self._keep, args=(self._meta,), name="strobe-clock", daemon=True)
        self._keeper.start()

    def _keep(self, meta: _Meta) -> None:
        """Write the clock pairs."""
        for wait in self.PAIRS:
            if self._stop.wait(wait):
                return
            meta.pair()
        while not self._stop.wait(0.2):
            meta.pair()

    def stop(self) -> Stats:
        """End the recording. What was recorded before the call is in the file, which is frozen and cut to its used size.
        :class:`ErrNotRecording` when none is on."""
        with self._life:
            if self._file is None:
                raise ErrNotRecording("stop recording: not recording")
            return self._end()

    def _end(self) -> Stats:
        file, meta = self._file, self._meta
        assert file is not None and meta is not None and self._keeper is not None
        self._file = None  # from here on nobody attaches
        self._stop.set()
        events = 0
        while True:
            with self._mutex:
                live, self._live = self._live, []
            if not live:
                break
            events += sum(t._detach() for t in live)
        self._keeper.join()
        missing = _names.leave(meta)
        meta.pair()
        file.count(seg.OFF_NAMES, _names.lost - self._names_lost + missing)
        lost = Losses(*(file.counter(o) for o in (seg.OFF_FULL, seg.OFF_NOT_READY, seg.OFF_NAMES, seg.OFF_TRUNCATED, seg.OFF_DEPTH, seg.OFF_DEVICE)))
        self._meta = None
        return Stats(events, file.finish(), lost, event_ns())

    def close(self) -> None:
        """Stop a recording that is on. The recorder stays off from then on."""
        with self._life:
            self._closed = True
            if self._file is not None:
                self._end()

    def _forget(self) -> None:
        """In the child of a fork: the memory is shared, and the recording is the parent's."""
        self._file = None
        self._closed = True
        for t in self._tracks.values():
            t._lock = threading.Lock()
            t._file = None
            t._open = []


_recorders: "weakref.WeakSet[Recorder]" = weakref.WeakSet()


def _after_fork() -> None:
    for r in list(_recorders):
        r._forget()
    _names.lock = threading.Lock()
    _names.metas = []


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)

_identity: list[int] = []
_cost: list[float] = []


def _process_id() -> int:
    if not _identity:
        _identity.append(int.from_bytes(os.urandom(8), "little"))
    return _identity[0]


def event_ns() -> float:
    """What recording a span takes this process, in nanoseconds: measured once, the best of some runs, in memory."""
    if not _cost:
        _cost.append(_measure(200, 5))
    return _cost[0]


def _measure(spans: int, runs: int) -> float:
    rec = Recorder()
    file = seg.File("", seg.Head(2), seg.MIN_BYTES)
    rec._file = file
    t = rec.track("cost")
    best = float("inf")
    for _ in range(runs):
        before = time.perf_counter_ns()
        for _ in range(spans):
            t.begin(NameID(0)).end()
        best = min(best, (time.perf_counter_ns() - before) / spans)
    rec._file = None
    t._detach()
    file.finish()
    return best
