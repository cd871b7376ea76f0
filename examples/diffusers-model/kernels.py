"""CUDA kernels as device work, out of torch.profiler's Kineto results, while a profile records.

Kineto reports what a GPU did when it is stopped, which is at each request's end: so much is in memory, and so much a killed
process loses. Without a GPU nothing here does anything.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch

from strobe_plugin.trace import Category, NameID, Recorder, Span, Track, Work, name, ticks_of_unix_ns

log = logging.getLogger(__name__)


class Kernels:
    """Follows the device of one pipeline."""

    def __init__(self, recorder: Recorder, device: Any, operators: Track) -> None:
        self.recorder, self.operators = recorder, operators
        self.cuda = device.type == "cuda"
        self.kineto = self.cuda and torch.profiler.kineto_available()
        self.active = False
        """Kineto runs: tell it the operators."""
        self.spans: list[tuple[int, int, int]] = []

    def peak_memory(self) -> int:
        """Bytes, 0 where it is not known."""
        if not self.cuda:
            return 0
        peak = torch.cuda.max_memory_allocated()
        torch.cuda.reset_peak_memory_stats()
        return peak

    def operator(self, span: Span, end: int) -> None:
        """An operator ran until ``end``. What was launched meanwhile is its."""
        if span.sequence:
            self.spans.append((span.begin, end, span.sequence))

    @contextlib.contextmanager
    def request(self, request: str) -> Iterator[None]:
        """Around a request: its device work is recorded at its end. What goes wrong with that is logged, and no more."""
        profiler = self._start() if self.kineto and self.recorder.wants(Category.DEVICE_WORK) else None
        try:
            yield
        finally:
            if profiler is not None:
                self._stop(profiler, request)

    def _start(self) -> Any:
        profiler = torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CUDA])
        try:
            profiler.start()
        except Exception:
            log.exception("start torch.profiler: the request has no device work")
            return None
        self.active = True
        return profiler

    def _stop(self, profiler: Any, request: str) -> None:
        self.active = False
        spans, self.spans = self.spans, []
        try:
            torch.cuda.synchronize()
            profiler.stop()
            self.record(request, profiler.profiler.kineto_results.events(), spans)
        except Exception:
            log.exception("record what torch.profiler saw: the request has no device work")

    def record(self, request: str, events: Any, operators: list[tuple[int, int, int]]) -> None:
        """Write Kineto's events. ``operators`` are (begin, end, sequence) in order of begin, which do not overlap."""
        table = np.array(operators, np.int64).reshape(-1, 3)
        places: dict[Any, list[tuple]] = {}
        launched: dict[int, int] = {}
        for e in events:
            work, begin, end = kind_of(e), *times_of(e)
            if work in (Work.RUNTIME, Work.DRIVER):
                place: Any = ("calls", e.device_resource_id() & 0xFFFFFFFF)
                launched[e.correlation_id()] = operator_at(table, int(ticks_of_unix_ns(begin)))
            else:
                place = (e.device_index(), e.device_resource_id() & 0xFFFFFFFF)
            places.setdefault(place, []).append((e.name(), begin, end, work, e.correlation_id()))
        for place, rows in places.items():
            if place[0] == "calls":
                track, category = self.recorder.call_track(f"thread {place[1]}", place[1]), Category.DEVICE_RUNTIME
            else:
                track, category = self.recorder.device_track(f"stream {place[1]}", place[0], 0, place[1]), Category.DEVICE_WORK
            track.set_request(request)
            names: dict[str, NameID] = {text: name(text, category) for text in {r[0] for r in rows}}
            track.append_work(
                [names[r[0]] for r in rows],
                ticks_of_unix_ns(np.array([r[1] for r in rows], np.int64)),
                ticks_of_unix_ns(np.array([r[2] for r in rows], np.int64)),
                [int(r[3]) for r in rows],
                [r[4] for r in rows],
                [launched.get(r[4], 0) for r in rows],
                self.operators,
            )


def kind_of(event: Any) -> Work:
    """What an event of Kineto is: versions of torch that tell nothing but its device and its name are read, too."""
    text = event.name()
    if event.device_type().name == "CPU":
        return Work.DRIVER if text.startswith("cu") and not text.startswith("cuda") else Work.RUNTIME
    return Work.COPY if text.startswith("Memcpy") else Work.SET if text.startswith("Memset") else Work.KERNEL


def times_of(event: Any) -> tuple[int, int]:
    """Begin and end in nanoseconds of the wall clock; before torch 2.4 Kineto had microseconds."""
    if hasattr(event, "start_ns"):
        begin = event.start_ns()
        return begin, begin + event.duration_ns()
    begin = event.start_us() * 1000
    return begin, begin + event.duration_us() * 1000


def operator_at(table: Any, at: int) -> int:
    """The sequence of the operator during which something was called, 0 for none."""
    i = int(np.searchsorted(table[:, 0], at, "right")) - 1
    return int(table[i, 2]) if i >= 0 and at <= table[i, 1] else 0
