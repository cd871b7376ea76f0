"""What a profiler plugin implements: events in, artifacts out.

The life of one profile: ``open`` when it starts; ``consume`` of its sink any number of times while it runs and when it has
stopped; then ``finish`` once. A profile that is abandoned gets ``abort`` instead, where the sink has that method.
"""

from __future__ import annotations

import hashlib
import logging
import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol, runtime_checkable

from .context import Context
from .model import Description
from .recording import Batch, Filter, ProcessSummary


@dataclass(frozen=True)
class RecordedProcess:
    """A process that takes part in the profile, as known at its start."""

    kind: int
    """1 core, 2 a rank of a model's stage."""
    name: str
    """"core", or the plugin's name; empty when unknown."""
    stage: int
    stage_name: str
    rank: int
    pid: int


@dataclass(frozen=True)
class Profile:
    """What is known when a profile starts."""

    id: str
    dir: str
    """An existing folder for the artifacts."""
    model: str
    label: str
    started: datetime
    max_bytes: int
    """Bounds the sum of the artifacts; 0: no bound. At the bound drop the newest events and say so in ``dropped``."""
    host: str
    processes: Sequence[RecordedProcess]
    """None are known of a recording that is exported later."""
    filter: Filter
    """What the caller wants. It is applied before ``consume``."""
    previous: str
    """A folder with what this profiler made of the recording before; it may be read. Empty: there is none."""
    config: Any
    """The user's values: an instance of the description's ``config``; None when there is none."""
    log: logging.LoggerAdapter
    """Logs to the host, with the profile's id."""


@dataclass(frozen=True)
class Summary:
    """What is known when the recording has ended."""

    stopped: datetime
    processes: Sequence[ProcessSummary]


@dataclass
class Artifact:
    """A file that the profiler made. :func:`artifact_of` fills in ``bytes``; the SDK computes an empty ``sha256``."""

    name: str
    """Relative to the profile's folder, with slashes."""
    media_type: str
    """"application/gzip"."""
    bytes: int = -1
    """-1: the SDK looks."""
    sha256: str = ""
    stage: int | None = None
    rank: int | None = None
    stage_name: str = ""
    events: int = 0
    """Events in the file; 0 when unknown."""
    dropped: int = 0
    """Events left out because of ``max_bytes``."""


def artifact_of(profile: Profile, name: str, media_type: str, events: int = 0, dropped: int = 0) -> Artifact:
    """Describe a file that is complete on disk."""
    path = os.path.join(profile.dir, *name.split("/"))
    return Artifact(name, media_type, os.path.getsize(path), sha256_of(path), events=events, dropped=dropped)


def sha256_of(path: str) -> str:
    """SHA-256 of a file in lower-case hexadecimal."""
    digest = hashlib.sha256()
    with open(path, "rb") as f:
        while block := f.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


@runtime_checkable
class Sink(Protocol):
    """Takes the events of one profile. All methods are called from one thread.

    Optional: ``abort(self)`` removes what was written; ``warnings(self) -> list[str]``, asked once after ``finish``, are
    sentences for the user.
    """

    def consume(self, ctx: Context, batch: Batch) -> None:
        """Take events. A span comes once: when it has ended, or at the end, marked open. Per track by end; device tracks
        in no order. An exception ends the export; ``finish`` is called all the same."""
        ...

    def finish(self, ctx: Context, summary: Summary) -> list[Artifact]:
        """Complete the artifacts: a file appears whole or not at all. Called once."""
        ...


@runtime_checkable
class Profiler(Protocol):
    """Implemented by the author of a profiler plugin.

    Optional: ``probe(self, ctx, config) -> list[Finding]``, what stands in the way of working here and now; and
    ``record(self, ctx, config, recorder)``, which measures until ``ctx`` is cancelled, on a thread of its own, into a
    segment of the same recording.
    """

    def describe(self) -> Description:
        """Say what the plugin is. No side effects, quick; called more than once."""
        ...

    def open(self, ctx: Context, profile: Profile) -> Sink:
        """Start one profile's output. Quick: start replies wait for it. Profiles do not overlap. Unfinished files of a
        process that was killed may lie in ``profile.dir``, and are to be replaced."""
        ...
