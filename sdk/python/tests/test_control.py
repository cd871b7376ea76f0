"""What a profile is told that an outside profiler is to follow."""

from strobe_plugin import Description
from strobe_plugin._model_server import ModelServer
from strobe_plugin._proto import message
from strobe_plugin.trace import Process

Start, Stop = message("model.v1.StartRecordingRequest"), message("model.v1.StopRecordingRequest")


class Model:
    def describe(self):
        return Description("mine", "0.1.0")


def test_control(tmp_path):
    server = ModelServer(Model())
    server._process = Process(2, "mine")
    for i, (control, notes) in enumerate([("cuda_profiler_api", 1), ("", 0)]):
        started = server.StartRecording(Start(path=str(tmp_path / f"{i}.seg"), max_bytes=8 << 20, control=control), None)
        stopped = server.StopRecording(Stop(), None)
        assert list(started.notes) == list(stopped.notes)
        assert len(started.notes) == notes
        assert all("no CUDA profiler is told" in n for n in started.notes)
    server.finish(None)
