import os
import signal
import subprocess
import sys
import threading
import time

import pytest

from strobe_plugin import _flight, recording, trace

PROCESS = trace.Process(2, "test")
HOUR = 3600.0


@pytest.fixture
def ring(tmp_path):
    folder = tmp_path / "ring"
    folder.mkdir()
    return folder


@pytest.fixture
def rec():
    r = trace.Recorder()
    yield r
    r.close()


def start(rec, ring, max_bytes=_flight.MIN_BYTES, window=HOUR):
    rec.start_flight(str(ring), PROCESS, max_bytes, window)


def turn(rec):
    """As the flight recorder's thread does when it is time."""
    with rec._life:
        rec._flight._rotate()


def snapshot(rec, tmp_path):
    folder = tmp_path / f"snapshot {time.monotonic_ns()}"
    folder.mkdir()
    names, stats = rec.snapshot(str(folder), "p")
    assert sorted(os.listdir(folder)) == sorted(names) and names[0] == "p.0.seg"
    assert stats.bytes == sum(os.path.getsize(folder / n) for n in names)
    events, summary = read(folder)
    assert summary.corrupt == 0
    return events, stats


def read(folder):
    events = []
    (summary,) = recording.read(str(folder), lambda b: events.extend(b))
    assert summary.error == ""
    return events, summary


def used(ring):
    """Bytes of all files; one may just have gone."""
    total = 0
    for name in os.listdir(ring):
        try:
            total += os.path.getsize(ring / name)
        except FileNotFoundError:
            pass
    return total


def test_the_window_is_kept(rec, tmp_path, ring):
    """Writers write while segments follow each other: every event of the window is there, once, within the bound."""
    start(rec, ring, window=1.0)
    stop, numbers = threading.Event(), [0, 0]

    def write(i):
        track = rec.track(f"w{i}")
        while not stop.is_set():
            with track.span("outer"):
                for _ in range(5):
                    numbers[i] += 1
                    with track.span("inner"):
                        track.instant("mark", {"n": numbers[i]})
            stop.wait(0.002)

    threads = [threading.Thread(target=write, args=(i,)) for i in range(2)]
    for t in threads:
        t.start()
    most, seen = 0, []
    while rec._flight._files < 20:
        seen.append((time.monotonic(), list(numbers)))
        most = max(most, used(ring))
        time.sleep(0.02)
    stop.set()
    for t in threads:
        t.join()
    events, stats = snapshot(rec, tmp_path)
    since = time.monotonic() - 1.0  # or a little before
    first = next((n for at, n in seen if at >= since), numbers)
    assert most <= _flight.MIN_BYTES and stats.lost == trace.Losses()
    for i in range(2):
        marks = [e.args[0].value for e in events if e.track.name == f"w{i}" and e.name.text == "mark"]
        assert marks == list(range(marks[0], numbers[i] + 1)) and 1 < marks[0]
        assert marks[0] <= first[i] + 1
    assert {e.depth for e in events if e.name.text == "mark"} == {2}


def test_nothing_is_lost_between_segments(rec, tmp_path, ring):
    start(rec, ring, 256 << 20)
    shared, stop, numbers = rec.track("shared"), threading.Event(), [0, 0, 0]

    def write(i):
        own = rec.track(f"own {i}")
        while not stop.is_set():
            with own.span("outer", {"i": i}):
                shared.instant("shared", {"i": i, "n": numbers[i]})
                with own.span("inner", {"n": numbers[i]}) as inner:
                    inner.end({"end": numbers[i]})
                numbers[i] += 1

    threads = [threading.Thread(target=write, args=(i,)) for i in range(3)]
    for t in threads:
        t.start()
    for _ in range(20):
        turn(rec)
    stop.set()
    for t in threads:
        t.join()
    events, stats = snapshot(rec, tmp_path)
    assert stats.lost == trace.Losses() and not any(e.open for e in events)
    for i in range(3):
        inner = [[a.value for a in e.args] for e in events if e.name.text == "inner" and e.track.name == f"own {i}"]
        assert inner == [[n, n] for n in range(numbers[i])]
        assert [e.args[1].value for e in events if e.name.text == "shared" and e.args[0].value == i] == list(range(numbers[i]))
    assert sum(e.name.text == "outer" for e in events) == sum(numbers)


