"""What recording costs: python measure.py FOLDER [STEPS [ROUNDS]]

Draws the same picture with no recording, with one without operators, with one, and under torch.profiler instead, in turns,
and prints medians of a request's time, by the clock and of all processors: for torch.profiler until its events are sorted,
which it puts off until its end.
"""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable

import torch

from plugin import Config
from session import PipelineSession, load_session
from strobe_plugin import Context, Request
from strobe_plugin.trace import Process, Recorder


def draw(session: PipelineSession, steps: int) -> None:
    session.generate(Context(), Request("measure", 0, "a red heart", steps=steps, seed=7), lambda step, of: None)


def recorded(session: PipelineSession, recorder: Recorder, steps: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        recorder.start(os.path.join(folder, "rank.seg"), Process(2, "measure"), 1 << 30)
        try:
            draw(session, steps)
        finally:
            recorder.stop()


def under_torch(session: PipelineSession, steps: int) -> None:
    with torch.profiler.profile(record_shapes=True) as p:
        draw(session, steps)
    p.events()


def main(folder: str, steps: int = 10, rounds: int = 7) -> None:
    recorder = Recorder()
    plain, full = (load_session(Config(model_path=folder, profile_operators=on), recorder) for on in (False, True))
    ways: dict[str, Callable[[], None]] = {
        "no recording": lambda: draw(full, steps),
        "spans": lambda: recorded(plain, recorder, steps),
        "spans and operators": lambda: recorded(full, recorder, steps),
        "torch.profiler": lambda: under_torch(full, steps),
    }
    taken: dict[str, list[tuple[float, float]]] = {way: [] for way in ways}
    for _ in range(rounds + 1):
        for way, run in ways.items():
            wall, cpu = time.perf_counter(), time.process_time()
            run()
            taken[way].append((time.perf_counter() - wall, time.process_time() - cpu))
    base = None
    for way, times in taken.items():
        medians = [statistics.median(column) * 1000 for column in zip(*times[1:])]  # the first round warms up
        base = base or medians
        print(f"{way:20} {medians[0]:8.1f} ms ({medians[0] / base[0]:.3f}), processors {medians[1]:8.1f} ms ({medians[1] / base[1]:.3f})")


if __name__ == "__main__":
    main(sys.argv[1], *map(int, sys.argv[2:]))
