"""What needs no server: Kineto's events into device work, without a GPU; operators with their shapes."""

from __future__ import annotations

import os
import tempfile
import time
import unittest
from collections import Counter
from types import SimpleNamespace
from typing import Any

import torch

from kernels import Kernels, kind_of
from operators import MAX_KNOWN, Operators
from strobe_plugin import recording
from strobe_plugin.trace import Category, Process, Recorder, Work, name, now


def event(text: str, device: str, resource: int, correlation: int, begin: int, end: int, nanoseconds: bool = True) -> Any:
    """As torch's _KinetoEvent answers; before torch 2.4 in microseconds."""
    made = {"name": text, "device_type": SimpleNamespace(name=device), "device_index": 0, "device_resource_id": resource,
            "correlation_id": correlation}
    made |= {"start_ns": begin, "duration_ns": end - begin} if nanoseconds else {"start_us": begin // 1000, "duration_us": (end - begin) // 1000}
    return SimpleNamespace(**{key: lambda value=value: value for key, value in made.items()})


def read(folder: str) -> list[Any]:
    events: list[Any] = []
    recording.read(folder, lambda batch: events.extend(batch))
    return events


class Recorded(unittest.TestCase):
    def setUp(self) -> None:
        self.recorder = Recorder()
        self.track = self.recorder.track("worker")
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        self.recorder.start(os.path.join(self.folder, "rank.seg"), Process(2, "test"), 64 << 20)
        self.addCleanup(self.recorder.close)
        self.kernels = Kernels(self.recorder, torch.device("cpu"), self.track)


class KernelsTest(Recorded):
    def test_device_work(self) -> None:
        for nanoseconds in (True, False):
            self.track.set_request("req-1")
            span = self.track.begin(name("aten::mm", Category.OPERATOR))
            time.sleep(0.002)
            wall = time.time_ns()
            time.sleep(0.002)
            span.end()
            self.kernels.operator(span, now())
            spans, self.kernels.spans = self.kernels.spans, []
            first = 1 if nanoseconds else 11
            self.kernels.record("req-1", [
                event("sgemm", "CUDA", 7, first, wall + 5_000_000, wall + 6_000_000, nanoseconds),
                event("cudaLaunchKernel", "CPU", 4711, first, wall, wall + 4_000, nanoseconds),
                event("Memcpy HtoD", "CUDA", 7, first + 1, wall + 7_000_000, wall + 8_000_000, nanoseconds),
                event("cuLaunchKernel", "CPU", 4711, first + 1, wall + 9_000_000_000, wall + 9_000_004_000, nanoseconds),
            ], spans)
        self.recorder.stop()
        found = [e for e in read(self.folder) if e.work]
        self.assertEqual(Counter((e.name.text, e.work) for e in found), {
            ("sgemm", Work.KERNEL): 2, ("cudaLaunchKernel", Work.RUNTIME): 2,
            ("Memcpy HtoD", Work.COPY): 2, ("cuLaunchKernel", Work.DRIVER): 2})
        for e in found:
            self.assertEqual(e.request, "req-1")
            # What was launched within the operator is the operator's; what was launched later is nobody's.
            self.assertEqual(bool(e.external), e.name.text in ("sgemm", "cudaLaunchKernel"), e.name.text)
        self.assertTrue(all(999_000 <= e.end - e.start <= 1_001_000 for e in found if e.name.text == "sgemm"))

    def test_kinds(self) -> None:
        self.assertEqual(kind_of(event("Memset (Device)", "CUDA", 7, 1, 0, 1)), Work.SET)

    def test_nothing_without_a_gpu(self) -> None:
        with self.kernels.request("req-1"):
            self.assertFalse(self.kernels.active)
        self.assertEqual(self.kernels.peak_memory(), 0)


class OperatorsTest(Recorded):
    def test_operators(self) -> None:
        operators = Operators(self.recorder, self.track, True, self.kernels)
        for _ in range(2):
            with operators:
                torch.cat([torch.zeros(2, 3), torch.zeros(4, 3)])
        torch.zeros(9, 9)  # not within
        operators.described.known |= {i: None for i in range(MAX_KNOWN)}
        with operators:
            torch.relu(torch.ones(5, 5))
        self.recorder.stop()
        with operators:
            torch.relu(torch.ones(6, 6))  # nothing records
        found = {e.name.text: {a.key: a.value for a in e.args} for e in read(self.folder)}
        self.assertIn("aten::cat", found)
        self.assertEqual(found["aten::cat"]["dtype"], "float32")
        self.assertEqual(found["aten::cat"]["Input Dims"], "[[2,3],[4,3]]")
        self.assertEqual(found["aten::relu"], {"dtype": "float32"})  # bounded: no further shapes

    def test_off(self) -> None:
        operators = Operators(self.recorder, self.track, False, self.kernels)
        with operators:
            self.assertIsNone(operators.mode)


if __name__ == "__main__":
    unittest.main()
