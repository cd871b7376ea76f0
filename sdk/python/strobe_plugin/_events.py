"""Events as a reader gives them."""

from __future__ import annotations

import enum
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from .trace import Category, Losses

if TYPE_CHECKING:
    from ._process_reader import ProcessReader


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
Row = tuple


class Batch:
    """Some events of one process: per track in the order of their ends, of device tracks in no order."""

    def __init__(self, process: "Process", reader: "ProcessReader", rows: list[Row], start: Any, end: Any) -> None:
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
