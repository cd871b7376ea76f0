"""What a segment holds beside its tracks: names and clock pairs, on track 0."""

from __future__ import annotations

import struct
import threading
from collections.abc import Sequence
from typing import Any

from . import _names
from . import _segment as seg
from ._segment import fence

EVERY = 0.2
"""Seconds between clock pairs."""


class Meta:
    """Track 0 of a segment, and the thread that writes its clock pairs while the segment is the current one."""

    def __init__(self, file: seg.File) -> None:
        self.lock = threading.Lock()
        self.file, self.ordinal, self.named = file, 0, 0
        self.window: Any = None
        self.at = self.end = 0
        self._stop = threading.Event()
        self._keeper: threading.Thread | None = None

    def _put(self, kind: int, depth: int, name: int, body: bytes) -> bool:
        words = 1 + len(body) // 8
        if self.at + words > self.end:
            taken = self.file.chunk(0, self.ordinal, True)
            if taken is None:
                return False
            self.window, place = taken
            self.ordinal += 1
            self.at, self.end = place + seg.CHUNK_HEADER // 8, place + seg.CHUNK // 8
        w, at = self.window, self.at
        self.at += words
        w.bytes[8 * at + 8 : 8 * (at + words)] = body
        fence()
        w.words[at] = kind | depth << 8 | words << 16 | name << 32
        return True

    def define(self, names: list[tuple[bytes, int]]) -> None:
        """Write the names that the segment lacks, as far as there is room."""
        with self.lock:
            while self.named < len(names):
                b, category = names[self.named]
                if not self._put(seg.NAME, category, self.named + 1, struct.pack("=Q", len(b)) + seg.padded(b)):
                    return
                self.named += 1

    def pair(self) -> None:
        """Write a clock pair."""
        ticks, wall, width = _names.pair()
        with self.lock:
            self._put(seg.PAIR, 0, 0, struct.pack("=QqqQ", ticks, ticks, wall, width))

    def keep(self, early: Sequence[float]) -> None:
        """Write clock pairs from now on, the first ones after so many seconds each."""
        self._keeper = threading.Thread(target=self._keep, args=(early,), name="strobe-clock", daemon=True)
        self._keeper.start()

    def _keep(self, early: Sequence[float]) -> None:
        for wait in early:
            if self._stop.wait(wait):
                return
            self.pair()
        while not self._stop.wait(EVERY):
            self.pair()

    def rest(self) -> None:
        """End that."""
        self._stop.set()
        if self._keeper is not None:
            self._keeper.join()
