"""The layout of a segment: constants of sdk/recording/FORMAT.md, for the writer and the reader, and the file that is written."""

from __future__ import annotations

import mmap
import os
import platform
import socket
import struct
import sys
import threading
from dataclasses import dataclass
from typing import Any

MAGIC = 0x0031_4745_5342_5453
CHUNK_MAGIC = 0x4B4E_4843
VERSION, HEADER, CHUNK, CHUNK_HEADER = 1, 4096, 16384, 24
MIN_BYTES = 1 << 20
META_CHUNKS = 2
MAX_NAMES, MAX_NAME, MAX_STRING, MAX_REQUEST, MAX_ARGS, MAX_DEPTH, MAX_LABEL = 65535, 4096, 1024, 1024, 8192, 255, 1024

(SPAN, INSTANT, COUNT, COUNT_FLOAT, FLOW_OUT, FLOW_IN, END_ARGS, REQUEST, TRACK, NAME, PAIR, DEVICE_SPAN, FACT) = range(1, 14)
FIXED = (8, 32, 16, 24, 24, 24, 24, 16, 16, 32, 16, 40, 56, 16)
AGAIN = 0x80

OFF_CHUNKS, OFF_STATE = 128, 136
OFF_FULL, OFF_NOT_READY, OFF_NAMES, OFF_TRUNCATED, OFF_DEPTH, OFF_DEVICE = 192, 200, 208, 216, 224, 232
OFF_BOOT_ID, BOOT_ID_ROOM = 256, 64
TEXTS = (("host", 320), ("name", 576), ("model", 832), ("stage_name", 1088))
TEXT_ROOM = 256
FLAG_DEVICE, FLAG_CALLS = 1, 2
CLOCK_MONOTONIC, CLOCK_PROCESS = 3, 4

WINDOW = 8 << 20
"""How much of the file is reserved and mapped at a time."""


def _no_fence() -> None:
    pass


def _make_fence() -> Any:
    """x86 keeps the order of stores. Elsewhere a lock that is released and taken does."""
    if platform.machine().lower() in ("x86_64", "amd64", "i686"):
        return _no_fence
    local = threading.local()

    def fence() -> None:
        lock = getattr(local, "lock", None)
        if lock is None:
            lock = local.lock = threading.Lock()
            lock.acquire()
        lock.release()
        lock.acquire()

    return fence


fence = _make_fence()
WEAK = fence is not _no_fence


def cut(b: bytes, n: int) -> bytes:
    """The longest prefix of UTF-8 of at most n bytes that does not end within a character."""
    if len(b) <= n:
        return b
    while n > 0 and b[n] & 0xC0 == 0x80:
        n -= 1
    return b[:n]


def padded(b: bytes) -> bytes:
    """b with zeros to a whole word."""
    return b + bytes(-len(b) % 8)


@dataclass
class Head:
    """What a segment's header says of its process."""

    kind: int
    name: str = ""
    model: str = ""
    stage: int = 0
    stage_name: str = ""
    rank: int = 0
    synthetic: bool = False
    recording: int = 1
    sequence: int = 0
    process_id: int = 0
    event_cost: int = 0

    def encode(self, limit: int) -> bytearray:
        """The header page without its magic."""
        page = bytearray(HEADER)
        struct.pack_into("<IIIIII", page, 8, VERSION, HEADER, CHUNK, 0, self.kind, int(self.synthetic))
        struct.pack_into("<QiiQQQQQQII", page, 32, os.getpid(), self.stage, self.rank, CLOCK_MONOTONIC, 10**9, limit,
                         self.recording, self.sequence, self.process_id, self.event_cost, os.cpu_count() or 0)
        _put(page, OFF_BOOT_ID, BOOT_ID_ROOM, boot_id())
        for (_, at), text in zip(TEXTS, (socket.gethostname(), self.name, self.model, self.stage_name)):
            _put(page, at, TEXT_ROOM, text)
        return page


def _put(page: bytearray, at: int, room: int, text: str) -> None:
    b = cut(text.encode("utf-8", "replace"), room - 1)
    page[at : at + len(b)] = b


def boot_id() -> str:
    """Which boot of which machine this is; empty when that cannot be known."""
    try:
        if sys.platform == "darwin":
            import subprocess

            return subprocess.run(["sysctl", "-n", "kern.bootsessionuuid"], capture_output=True, text=True, timeout=5).stdout.strip()
        with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as f:
            return f.read().strip()
    except (OSError, ValueError):
        return ""


