"""The flight recorder: what happened last, in a row of small segments of which the oldest go."""

from __future__ import annotations

import os
import shutil
import threading
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from . import _segment as seg
from ._meta import Meta
from ._names import Category

if TYPE_CHECKING:
    from .trace import Recorder, Stats

SEGMENTS = 8
"""How many segments the budget is split into. One is being written and one is room for the next: the others remember."""
MIN_BYTES = SEGMENTS * seg.MIN_BYTES
MIN_WINDOW = 1.0
"""Seconds. It keeps segments from being made all the time."""
WANTED = (1 << len(Category)) - 1 & ~(1 << Category.OPERATOR | 1 << Category.DEVICE_RUNTIME | 1 << Category.DEVICE_WORK)
"""What is worth recording all the time: no operators, which cost Python the most, and no device work."""


@dataclass(frozen=True)
class _Kept:
    """A frozen segment."""

    path: str
    stats: "Stats"
    ended: float


class Flight:
    """A recorder's ring. The recorder's life lock guards it. A span that is open when a segment ends is in the next one,
    too, so whatever goes, what is left stands for itself."""

    def __init__(self, rec: "Recorder", folder: str, head: seg.Head, max_bytes: int, window: float) -> None:
        self._rec, self._folder, self._head = rec, folder, head
        self._max_bytes, self._window = max_bytes, window
        self._limit = max_bytes // SEGMENTS // seg.CHUNK * seg.CHUNK
        self._files = 0
        self._kept: list[_Kept] = []
        self._began = 0.0
        self._crowded, self._quit = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run, name="strobe-flight", daemon=True)

    def run(self) -> None:
        """Have segments follow each other from now on."""
        self._thread.start()

    def end(self) -> None:
        """End that. The life lock is not held: the thread may be waiting for it."""
        self._quit.set()
        self._crowded.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._quit.is_set():
            self._crowded.wait(self._window / SEGMENTS)
            self._crowded.clear()
            self._turn()

    def _turn(self) -> None:
        """Go on to the next segment if it is time. When that fails the current one goes on until it is full, and events
        beyond are counted as lost."""
        rec = self._rec
        with rec._life:
            if rec._flight is not self:
                return
            try:
                if rec._meta is None:  # it could not go on after a recording
                    self.begin()
                elif rec._flying and (self._due() or rec._meta.file.used >= rec._meta.file.mark):
                    self._rotate()
            except OSError:
                pass

    def _due(self) -> bool:
        """A snapshot may have made the current segment a moment ago."""
        return time.monotonic() - self._began >= self._window / SEGMENTS / 2

    def begin(self) -> Meta | None:
        """Make the ring's next segment the current one, and return the one before, which may be a recording's that ends."""
        meta = self._rec._open(os.path.join(self._folder, f"{self._files:08d}.seg"), replace(self._head, sequence=self._files), self._limit)
        self._files += 1
        file = meta.file
        file.goes_on, file.on_mark = True, self._crowded
        file.mark = (file.used + self._limit) // 2  # of the room that the names leave
        self._began = time.monotonic()
        return self._rec._enter(meta, WANTED, flying=True)

    def _rotate(self) -> None:
        """Freeze the current segment and go on in a new one. What is too old, or too much, goes first."""
        before = time.monotonic() - self._window
        while self._kept and (self._kept[0].ended < before or sum(k.stats.bytes for k in self._kept) + 2 * self._limit > self._max_bytes):
            _remove(self._kept.pop(0).path)
        old = self.begin()
        assert old is not None
        self._kept.append(_Kept(old.file.path, self._rec._finish(old), time.monotonic()))

    def snapshot(self, folder: str, label: str) -> tuple[list[str], list["Stats"]]:
        """Give all segments a second name. The first one may go: the file stays."""
        if self._rec._meta is None:
            self.begin()
        self._rotate()
        made: list[str] = []
        try:
            for i, k in enumerate(self._kept):
                link(k.path, os.path.join(folder, f"{label}.{i}.seg"))
                made.append(f"{label}.{i}.seg")
        except OSError:
            for name in made:
                _remove(os.path.join(folder, name))
            raise
        return made, [k.stats for k in self._kept]

    def forget(self, current: Meta | None) -> None:
        """Finish the ring's last segment and remove all files."""
        if current is not None:
            self._rec._finish(current)
            _remove(current.file.path)
        for k in self._kept:
            _remove(k.path)
        self._kept = []


def _remove(path: str) -> None:
    try:
        os.remove(path)
    except OSError:
        pass  # somebody else did, or the folder has gone


def link(path: str, to: str) -> None:
    """Give a file a second name that must not exist; where the file system has no links, make a copy."""
    try:
        os.link(path, to)
    except (FileExistsError, FileNotFoundError):
        raise
    except OSError:
        try:
            with open(path, "rb") as source, open(to, "xb") as target:
                shutil.copyfileobj(source, target)
        except FileExistsError:
            raise
        except OSError:
            _remove(to)
            raise
