"""A profiler plugin that writes a CSV of the slowest spans of a profile. The smallest whole example."""

from __future__ import annotations

import csv
import heapq
import os
from dataclasses import dataclass

from strobe_plugin import Artifact, Context, Description, Profile, Summary, artifact_of, option, serve_profiler
from strobe_plugin.recording import Batch, Kind


@dataclass
class Config:
    top: int = option(100, min=1, max=10_000, doc="How many spans to list.")
    min_ms: float = option(0.0, min=0, doc="Leave out spans that took less, in milliseconds.")


class Slowest:
    """The sink of one profile."""

    def __init__(self, profile: Profile) -> None:
        self.profile, self.config = profile, profile.config
        self.heap: list[tuple[int, int, tuple]] = []
        self.spans = 0

    def consume(self, ctx: Context, batch: Batch) -> None:
        took = batch.end - batch.start
        wanted = (batch.kind == Kind.SPAN) & (took >= self.config.min_ms * 1e6)
        self.spans += int(wanted.sum())
        if len(self.heap) == self.config.top:
            wanted &= took > self.heap[0][0]
        for i in wanted.nonzero()[0].tolist():
            e = batch[i]
            row = (e.name.text, (e.end - e.start) / 1e6, batch.process.name, batch.process.rank, e.track.name, e.request, e.start)
            push = heapq.heappush if len(self.heap) < self.config.top else heapq.heappushpop
            push(self.heap, (e.end - e.start, self.spans + i, row))

    def finish(self, ctx: Context, summary: Summary) -> list[Artifact]:
        path = os.path.join(self.profile.dir, "slowest.csv")
        rows = [row for _, _, row in sorted(self.heap, reverse=True)]
        with open(path + ".part", "w", newline="", encoding="utf-8") as f:
            w = csv.writer(f)
            w.writerow(("name", "ms", "process", "rank", "track", "request", "start_unix_ns"))
            written = 0
            for row in rows:
                if self.profile.max_bytes and f.tell() + 8 * sum(len(str(c)) + 3 for c in row) > self.profile.max_bytes:
                    break
                w.writerow(row)
                written += 1
        os.replace(path + ".part", path)
        return [artifact_of(self.profile, "slowest.csv", "text/csv", written, len(rows) - written)]

    def abort(self) -> None:
        for name in ("slowest.csv", "slowest.csv.part"):
            if os.path.exists(path := os.path.join(self.profile.dir, name)):
                os.remove(path)


class SlowestProfiler:
    def describe(self) -> Description:
        return Description("slowest", "0.1.0", "Lists the slowest spans; an example in Python.", Config)

    def open(self, ctx: Context, profile: Profile) -> Slowest:
        return Slowest(profile)


if __name__ == "__main__":
    serve_profiler(SlowestProfiler())
