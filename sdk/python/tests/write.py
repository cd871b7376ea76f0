"""Writes a recording with every kind of event and argument, for readers in other languages.

    python write.py FILE [--fixed]
    python write.py FOLDER --flight [--fixed]

The second keeps what a flight recorder remembers. With --fixed the clock counts and the process has no traits of its own: the same bytes every time.
"""

import itertools
import math
import sys
import tempfile

from strobe_plugin import _names, _segment, _tracks, trace
from strobe_plugin.trace import Category, NameID, Shapes, Text, Work


def fix() -> None:
    """A clock that counts, and no traits of this process."""
    count = itertools.count(1_000_000_000, 1000)
    _names.now = _tracks.now = lambda: next(count)
    _names.pair = lambda: ((t := next(count)), t + 1_700_000_000_000_000_000, 40)
    trace.Recorder.PAIRS = (1e6,)
    trace._identity[:] = [0x5EED]
    trace._cost[:] = [1234.0]
    _segment.boot_id = lambda: "boot"
    _segment.socket.gethostname = lambda: "host"
    _segment.os.getpid = lambda: 4711
    _segment.os.cpu_count = lambda: 2


def record(path: str) -> trace.Stats:
    """The same as record in ../python_test.go."""
    rec = trace.Recorder()
    early = rec.track("worker").begin("before the start")
    rec.start(path, trace.Process(2, "python", "test", 0, "diffusion", 1, True), 16 << 20)
    early.end()
    worker, gpu, calls = rec.track("worker"), rec.device_track("stream 7", 0, 1, 7), rec.call_track("calls", 99)
    worker.instant("outside")
    worker.set_request("req-1")
    forward = worker.begin(trace.name("pipeline_forward", Category.STAGE), {"width": 64})
    worker.flow_in(77)
    for i in range(3):
        with worker.span(trace.name("denoise_step", Category.STEP), {"step": i, "t": i / 8, "last": i == 2}) as step:
            with worker.span(trace.name("linear", Category.OPERATOR), {"module": Text("blocks.0"), "Input Dims": Shapes([[2, 70], [70]])}):
                worker.instant(trace.name("[memory]", Category.MEMORY), {"Bytes": -64})
            calls.work("cudaLaunchKernel", 1000 + i, 2000 + i, Work.RUNTIME, i + 1, step)
            gpu.work(trace.name("kernel", Category.DEVICE_WORK), 3000 + i, 4000 + i, Work.KERNEL, i + 1, step, {"grid": i})
            step.end({"note": 'a "note"\n\x01 of step ✓', "nan": math.nan, "empty": ""})
    worker.flow_out(78)
    forward.end()
    worker.set_request("")
    worker.count(trace.name("queue", Category.COUNTER), 5)
    worker.count("load", 0.5)
    worker.instant("long", {"cut": "é" * 600, "many": 1})
    rec.track("ops").append(["outer", "inner", "next"], [100, 110, 200], [190, 195, 300], [None, {"k": 1}, None])
    gpu.append_work("copy", [10, 20, 30], [15, 25, 20], Work.COPY, [7, 8, 9])
    rec.track("request 0", "request").begin(NameID(0)).end()
    worker.begin("x" * 5000).end()
    for i in range(400):  # some chunks
        worker.begin("chunk", {"i": i}).end()
    worker.begin("outer open")
    worker.begin("left open")
    return rec.stop()


def remember(folder: str) -> trace.Stats:
    """The same as remember in ../python_test.go: three segments, and spans that are open across them."""
    rec = trace.Recorder()
    with tempfile.TemporaryDirectory() as ring, tempfile.TemporaryDirectory() as dropped:
        rec.start_flight(ring, trace.Process(2, "python", "test", 0, "diffusion", 1, True), 8 << 20, 3600)
        idle, worker, calls = rec.track("idle"), rec.track("worker"), rec.call_track("calls", 99)
        idle.set_request("long")
        outer = idle.begin("outer", {"n": 42, "text": "é"})
        idle.set_request("other")
        idle.begin("left open")
        step = worker.begin(trace.name("denoise_step", Category.STEP), {"step": 0})
        worker.instant("first")
        rec.snapshot(dropped, "p")
        worker.instant("second")
        calls.work("cudaLaunchKernel", 1000, 2000, Work.RUNTIME, 7, step)
        with worker.span("within"):
            rec.snapshot(dropped, "q")
            worker.count("queue", 5)
        step.end({"late": True})
        worker.flow_out(78)
        stats = rec.snapshot(folder, "python")[1]
        outer.end()
        rec.close()
    return stats


if __name__ == "__main__":
    if "--fixed" in sys.argv:
        fix()
    s = (remember if "--flight" in sys.argv else record)(sys.argv[1])
    print(s.events, s.bytes, s.lost.truncated, s.lost.names, s.lost.device)
