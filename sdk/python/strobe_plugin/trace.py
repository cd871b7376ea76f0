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

import os
import struct
import threading
import time
import weakref
from dataclasses import dataclass, field
from typing import Any

from . import _segment as seg
from ._names import (
    Arg,
    Args,
    Category,
    Name,
    NameID,
    Prepared,
    Shapes,
    Text,
    Work,
    interned,
    name,
    now,
    pair,
    ticks_of_unix_ns,
)
from ._segment import fence
from ._tracks import DeviceTrack, Span, Track

__all__ = ["Arg", "Args", "Category", "DeviceTrack", "ErrNotRecording", "ErrRecording", "Losses", "Name", "NameID", "Prepared", "Process", "Recorder",
           "Shapes", "Span", "Stats", "Text", "Track", "Work", "event_ns", "name", "now", "ticks_of_unix_ns"]


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


class _Meta:
    """Track 0 of a segment: names and clock pairs."""

    def __init__(self, file: seg.File) -> None:
        self.lock = threading.Lock()
        self.file, self.ordinal, self.named = file, 0, 0
        self.window: Any = None
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
        fence()
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
        ticks, wall, width = pair()
        with self.lock:
            self._put(seg.PAIR, 0, 0, struct.pack("=QqqQ", ticks, ticks, wall, width))


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

    def _attached(self, track: Track, file: seg.File) -> bool:
        with self._mutex:
            if self._file is not file:
                return False
            self._live.append(track)
            return True

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
                            process.synthetic, self._started + 1, 0, _process_id(), min(round(event_ns() * 1000), (1 << 32) - 1))
            self._begin(seg.File(path, head, max_bytes), categories)

    def _begin(self, file: seg.File, categories: int) -> None:
        self._started += 1
        self._wanted, self._names_lost = categories, interned.lost
        self._meta = _Meta(file)
        self._meta.pair()
        interned.enter(self._meta)
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
        with self._mutex:
            self._file = None  # from here on nobody attaches
            live, self._live = self._live, []
        self._stop.set()
        events = sum(t._detach() for t in live)
        self._keeper.join()
        missing = interned.leave(meta)
        meta.pair()
        file.count(seg.OFF_NAMES, interned.lost - self._names_lost + missing)
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
    interned.lock = threading.Lock()
    interned.metas = []


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