def test_open_spans_are_carried(rec, tmp_path, ring):
    start(rec, ring)
    idle, busy = rec.track("idle"), rec.track("busy")
    idle.set_request("long")
    outer = idle.begin("outer", {"n": 42, "text": "é"})
    idle.set_request("other")
    inner = idle.begin("inner")
    with busy.span("busy"):
        for _ in range(3):
            turn(rec)
            busy.instant("mark")
    events, stats = snapshot(rec, tmp_path)
    spans = {e.name.text: e for e in events}
    assert (spans["outer"].open, spans["outer"].request, [a.value for a in spans["outer"].args]) == (True, "long", [42, "é"])
    assert (spans["inner"].open, spans["inner"].request, spans["inner"].parent) == (True, "other", spans["outer"].sequence)
    assert not spans["busy"].open and len(events) == 6 and stats.events == 6
    began = spans["outer"].start
    while rec._flight._kept:  # the segments in which they began go
        os.remove(rec._flight._kept.pop(0).path)
    inner.end()
    outer.end({"more": True})
    idle.instant("after")
    events, _ = snapshot(rec, tmp_path)
    assert [(e.name.text, e.open, e.request) for e in events] == [("inner", False, "other"), ("outer", False, "long"), ("after", False, "other")]
    assert abs(events[1].start - began) < 10_000_000 and [a.value for a in events[1].args] == [42, "é", True]


def test_a_span_for_which_there_is_no_room_comes_back(rec, tmp_path, ring, monkeypatch):
    start(rec, ring)
    t = rec.track("t")
    span = t.begin("x", {"k": 1})
    with monkeypatch.context() as m:
        m.setattr(trace.Track, "_next", lambda self: False)
        turn(rec)
    assert rec._meta.file.counter(192) == 1
    turn(rec)
    span.end()
    events, stats = snapshot(rec, tmp_path)
    assert [(e.name.text, e.open, e.args[0].value) for e in events] == [("x", False, 1)] and stats.lost.full == 1


def test_bytes_are_bounded(rec, tmp_path, ring):
    """Written faster than segments can follow each other: what does not fit is counted."""
    start(rec, ring)
    t, most = rec.track("t"), 0
    t.begin("open")
    for _ in range(60):
        for _ in range(1000):
            t.begin("x", {"text": "x" * 200}).end()
        most = max(most, used(ring))
    events, stats = snapshot(rec, tmp_path)
    assert most <= _flight.MIN_BYTES and 1000 < len(events) and len(events) - stats.events in (0, 1, 2)  # those that began in segments that went do not count
    assert [e.name.text for e in events if e.open] == ["open"]


def test_many_names_do_not_crowd_a_segment(rec, tmp_path, ring, monkeypatch):
    """Each segment has all names. What they take does not make segments follow each other."""
    name = trace.name("x")
    monkeypatch.setattr(trace.interned, "list", trace.interned.list + [(b"x" * 88, 0)] * 7000)
    start(rec, ring)
    t = rec.track("t")
    for _ in range(1200):
        t.begin(name).end()
    time.sleep(0.05)
    assert rec._meta.file.used > 700_000 and rec._flight._files == 1
    for _ in range(6000):
        t.begin(name).end()
    until = time.monotonic() + 30
    while rec._flight._files == 1 and time.monotonic() < until:
        time.sleep(0.01)
    assert rec._flight._files > 1 and len(snapshot(rec, tmp_path)[0]) == 7200
    rec.close()  # while the names are there


def test_makes_way_for_recordings(rec, tmp_path, ring):
    start(rec, ring)
    t = rec.track("t")
    for i in range(2):
        before = t.begin("before")
        assert not rec.wants(trace.Category.OPERATOR) and rec.wants(trace.Category.STEP)
        path = tmp_path / f"recording {i}"
        path.mkdir()
        rec.start(str(path / "a.seg"), PROCESS, 1 << 20)
        assert os.listdir(ring) == [] and rec.wants(trace.Category.OPERATOR)
        for refused in (lambda: rec.snapshot(str(path), "p"), lambda: rec.start(str(path / "b.seg"), PROCESS, 1 << 20)):
            with pytest.raises(trace.ErrRecording):
                refused()
        before.end()
        within = t.begin("within")
        stats = rec.stop()
        events, _ = read(path)
        assert [(e.name.text, e.open) for e in events] == [("within", True)] and stats.events == 1
        t.instant("after")
        within.end()
        events, _ = snapshot(rec, tmp_path)
        assert [(e.name.text, e.open) for e in events] == [("after", False), ("within", False)]
        turn(rec)
    with pytest.raises(trace.ErrNotRecording):
        rec.stop()
    rec.stop_flight()
    assert not rec.on and os.listdir(ring) == []


