"""A profiler plugin that measures: the machine's load, as a counter of the recording, for every other profiler to show."""

from __future__ import annotations

import os
from typing import Any

from strobe_plugin import Artifact, Context, Description, Profile, Summary, serve_profiler
from strobe_plugin.recording import Batch
from strobe_plugin.trace import Category, Recorder, name

LOAD = name("load_average", Category.COUNTER)


class Nothing:
    """A sink that exports nothing."""

    def consume(self, ctx: Context, batch: Batch) -> None:
        pass

    def finish(self, ctx: Context, summary: Summary) -> list[Artifact]:
        return []


class LoadAverage:
    def describe(self) -> Description:
        return Description("loadavg", "0.1.0", "Records the machine's load; an example in Python.")

    def open(self, ctx: Context, profile: Profile) -> Nothing:
        return Nothing()

    def record(self, ctx: Context, config: Any, recorder: Recorder) -> None:
        track = recorder.track("machine")
        while not ctx.wait(0.1):
            track.count(LOAD, os.getloadavg()[0])


if __name__ == "__main__":
    serve_profiler(LoadAverage())
