"""What the host is told of the flight recorder, and tells errors apart by."""

import os

import grpc
import pytest

from strobe_plugin import Description
from strobe_plugin._model_server import ModelServer
from strobe_plugin._proto import message
from strobe_plugin.trace import Process

Start, Snapshot = message("model.v1.StartFlightRequest"), message("model.v1.SnapshotRequest")


class Model:
    def describe(self):
        return Description("mine", "0.1.0")


class Refused(Exception):
    pass


class Call:
    def abort(self, code, text):
        raise Refused(code, text)


def refused(f, request):
    with pytest.raises(Refused) as e:
        f(request, Call())
    return e.value.args


def test_flight(tmp_path):
    server = ModelServer(Model())
    start = Start(dir=str(tmp_path), max_bytes=8 << 20, window_ns=30_000_000_000)
    assert refused(server.StartFlight, start) == (grpc.StatusCode.INTERNAL, "the model is not loaded")
    server._process = Process(2, "mine")
    for f in (server.StopFlight, server.Snapshot):
        assert refused(f, Snapshot())[0] == grpc.StatusCode.FAILED_PRECONDITION
    assert refused(server.StartFlight, Start(dir=str(tmp_path)))[0] == grpc.StatusCode.INTERNAL
    server.StartFlight(start, Call())
    assert refused(server.StartFlight, start)[0] == grpc.StatusCode.ALREADY_EXISTS
    server.recorder.track("t").instant("x")
    (tmp_path / "kept").mkdir()
    r = server.Snapshot(Snapshot(dir=str(tmp_path / "kept"), label="rank"), Call())
    assert (list(r.segments), r.events, r.bytes) == (["rank.0.seg"], 1, os.path.getsize(tmp_path / "kept" / "rank.0.seg"))
    assert r.event_cost_ps > 0 and not r.lost.full
    server.StopFlight(None, Call())
    assert os.listdir(tmp_path) == ["kept"]
    server.finish(None)
