"""What recording and reading cost here, in processor time: python benchmark.py"""

import os
import sys
import tempfile
import time

from strobe_plugin import recording, trace

SPANS, RUNS = 100_000, 5


def cost(f) -> float:
    """Nanoseconds of processor time a span, the best of some runs."""
    best = float("inf")
    for _ in range(RUNS):
        before = time.process_time_ns()
        f()
        best = min(best, (time.process_time_ns() - before) / SPANS)
    return best


def main() -> None:
    step, key = trace.name("denoise_step"), trace.name("step")
    rec = trace.Recorder()
    worker, gpu = rec.track("worker"), rec.device_track("gpu")

    def begin_end() -> None:
        for _ in range(SPANS):
            worker.begin(step).end()

    def with_block() -> None:
        for _ in range(SPANS):
            with worker.span(step):
                pass

    def argument() -> None:
        for i in range(SPANS):
            worker.begin(step, {key: i}).end()

    def instant() -> None:
        for _ in range(SPANS):
            worker.instant(step)

    def batch() -> None:
        gpu.append_work(step, range(SPANS), range(1, SPANS + 1), 1)

    print(f"Python {sys.version.split()[0]}")
    print(f"off: begin and end      {cost(begin_end):8.0f} ns")
    with tempfile.TemporaryDirectory() as folder:
        rec.start(os.path.join(folder, "rank.seg"), trace.Process(2, "benchmark"), 256 << 20)
        for title, f in (("begin and end", begin_end), ("with block", with_block), ("one argument", argument), ("instant", instant), ("append_work", batch)):
            print(f"on:  {title:<18} {cost(f):8.0f} ns")
        stats = rec.stop()
        before, spans = time.process_time(), 0
        for b in recording.batches(folder):
            spans += int((b.kind == recording.Kind.SPAN).sum())
        took = time.process_time() - before
        print(f"read {stats.events:,} events, {spans:,} of them spans: {took * 1e6 / stats.events:.2f} µs an event")


if __name__ == "__main__":
    main()
