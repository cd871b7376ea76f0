"""Reading recordings, the format of sdk/recording/FORMAT.md: whole ones, and ones that still grow.

    summaries = recording.read(folder, lambda batch: ...)
    for batch in recording.batches(folder): ...

A :class:`Batch` has its events as numpy columns (``batch.start``, ``batch.end``, ``batch.kind`` …) and, one by one, as
:class:`Event`. Files are not trusted: memory is bounded, what cannot be is passed over and counted.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from . import _segment as seg
from ._clock import Clock
from ._events import Arg, ArgType, Batch, Event, Fact, Filter, Kind, Name, Process, ProcessSummary, Track
from ._process_reader import ProcessReader
from ._source import NotYet, Source
from .trace import Work

__all__ = ["Arg", "ArgType", "Batch", "Event", "Fact", "Filter", "Follower", "Kind", "Name", "Process", "ProcessSummary", "Track",
           "Work", "batches", "read"]

_FOREVER = (1 << 64) - 1
_CORE_GRACE = 1.0
"""Seconds that a live follower waits for core's segment before it uses a process's own clock."""


class Follower:
    """Reads a recording's folder while it grows, or when it is finished. Not for two threads at once."""

    def __init__(self, folder: str, since: int = 0, filter: Filter = Filter(), batch_events: int = 4096, max_memory: int = 64 << 20) -> None:
        self.folder, self.since, self.filter, self.batch_events, self.max_memory = folder, since, filter, batch_events, max_memory
        self.requests = {r.encode("utf-8", "replace")[: seg.MAX_REQUEST].decode("utf-8", "replace") for r in filter.requests}
        self._sources: dict[str, Source] = {}
        self._broken: dict[str, str] = {}
        self._processes: list[ProcessReader] = []
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

    def _process(self, s: Source) -> "ProcessReader":
        key = s.header.key()
        for p in self._processes:
            if p.key == key:
                return p
        self._first_seen = self._first_seen or time.monotonic()
        p = ProcessReader(self, s)
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

    def _clock_of(self, p: "ProcessReader") -> Clock | None:
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