class Window:
    """A part of the file in memory: as bytes, and as words whose stores are atomic."""

    __slots__ = ("map", "bytes", "words")

    def __init__(self, fd: int, offset: int, size: int) -> None:
        self.map = mmap.mmap(fd, size, offset=offset) if fd >= 0 else mmap.mmap(-1, size)
        self.bytes = memoryview(self.map)
        self.words = self.bytes.cast("Q")

    def close(self) -> None:
        """Unmap. Nobody may write any more."""
        self.words.release()
        self.bytes.release()
        self.map.close()


class File:
    """A segment that is being written. Windows overlap by a chunk, so that each chunk lies in one whole."""

    def __init__(self, path: str, head: Head, limit: int) -> None:
        self.path, self.limit = path, limit
        self.lock = threading.Lock()
        self.chunks = self.reserved = self.events = 0
        self.goes_on = False
        """Spans that are open in the segment before are carried over."""
        self.mark, self.on_mark = limit, threading.Event()
        """Bytes from which on the event is set at each chunk that is taken."""
        self.full = False
        self.windows: dict[int, Window] = {}
        self.fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_CLOEXEC", 0), 0o600) if path else -1
        try:
            self.first = self._window(0)
            self.first.bytes[8:HEADER] = head.encode(limit)[8:]
            self.first.words[0] = MAGIC
        except BaseException:
            self.discard()
            raise

    def _window(self, k: int) -> Window:
        w = self.windows.get(k)
        if w is None:
            size = min(WINDOW + CHUNK, self.limit - k * WINDOW)
            self._reserve(k * WINDOW + size)
            w = self.windows[k] = Window(self.fd, k * WINDOW, size)
        return w

    def _reserve(self, to: int) -> None:
        """Take the space on the disk, so that a store cannot fail when the disk is full."""
        if self.fd < 0 or to <= self.reserved:
            return
        if hasattr(os, "posix_fallocate"):
            os.posix_fallocate(self.fd, self.reserved, to - self.reserved)
        else:
            zeros = bytes(1 << 20)
            for at in range(self.reserved, to, len(zeros)):
                os.pwrite(self.fd, zeros[: to - at], at)
        self.reserved = to

    def chunk(self, track: int, ordinal: int, meta: bool = False) -> tuple[Window, int] | None:
        """Take the next chunk; None when the bound or the disk is full. The place is a word in the window."""
        with self.lock:
            if self.full:
                return None
            at = HEADER + self.chunks * CHUNK
            if at + CHUNK > self.limit - (0 if meta else META_CHUNKS * CHUNK):
                return None
            k = at // WINDOW
            try:
                w = self._window(k)
            except OSError:  # the disk is full: what is reserved already is still used
                self.full = True
                return None
            self.chunks += 1
            if self.used >= self.mark:
                self.on_mark.set()
            self.first.words[OFF_CHUNKS // 8] = self.chunks
            place = (at - k * WINDOW) // 8
            w.words[place + 1] = ordinal
            w.words[place] = CHUNK_MAGIC | track << 32
            return w, place

    @property
    def used(self) -> int:
        """Bytes of the header and all chunks taken."""
        return HEADER + self.chunks * CHUNK

    def add(self, events: int) -> None:
        """A track leaves a chunk with so many events."""
        with self.lock:
            self.events += events

    def count(self, offset: int, n: int = 1) -> None:
        """Add to a counter of the header. It has no lock of its own: the callers' do."""
        with self.lock:
            self.first.words[offset // 8] += n

    def counter(self, offset: int) -> int:
        """A counter of the header."""
        return self.first.words[offset // 8]

    def finish(self) -> int:
        """Mark the segment as complete, cut it to what is used and close it. Nobody writes any more."""
        size = self.used
        self.first.words[OFF_STATE // 8] = 1
        self._close()
        if self.fd >= 0:
            try:
                os.ftruncate(self.fd, size)
            finally:
                os.close(self.fd)
                self.fd = -1
        return size

    def _close(self) -> None:
        for w in self.windows.values():
            w.close()
        self.windows.clear()

    def discard(self) -> None:
        """Undo the making."""
        self._close()
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1
            os.unlink(self.path)