def test_starts_during_a_recording(rec, tmp_path, ring):
    rec.start(str(tmp_path / "a.seg"), PROCESS, 1 << 20)
    start(rec, ring)
    assert os.listdir(ring) == []
    rec.stop()
    rec.track("t").instant("x")
    assert len(snapshot(rec, tmp_path)[0]) == 1


def test_refuses(rec, tmp_path, ring):
    with pytest.raises(trace.ErrNoFlight):
        rec.snapshot(str(tmp_path), "p")
    with pytest.raises(trace.ErrNoFlight):
        rec.stop_flight()
    with pytest.raises(ValueError, match="at least 8388608"):
        start(rec, ring, max_bytes=_flight.MIN_BYTES - 1)
    with pytest.raises(ValueError, match="at least 1.0 s"):
        start(rec, ring, window=0.9)
    with pytest.raises(FileNotFoundError):
        start(rec, ring / "missing")
    start(rec, ring)
    with pytest.raises(trace.ErrRecording):
        start(rec, ring)
    rec.close()
    assert os.listdir(ring) == []
    with pytest.raises(RuntimeError, match="closed"):
        start(rec, ring)


def test_the_folder_goes_and_comes_back(rec, tmp_path, ring):
    start(rec, ring)
    t = rec.track("t")
    ring.rename(tmp_path / "elsewhere")
    for _ in range(2):
        t.instant("in the segment that there is")
        with pytest.raises(FileNotFoundError):
            rec.snapshot(str(tmp_path), "p")
    rec.start(str(tmp_path / "a.seg"), PROCESS, 1 << 20)
    rec.stop()
    assert not rec.on
    ring.mkdir()
    snapshot(rec, tmp_path)
    t.instant("again")
    assert [e.name.text for e in snapshot(rec, tmp_path)[0]] == ["again"]


def test_a_snapshot_is_whole_or_not_there(rec, tmp_path, ring):
    start(rec, ring)
    rec.track("t").instant("x")
    turn(rec)
    (tmp_path / "p.1.seg").write_text("in the way")
    with pytest.raises(FileExistsError):
        rec.snapshot(str(tmp_path), "p")
    assert sorted(os.listdir(tmp_path)) == ["p.1.seg", "ring"]


def test_without_links_it_is_a_copy(rec, tmp_path, ring, monkeypatch):
    def no_links(path, to):
        raise OSError(1, "not here")

    monkeypatch.setattr(os, "link", no_links)
    start(rec, ring)
    rec.track("t").instant("x")
    assert len(snapshot(rec, tmp_path)[0]) == 1


def test_a_killed_process_leaves_what_it_remembered(tmp_path, ring):
    script = f"""
import os, signal, time
from strobe_plugin import trace
r = trace.Recorder()
r.start_flight({str(ring)!r}, trace.Process(2, "killed"), 8 << 20, 1.0)
t = r.track("t")
t.set_request("req")
t.begin("open", {{"k": "v"}})
i = 0
while r._flight._files < 20:
    t.begin("x", {{"i": i}}).end()
    i += 1
    time.sleep(0.0005)
print(i, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""
    p = subprocess.run([sys.executable, "-c", script], stdout=subprocess.PIPE)
    assert p.returncode == -signal.SIGKILL
    events, summary = read(ring)
    marks = [e.args[0].value for e in events if e.name.text == "x"]
    assert summary.corrupt == 0 and 0 < marks[0] and marks == list(range(marks[0], int(p.stdout)))
    assert [(e.name.text, e.request, e.args[0].value) for e in events if e.open] == [("open", "req", "v")]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_forked_child_leaves_it_alone(rec, tmp_path, ring):
    start(rec, ring)
    t = rec.track("t")
    with t.span("parent"):
        pid = os.fork()
        if pid == 0:
            try:
                t.instant("child")
                rec.close()
            finally:
                os._exit(0)
        os.waitpid(pid, 0)
    assert [e.name.text for e in snapshot(rec, tmp_path)[0]] == ["parent"]
