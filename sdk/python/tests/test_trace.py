import os
import signal
import subprocess
import sys
import threading

import numpy as np
import pytest

from strobe_plugin import _segment, recording, trace
from strobe_plugin.recording import Kind

PROCESS = trace.Process(2, "test")


@pytest.fixture
def rec():
    r = trace.Recorder()
    yield r
    r.close()


def start(rec, tmp_path, max_bytes=16 << 20, **more):
    rec.start(str(tmp_path / "a.seg"), PROCESS, max_bytes, **more)


def read(tmp_path):
    events = []
    (summary,) = recording.read(str(tmp_path), lambda b: events.extend(b))
    assert summary.corrupt == 0 and summary.error == ""
    return events, summary


def test_off_costs_and_writes_nothing(rec, tmp_path):
    t = rec.track("t")
    with t.span("x", {"k": 1}) as s:
        t.instant("i")
        t.count("c", 1)
        t.flow_in(1)
    s.end()
    with pytest.raises(trace.ErrNotRecording):
        rec.stop()


def test_start_twice_and_bounds(rec, tmp_path):
    start(rec, tmp_path)
    with pytest.raises(trace.ErrRecording):
        rec.start(str(tmp_path / "b.seg"), PROCESS, 16 << 20)
    rec.stop()
    with pytest.raises(ValueError, match="at least"):
        rec.start(str(tmp_path / "c.seg"), PROCESS, 1000)
    with pytest.raises(FileExistsError):
        start(rec, tmp_path)
    assert sorted(os.listdir(tmp_path)) == ["a.seg"]
    assert os.stat(tmp_path / "a.seg").st_mode & 0o777 == 0o600


def test_spans_begun_before_the_start_stay_out(rec, tmp_path):
    t = rec.track("t")
    start(rec, tmp_path)
    old = t.begin("old")
    rec.stop()
    os.rename(tmp_path / "a.seg", tmp_path / "first")
    start(rec, tmp_path)
    with t.span("new"):
        old.end({"k": 1})
        t.instant("within")
    rec.stop()
    events, _ = read(tmp_path)
    assert [(e.name.text, e.depth, e.open) for e in events] == [("within", 1, False), ("new", 0, False)]


def test_ending_a_span_ends_those_within(rec, tmp_path):
    t = rec.track("t")
    start(rec, tmp_path)
    outer, inner = t.begin("outer"), t.begin("inner")
    outer.end()
    inner.end()
    t.begin("next").end()
    rec.stop()
    events, _ = read(tmp_path)
    assert [(e.name.text, e.depth, e.open) for e in events] == [("inner", 1, False), ("outer", 0, False), ("next", 0, False)]


def test_the_bound_is_kept_and_losses_counted(rec, tmp_path):
    t = rec.track("t")
    start(rec, tmp_path, 1 << 20)
    for _ in range(60_000):
        t.begin("x").end()
    stats = rec.stop()
    events, summary = read(tmp_path)
    assert stats.bytes <= 1 << 20 and os.path.getsize(tmp_path / "a.seg") == stats.bytes
    assert stats.lost.full > 0 and stats.events + stats.lost.full == 60_000
    assert summary.events == stats.events == len(events) and summary.lost.full == stats.lost.full


def test_windows(rec, tmp_path, monkeypatch):
    """More than is mapped at a time."""
    monkeypatch.setattr(_segment, "WINDOW", 1 << 20)
    t = rec.track("t")
    start(rec, tmp_path, 64 << 20)
    t.append(["x"] * 30_000, np.arange(30_000) * 2, np.arange(30_000) * 2 + 1, [{"k": 1}] * 30_000)
    stats = rec.stop()
    assert stats.bytes > 1 << 20 and stats.lost == trace.Losses()
    events, summary = read(tmp_path)
    assert summary.events == 30_000 and events[-1].sequence == 30_000


def test_depth(rec, tmp_path):
    t = rec.track("t")
    start(rec, tmp_path)
    spans = [t.begin("x") for _ in range(300)]
    for s in reversed(spans):
        s.end()
    stats = rec.stop()
    events, _ = read(tmp_path)
    assert stats.lost.depth == 45 and stats.events == 255 and max(e.depth for e in events) == 254


