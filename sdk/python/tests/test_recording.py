import os
import random
import shutil

import numpy as np
import pytest

import write
from strobe_plugin import recording, trace
from strobe_plugin._clock import Clock
from strobe_plugin.recording import Filter, Follower, Kind


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    folder = tmp_path_factory.mktemp("written")
    write.record(str(folder / "rank.seg"))
    return folder


def read(folder, **filter):
    events = []
    rows = recording.read(str(folder), lambda b: events.extend(b), Filter(**filter))
    return events, rows


def test_columns_are_the_events(written):
    for b in recording.batches(str(written)):
        events = list(b)
        assert len(b) == len(events) == len(b.start) == len(b.kind)
        for i, e in enumerate(events):
            assert (b.kind[i], b.start[i], b.end[i], b.depth[i], b.sequence[i], b.parent[i], b.flow[i], bool(b.open[i])) == (
                e.kind, e.start, e.end, e.depth, e.sequence, e.parent, e.flow, e.open)
            assert b.name_of(b.name_id[i]) == e.name and b.track_of(b.track_id[i]) is e.track and b.request(i) == e.request
            assert b[i].name == e.name and list(b.args(i)) == list(e.args)


def test_follows_while_it_grows(tmp_path, monkeypatch):
    monkeypatch.setattr(recording, "_CORE_GRACE", 0.0)
    rec, seen = trace.Recorder(), []
    rec.start(str(tmp_path / "a.seg"), trace.Process(2, "live"), 16 << 20)
    with Follower(str(tmp_path)) as f:
        t = rec.track("t")
        outer = t.begin("outer")
        for i in range(200):
            with t.span("step", {"i": i}):
                t.instant("in")
            if i % 20 == 0:
                rec._meta.pair()
                f.poll(lambda b: seen.extend(b))
        before = len(seen)
        assert 0 < before < 400 and not any(e.name.text == "outer" for e in seen)
        outer.end({"late": True})
        stats = rec.stop()
        rows = f.finish(lambda b: seen.extend(b), ["a.seg", "missing.seg"])
    assert len(seen) == stats.events == rows[0].events and seen[-1].name.text == "outer" and seen[-1].args[0].value is True
    assert [e.args[0].value for e in seen if e.name.text == "step"] == list(range(200))
    assert rows[1].error == "segment missing.seg is missing"


def test_filters(written):
    whole, _ = read(written)
    some, (row,) = read(written, categories=1 << trace.Category.STEP)
    assert {e.name.text for e in some if e.kind == Kind.SPAN} >= {"denoise_step"} and not any(e.name.text == "linear" for e in some)
    assert row.filtered + len(some) == len(whole)
    mine, _ = read(written, requests=("req-1",))
    assert {e.request for e in mine if e.kind != Kind.COUNTER} == {"req-1"}
    assert read(written, ranks=(0,))[0] == [] and len(read(written, ranks=(1,))[0]) == len(whole)
    assert all(e.end - e.start >= 10**12 or e.open or e.kind != Kind.SPAN for e in read(written, min_duration_ns=10**12)[0])


def test_hostile_files(written, tmp_path):
    """Whatever the bytes are: no exception, and never more events than there is room for."""
    whole, rng = (written / "rank.seg").read_bytes(), random.Random(7)
    path = tmp_path / "rank.seg"
    for _ in range(150):
        b = bytearray(whole)
        for _ in range(rng.choice((1, 3, 30))):
            at = rng.randrange(len(b)) & ~7
            b[at : at + 8] = rng.choice((rng.randbytes(8), bytes(8), b"\xff" * 8, b[(at + 8) % len(b) :][:8].ljust(8, b"\0")))
        if rng.random() < 0.2:
            del b[rng.randrange(len(b)) :]
        path.write_bytes(b)
        events, rows = read(tmp_path)
        assert len(events) <= len(b) // 16 and len(rows) == 1
        for e in events:
            assert e.end >= e.start or e.open or e.start > 1 << 62
            repr(e.args)


def test_memory_is_bounded(written):
    seen = []
    with Follower(str(written), max_memory=5000) as f:
        (row,) = f.finish(lambda b: seen.extend(b))
        assert f._taken <= 5000
    assert row.corrupt > 0 and any(e.name.text.startswith("name#") for e in seen)


def test_what_is_no_segment(tmp_path):
    (tmp_path / "short.seg").write_bytes(b"STBSEG1\0")
    (tmp_path / "other.seg").write_bytes(b"x" * 5000)
    (tmp_path / "note.txt").write_text("not looked at")
    os.symlink("/dev/zero", tmp_path / "link.seg")
    events, rows = read(tmp_path)
    assert events == [] and [r.process.segments for r in rows] == [["other.seg"], ["short.seg"]] and all(r.error for r in rows)
    shutil.rmtree(tmp_path)
    with pytest.raises(OSError):
        read(tmp_path)


def test_the_quick_conversion_is_the_exact_one():
    rng = random.Random(3)
    clock = Clock(0)
    ticks, mono = 10**12, 10**9
    for _ in range(50):
        clock.add(ticks, mono, 1_700_000_000_000_000_000 + mono)
        ticks, mono = ticks + rng.randrange(1, 700_000_000), mono + rng.randrange(200_000_000)
    at = [rng.randrange(10**12 - 10**9, ticks + 10**9) for _ in range(5000)]
    assert clock._quick(at)
    assert clock.unix(at).tolist() == [clock._one(t) for t in at]
    far = [0, 1 << 63, (1 << 64) - 1]
    assert not clock._quick(far) and clock.unix(far).dtype == np.int64
