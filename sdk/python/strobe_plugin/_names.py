"""Names, arguments and the clock of the recorder."""

from __future__ import annotations

import enum
import json
import struct
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NewType, Union

import numpy as np

from . import _segment as seg

if TYPE_CHECKING:
    from ._meta import Meta

NameID = NewType("NameID", int)
"""An interned name, see :func:`name`."""

Name = Union[str, NameID]


class Category(enum.IntEnum):
    """What a name denotes. Profiles may leave categories out."""

    NONE = 0
    REQUEST = 1
    STAGE = 2
    STEP = 3
    BLOCK = 4
    OPERATOR = 5
    MEMORY = 6
    COUNTER = 7
    DEVICE_RUNTIME = 8
    DEVICE_WORK = 9


class Work(enum.IntEnum):
    """What a device span is."""

    OTHER = 0
    KERNEL = 1
    COPY = 2
    SET = 3
    SYNCHRONIZATION = 4
    GRAPH = 5
    RUNTIME = 6
    DRIVER = 7
    OVERHEAD = 8


@dataclass(frozen=True)
class Text:
    """An argument's text that comes again and again: it is stored once."""

    text: str


@dataclass(frozen=True)
class Shapes:
    """Shapes of tensors: ``Shapes([[2, 70, 192], [192, 576]])``."""

    shapes: Sequence[Sequence[int]]


Arg = Union[int, float, bool, str, Text, Shapes]
Args = Mapping[Name, Arg]


class _Names:
    """The interned names of the process. Every segment that is being written has them all."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.ids: dict[Any, int] = {}
        self.list: list[tuple[bytes, int]] = []
        self.metas: list[Meta] = []
        self.lost = 0

    def intern(self, text: str, category: int) -> int:
        b = text.encode("utf-8", "replace")
        if len(b) > seg.MAX_NAME:
            b = seg.cut(b, seg.MAX_NAME)
            return self._add((b.decode(), category), b, category, 1)
        return self._add((text, category), b, category, 0)

    def _add(self, key: tuple[str, int], b: bytes, category: int, lost: int) -> int:
        with self.lock:
            self.lost += lost
            n = self.ids.get(key)
            if n is None:
                if len(self.list) >= seg.MAX_NAMES:
                    self.lost += 1
                    return 0
                self.list.append((b, category))
                n = len(self.list)
                for m in self.metas:
                    m.define(self.list)
                self.ids[key] = n
                if category == 0:
                    self.ids[key[0]] = n
            return n

    def enter(self, m: "Meta") -> None:
        with self.lock:
            self.metas.append(m)
            m.define(self.list)

    def leave(self, m: "Meta") -> int:
        """How many names the segment lacks."""
        with self.lock:
            self.metas.remove(m)
            m.define(self.list)
            return len(self.list) - m.named


interned = _Names()
_ids = interned.ids


def name(text: str, category: Category = Category.NONE) -> NameID:
    """Intern a name: at most 65,535 a process, so never make one of what differs between requests. Do it once, at
    import; a ``str`` given where a name is wanted is looked up each time, and has no category."""
    n = _ids.get((text, category))
    return NameID(interned.intern(text, int(category)) if n is None else n)


def ticks_of_unix_ns(unix_ns: Any) -> Any:
    """The recorder's clock at a wall time in nanoseconds since 1970, an int or a numpy array of int64: for what others
    measured. Right to about a microsecond while the wall clock is not set."""
    ticks, wall, _ = pair()
    return unix_ns - (wall - ticks)


now = time.monotonic_ns
"""The recorder's clock: nanoseconds of the system's monotonic clock."""


def pair() -> tuple[int, int, int]:
    best = (0, 0, 1 << 62)
    for _ in range(16):
        before = now()
        wall = time.time_ns()
        width = now() - before
        if width < best[2]:
            best = (before + width // 2, wall, width)
    return best


_ARG = struct.Struct("=BxxxIq")
_ARG_FLOAT = struct.Struct("=BxxxId")
_ARG_BITS = struct.Struct("=BxxxIQ")


def key_of(n: Name) -> int:
    if type(n) is str:
        i = _ids.get(n)
        return interned.intern(n, 0) if i is None else i
    return int(n)


def encode(args: Args) -> tuple[bytes, int]:
    """The arguments, and how many were cut or left out."""
    if type(args) is Prepared:
        return args.encoded
    parts, size, lost = [], 0, 0
    for k, v in args.items():
        key = key_of(k)
        if isinstance(v, (bool, np.bool_)):
            b = _ARG.pack(3, key, v)
        elif isinstance(v, (int, np.integer)):
            try:
                b = _ARG.pack(1, key, int(v))
            except struct.error:
                b = _ARG_FLOAT.pack(2, key, float(v))
        elif isinstance(v, (float, np.floating)):
            b = _ARG_FLOAT.pack(2, key, v)
        elif isinstance(v, Text):
            b = _ARG_BITS.pack(4, key, key_of(v.text))
        elif isinstance(v, Shapes):
            b = _ARG_BITS.pack(6, key, key_of(json.dumps([[int(n) for n in s] for s in v.shapes], separators=(",", ":"))))
        else:
            whole = str(v).encode("utf-8", "replace")
            t = seg.cut(whole, seg.MAX_STRING)
            lost += len(t) < len(whole)
            b = _ARG_BITS.pack(5, key, len(t)) + seg.padded(t)
        if size + len(b) > seg.MAX_ARGS:
            lost += 1
            continue
        size += len(b)
        parts.append(b)
    return b"".join(parts), lost


class Prepared(dict[Name, Arg]):
    """Arguments that come again and again, worked out once: an operator's, by its shapes. Not to be changed."""

    __slots__ = ("encoded",)

    def __init__(self, args: Args) -> None:
        super().__init__(args)
        self.encoded = encode(args)