def test_names_are_bounded(rec, tmp_path, monkeypatch):
    monkeypatch.setattr(_segment, "MAX_NAMES", len(trace.interned.list) + 2)
    start(rec, tmp_path)
    t = rec.track("t")
    for i in range(5):
        t.instant(f"name of test {i}")
    stats = rec.stop()
    events, _ = read(tmp_path)
    assert stats.lost.names == 3 and [e.name.text for e in events] == ["name of test 0", "name of test 1", "", "", ""]


def test_requests_hold_across_chunks(rec, tmp_path):
    t = rec.track("t")
    start(rec, tmp_path)
    t.set_request("r" * 2000)
    for i in range(1000):
        t.instant("x", {"i": i})
    t.set_request("")
    t.instant("y")
    rec.stop()
    events, _ = read(tmp_path)
    assert {e.request for e in events if e.name.text == "x"} == {"r" * 1024} and events[-1].request == ""


def test_arguments_are_bounded(rec, tmp_path):
    t = rec.track("t")
    start(rec, tmp_path)
    t.instant("x", {f"k{i}": "v" * 1024 for i in range(10)})
    t.instant("y", {"big": 1 << 70, "array": np.float32(0.5), "int": np.int64(3), "odd": None, "surrogate": "\udcff"})
    stats = rec.stop()
    events, _ = read(tmp_path)
    assert stats.lost.truncated == 3 and len(events[0].args) == 7
    assert [a.value for a in events[1].args] == [float(1 << 70), 0.5, 3, "None", "?"]


def test_threads(rec, tmp_path):
    """One track for all threads, and starts and stops in between."""
    shared, stop = rec.track("shared"), threading.Event()

    def work(n):
        own = rec.track(f"own {n}")
        while not stop.is_set():
            with own.span("outer", {"n": n}):
                shared.instant("i")
                with own.span(f"fresh {n}"):
                    pass
            stop.wait(0.0002)  # lets the others have their turn

    threads = [threading.Thread(target=work, args=(n,)) for n in range(3)]
    for t in threads:
        t.start()
    for i in range(8):
        folder = tmp_path / str(i)
        folder.mkdir()
        start(rec, folder)
        stop.wait(0.01)
        stats = rec.stop()
        _, summary = read(folder)
        assert summary.events == stats.events
    stop.set()
    for t in threads:
        t.join()


def test_a_killed_process_loses_nothing(tmp_path):
    script = f"""
import os, signal
from strobe_plugin import trace
r = trace.Recorder()
r.start({str(tmp_path / "a.seg")!r}, trace.Process(2, "killed"), 16 << 20)
t = r.track("t")
for i in range(5000):
    t.begin("x", {{"i": i}}).end()
t.begin("open")
os.kill(os.getpid(), signal.SIGKILL)
"""
    p = subprocess.run([sys.executable, "-c", script])
    assert p.returncode == -signal.SIGKILL
    events, summary = read(tmp_path)
    assert summary.events == 5001 and summary.open == 1 and events[-1].open


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_forked_child_records_nothing(rec, tmp_path):
    t = rec.track("t")
    start(rec, tmp_path)
    with t.span("parent"):
        pid = os.fork()
        if pid == 0:
            try:
                with t.span("child"):
                    t.instant("child")
            finally:
                os._exit(0)
        os.waitpid(pid, 0)
    rec.stop()
    events, _ = read(tmp_path)
    assert [e.name.text for e in events] == ["parent"]


def test_wants(rec, tmp_path):
    assert not rec.wants(trace.Category.STEP)
    start(rec, tmp_path, categories=1 << trace.Category.STEP)
    assert rec.wants(trace.Category.STEP) and not rec.wants(trace.Category.OPERATOR)
    rec.stop()


def test_a_full_disk_is_counted(rec, tmp_path, monkeypatch):
    t = rec.track("t")
    monkeypatch.setattr(_segment, "WINDOW", 1 << 20)
    start(rec, tmp_path, 64 << 20)
    monkeypatch.setattr(_segment.File, "_reserve", lambda self, to: (_ for _ in ()).throw(OSError(28, "no space")))
    t.append(["x"] * 60_000, np.arange(60_000) * 2, np.arange(60_000) * 2 + 1)
    stats = rec.stop()
    _, summary = read(tmp_path)
    assert stats.lost.full > 0 and stats.events + stats.lost.full == 60_000 and summary.events == stats.events
