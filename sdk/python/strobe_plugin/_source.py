"""One segment file as a reader sees it. Nothing in it is trusted."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

from . import _segment as seg

_MAX_PENDING = 4096
"""Chunks that were taken but never begun: a thread that died in between leaves one."""


class NotYet(Exception):
    """The segment is being made."""


class Cursor:
    """Goes through the chunks of one track, as far as they are written."""

    __slots__ = ("queue", "next", "expected", "blocked")

    def __init__(self) -> None:
        self.queue: list[int] = []
        self.next = self.expected = 0
        self.blocked = False


class Header:
    """What a segment says of its process."""

    def __init__(self, b: bytes) -> None:
        if len(b) < seg.HEADER or not any(b[:8]):
            raise NotYet("segment is being made")
        u32 = lambda at: int.from_bytes(b[at : at + 4], "little")  # noqa: E731
        i32 = lambda at: int.from_bytes(b[at : at + 4], "little", signed=True)  # noqa: E731
        u64 = lambda at: int.from_bytes(b[at : at + 8], "little")  # noqa: E731
        if u64(0) != seg.MAGIC:
            raise ValueError(f"not a segment: magic {u64(0):#x}")
        if u32(8) != seg.VERSION:
            raise ValueError(f"segment of version {u32(8)}: this reader knows version {seg.VERSION}")
        if (u32(12), u32(16)) != (seg.HEADER, seg.CHUNK):
            raise ValueError(f"segment with a header of {u32(12)} and chunks of {u32(16)} bytes: version 1 has {seg.HEADER} and {seg.CHUNK}")
        self.kind, self.synthetic = b[24], bool(b[28] & 1)
        self.pid, self.stage, self.rank = u32(32), i32(40), i32(44)
        self.clock, self.rate = b[48], u64(56)
        self.recording, self.sequence, self.process_id = u64(72), u64(80), u64(88)
        self.event_cost, self.cores = u32(96), u32(100)
        texts = [_text(b, seg.OFF_BOOT_ID, seg.BOOT_ID_ROOM)] + [_text(b, at, seg.TEXT_ROOM) for _, at in seg.TEXTS]
        self.boot_id, self.host, self.name, self.model, self.stage_name = texts

    def key(self) -> tuple[Any, ...]:
        """What segments of one process's recording have in common."""
        return (self.boot_id, self.pid, self.process_id, self.recording, self.kind, self.stage, self.rank, self.name, self.stage_name)

    def shares_clock(self, other: "Header") -> bool:
        """Whether the ticks of two segments compare."""
        return self.boot_id == other.boot_id != "" and self.clock == other.clock != seg.CLOCK_PROCESS


def _text(b: bytes, at: int, room: int) -> str:
    return b[at : at + room].split(b"\0")[0].decode("utf-8", "replace")


class Source:
    """An open segment file."""

    def __init__(self, path: str, name: str) -> None:
        self.name, self.error = name, ""
        self.fd = os.open(path, os.O_RDONLY | getattr(os, "O_CLOEXEC", 0))
        try:
            self.header = Header(os.pread(self.fd, seg.HEADER, 0))
        except BaseException:
            self.close()
            raise
        self.meta = Cursor()
        self.begun = self.frozen = False
        self._found, self._corrupt = 0, 0
        self._pending: list[int] = []

    @property
    def closed(self) -> bool:
        """Nothing can be read any more."""
        return self.fd < 0

    def close(self) -> None:
        """Close the file."""
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1

    def pread(self, n: int, at: int) -> bytes:
        """n bytes; what is beyond the end of the file is zero."""
        try:
            b = os.pread(self.fd, n, at)
        except OSError as e:
            self.error = self.error or f"read {self.name}: {e}"
            b = b""
        return b if len(b) == n else b + bytes(n - len(b))

    def word(self, at: int) -> int:
        """One word."""
        return int.from_bytes(self.pread(8, at), "little")

    def scan(self) -> Iterator[tuple[int, int, int]]:
        """Track, ordinal and place of the chunks that were begun since. Whether the segment is frozen is read first, so that
        once it is, everything read later is final."""
        self.frozen = self.word(seg.OFF_STATE) != 0
        room = max(0, os.fstat(self.fd).st_size - seg.HEADER)
        chunks = min(self.word(seg.OFF_CHUNKS), (room + seg.CHUNK - 1) // seg.CHUNK)
        again, self._pending = self._pending, []
        new = range(self._found, max(self._found, chunks))
        self._found = new.stop
        for i in [*again, *new] if again else new:
            at = seg.HEADER + i * seg.CHUNK
            b = self.pread(16, at)
            commit = int.from_bytes(b[:8], "little")
            if commit == 0:
                if len(self._pending) < _MAX_PENDING:
                    self._pending.append(i)
                else:
                    self._corrupt += 1
            elif commit & 0xFFFFFFFF != seg.CHUNK_MAGIC:
                self._corrupt += 1
            else:
                yield commit >> 32, int.from_bytes(b[8:], "little"), at

    def take_corrupt(self) -> int:
        """What was wrong since the last time."""
        n, self._corrupt = self._corrupt, 0
        return n

    def meta_chunks(self) -> Iterator[bytes]:
        """All chunks of the meta track."""
        size = os.fstat(self.fd).st_size
        for at in range(seg.HEADER, size, seg.CHUNK):
            if self.word(at) == seg.CHUNK_MAGIC:
                yield self.pread(seg.CHUNK, at)

    def losses(self) -> list[int]:
        """The header's counters: full, not ready, names, truncated, depth, device."""
        return [self.word(o) for o in (seg.OFF_FULL, seg.OFF_NOT_READY, seg.OFF_NAMES, seg.OFF_TRUNCATED, seg.OFF_DEPTH, seg.OFF_DEVICE)]

    def used(self) -> int:
        """Bytes of the file that are used."""
        return seg.HEADER + self._found * seg.CHUNK
