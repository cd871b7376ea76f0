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
import threading
import time
import weakref
from dataclasses import astuple, dataclass, field
from typing import Any

from . import _flight
from . import _segment as seg
from ._device import DeviceTrack
from ._meta import Meta
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
    ticks_of_unix_ns,
)
from ._tracks import Span, Track

__all__ = ["Arg", "Args", "Category", "DeviceTrack", "ErrNoFlight", "ErrNotRecording", "ErrRecording", "Losses", "Name", "NameID", "Prepared", "Process", "Recorder",
           "Shapes", "Span", "Stats", "Text", "Track", "Work", "event_ns", "name", "now", "ticks_of_unix_ns"]


class ErrRecording(RuntimeError):
    """A recording is on already."""


class ErrNotRecording(RuntimeError):
    """No recording is on."""


class ErrNoFlight(RuntimeError):
    """The flight recorder is off."""


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


class Recorder:
    """Records what a process does while it is on. All methods may be called from any thread."""

    PAIRS = (0.005, 0.045)
    """Seconds between a segment's first clock pairs; then every 0.2."""

    def __init__(self) -> None:
        self._file: seg.File | None = None
        self._meta: Meta | None = None
        self._flight: _flight.Flight | None = None
        self._flying = False
        self._life = threading.Lock()
        self._mutex = threading.Lock()
        self._tracks: dict[tuple, Track] = {}
        self._live: list[Track] = []
        self._numbers = self._started = self._names_lost = 0
        self._wanted = 0
        self._closed = False
        _recorders.add(self)

    @property
    def on(self) -> bool:
        """Whether it records now, if only for the flight recorder."""
        return self._file is not None

    def wants(self, category: Category) -> bool:
        """Whether events of a category are wanted: not while off, nor when the profile leaves them out, and no operators nor
        device work while only the flight recorder is on. Ask before work that is only for recording."""
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
        open now stay out of it. A flight recorder makes way until :meth:`stop`, and forgets what was before."""
        with self._life:
            if self._closed:
                raise RuntimeError("start recording: the recorder is closed")
            if self._file is not None and not self._flying:
                raise ErrRecording("start recording: already recording")
            if max_bytes < seg.MIN_BYTES:
                raise ValueError(f"start recording: max bytes is {max_bytes}; at least {seg.MIN_BYTES} is needed")
            meta = self._open(path, self._head(process), max_bytes)
            self._started += 1
            self._names_lost = interned.lost
            remembered = self._enter(meta, categories)
            if remembered is not None and self._flight is not None:
                self._flight.forget(remembered)

    def stop(self) -> Stats:
        """End the recording. What was recorded before the call is in the file, which is frozen and cut to its used size.
        :class:`ErrNotRecording` when none is on."""
        with self._life:
            return self._end()

    def start_flight(self, folder: str, process: Process, max_bytes: int, window: float) -> None:
        """Remember what happened last from now on, for ``window`` seconds as far as ``max_bytes`` are enough for it, in segments
        in an existing folder that nobody else writes to. :class:`ErrRecording` when it is on already."""
        with self._life:
            if self._closed:
                raise RuntimeError("start flight recorder: the recorder is closed")
            if self._flight is not None:
                raise ErrRecording("start flight recorder: it is on already")
            if max_bytes < _flight.MIN_BYTES:
                raise ValueError(f"start flight recorder: max bytes is {max_bytes}; at least {_flight.MIN_BYTES} is needed")
            if window < _flight.MIN_WINDOW:
                raise ValueError(f"start flight recorder: window is {window} s; at least {_flight.MIN_WINDOW} s is needed")
            flight = _flight.Flight(self, folder, self._head(process), max_bytes, window)
            if self._file is None:  # else it begins when the recording stops
                self._names_lost = interned.lost
                flight.begin()
            self._started += 1
            self._flight = flight
            flight.run()

    def stop_flight(self) -> None:
        """Forget what happened and remove the files. A recording goes on. :class:`ErrNoFlight` when it is off."""
        with self._life:
            flight, self._flight = self._flight, None
            if flight is None:
                raise ErrNoFlight("stop flight recorder: it is off")
            if self._flying:
                flight.forget(self._enter(None))
        flight.end()

    def snapshot(self, folder: str, label: str) -> tuple[list[str], Stats]:
        """Keep what is remembered as segments in a folder, and go on. Events up to the call are in, and spans that are open,
        however long ago they began. Returns the files' names, oldest first, and what they hold. :class:`ErrNoFlight` when
        the flight recorder is off, :class:`ErrRecording` during a recording."""
        with self._life:
            if self._flight is None:
                raise ErrNoFlight("snapshot: the flight recorder is off")
            if self._file is not None and not self._flying:
                raise ErrRecording("snapshot: a recording is on")
            names, stats = self._flight.snapshot(folder, label)
            lost = Losses(*map(sum, zip(*(astuple(s.lost) for s in stats))))
            return names, Stats(sum(s.events for s in stats), sum(s.bytes for s in stats), lost, event_ns())

    def close(self) -> None:
        """Stop a recording that is on, and the flight recorder. The recorder stays off from then on."""
        with self._life:
            self._closed = True
        try:
            self.stop_flight()
        except ErrNoFlight:
            pass
        try:
            self.stop()
        except ErrNotRecording:
            pass

    # Segments. The life lock is held.

    def _head(self, p: Process) -> seg.Head:
        return seg.Head(p.kind, p.name, p.model, p.stage, p.stage_name, p.rank, p.synthetic, self._started + 1, 0, _process_id(),
                        min(round(event_ns() * 1000), (1 << 32) - 1))

    def _open(self, path: str, head: seg.Head, limit: int) -> Meta:
        """A new segment, with all names and a clock pair in it."""
        meta = Meta(seg.File(path, head, limit))
        meta.pair()
        interned.enter(meta)
        return meta

    def _enter(self, meta: Meta | None, wanted: int = 0, flying: bool = False) -> Meta | None:
        """Make a segment the current one. Returns the one before, into which nobody writes any more."""
        old = self._meta
        if old is not None:
            old.rest()
        file = None if meta is None else meta.file
        with self._mutex:
            self._meta, self._wanted, self._flying, self._file = meta, wanted, flying, file
            live, self._live = self._live, []
        for track in live:
            track._move(old and old.file, file)
        if meta is not None:
            meta.keep(self.PAIRS)
        return old

    def _finish(self, meta: Meta) -> Stats:
        """Complete a segment that is no longer current."""
        file = meta.file
        missing = interned.leave(meta)
        meta.pair()
        file.count(seg.OFF_NAMES, interned.lost - self._names_lost + missing)
        self._names_lost = interned.lost
        lost = Losses(*(file.counter(o) for o in (seg.OFF_FULL, seg.OFF_NOT_READY, seg.OFF_NAMES, seg.OFF_TRUNCATED, seg.OFF_DEPTH, seg.OFF_DEVICE)))
        return Stats(file.events, file.finish(), lost, event_ns())

    def _end(self) -> Stats:
        if self._file is None or self._flying:
            raise ErrNotRecording("stop recording: not recording")
        old = None
        if self._flight is not None and not self._closed:
            try:
                old = self._flight.begin()
            except OSError:
                pass  # it tries again
        old = old or self._enter(None)
        assert old is not None
        return self._finish(old)

    def _forget(self) -> None:
        """In the child of a fork: the memory is shared, and the recording is the parent's."""
        self._life, self._mutex = threading.Lock(), threading.Lock()
        self._file = self._meta = self._flight = None
        self._flying, self._closed = False, True
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
    t._move(file, None)
    file.finish()
    return best
