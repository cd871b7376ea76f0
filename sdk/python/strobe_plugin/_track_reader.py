"""The records of one track as events."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from . import _segment as seg
from ._events import Kind, Track
from ._source import Cursor, Source
from .trace import Category

if TYPE_CHECKING:
    from ._process_reader import ProcessReader

_SPAN_COST = 400
"""What a span on a stack is accounted for with, in bytes."""
_POINTS = {seg.INSTANT: Kind.INSTANT, seg.COUNT: Kind.COUNTER, seg.COUNT_FLOAT: Kind.COUNTER, seg.FLOW_OUT: Kind.FLOW_OUT, seg.FLOW_IN: Kind.FLOW_IN}
_FIXED_WORDS = tuple(b // 8 for b in seg.FIXED)


class _Span:
    """A span whose end was not delivered yet."""

    __slots__ = ("seq", "begin", "end", "at", "name", "depth", "sure", "kept", "args", "request", "taken")

    def __init__(self, seq: int, begin: int, end: int, at: int, name: int, depth: int, kept: bool, args: bytes, request: str) -> None:
        self.seq, self.begin, self.end, self.at, self.name, self.depth = seq, begin, end, at, name, depth
        self.kept, self.args, self.request = kept, args, request
        self.sure = False
        self.taken = 0


class TrackReader:
    """Turns the records of one track into events in the order of their ends.

    Open spans are on a stack. In each round their ends are read first and new records afterwards: what was recorded before
    an end that was seen is then among those records, and the span can be delivered when everything readable is read.
    """

    def __init__(self, proc: ProcessReader, number: int) -> None:
        self.proc, self.pub = proc, Track(proc.pub, number, f"track {number}")
        self.at = Cursor()
        self.stack: list[_Span] = []
        self.request, self.last, self.named = "", 0, False
        self.point: tuple | None = None
        self.filter = not proc.follow.filter.is_empty

    def read_ends(self, s: Source) -> None:
        """Look at the spans that were open."""
        for sp in self.stack:
            if sp.end == 0 and sp.at >= 0:
                sp.end = self.end_at(s, sp.at)
            sp.sure = sp.end != 0

    def end_at(self, s: Source, at: int) -> int:
        """A span's end; 0 when it is open, or beyond what can be converted yet."""
        e = s.word(at + 16)
        return e if e <= self.proc.limit else 0

    def read(self, s: Source) -> None:
        """All records up to the first that is not committed."""
        c, p = self.at, self.proc
        while c.queue:
            complete = len(c.queue) > 1
            off = c.queue[0]
            if c.next == 0:
                c.next = seg.CHUNK_HEADER
                self.request = ""
            data = s.pread(seg.CHUNK - c.next, off + c.next)
            pos, c.blocked = self._records(s, data, off + c.next)
            c.next += pos
            if len(p.rows) >= p.follow.batch_events:
                p.flush()
            if c.blocked or not complete:
                return
            c.queue.pop(0)
            c.next = 0

    def _records(self, s: Source, data: bytes, off: int) -> tuple[int, bool]:
        words = memoryview(data).cast("Q").tolist()
        i, n, p = 0, len(words), self.proc
        limit, fixed = p.limit, _FIXED_WORDS
        while i < n:
            h = words[i]
            if h == 0:
                return 8 * i, False
            size, kind = h >> 16 & 0xFFFF, h & 0x7F
            if kind == 0 or size == 0 or i + size > n or (kind < 14 and size < fixed[kind]):
                p.corrupt += 1
                return len(data), False
            if kind == 1:
                if words[i + 1] > limit:
                    return 8 * i, True
                self._begin(h, words, i, size, data, off)
            elif kind < 7:
                if words[i + 1] > limit:
                    return 8 * i, True
                self._put(h, kind, words[i + 1], words[i + 2] if size > 2 else 0, data[8 * i + 16 : 8 * (i + size)], s)
            elif kind == 12:
                if max(words[i + 1], words[i + 2]) > limit:
                    return 8 * i, True
                self._work(h, words, i, data[8 * i + 56 : 8 * (i + size)])
            elif kind == 7:
                self._end_args(words[i + 1], data[8 * i + 16 : 8 * (i + size)])
            elif kind == 8:
                length = words[i + 1]
                if length > 8 * (size - 2) or length > seg.MAX_REQUEST:
                    p.corrupt += 1
                else:
                    self.request = data[8 * i + 16 : 8 * i + 16 + length].decode("utf-8", "replace")
            elif kind == 9:
                self._define(data[8 * i : 8 * (i + size)])
            else:
                p.passed(kind)
            i += size
        return 8 * i, False

    def _begin(self, h: int, words: list[int], i: int, size: int, data: bytes, off: int) -> None:
        p = self.proc
        begin, end, seq, depth = words[i + 1], words[i + 2], words[i + 3], h >> 8 & 0xFF
        if end > p.limit:
            end = 0
        args = data[8 * i + 32 : 8 * (i + size)] if size > 4 else b""
        if h & 0x80 and self._carried(seq, end, args, off + 8 * i):
            return
        if seq <= self.last:
            p.corrupt += 1
            return
        stack = self.stack
        if stack and stack[-1].depth >= depth:
            self.pop(depth, begin)
        self.last = seq
        kept = not self.filter or self._wants(1, h >> 32, depth)
        j = i + size
        if end and j < len(words):  # nothing can be within it when the next record is not
            g = words[j]
            if 0 < g & 0x7F < 7 and g >> 8 & 0xFF <= depth:
                self._deliver(seq, begin, end, h >> 32, depth, kept, args, self.request, False)
                return
        sp = _Span(seq, begin, end, off + 8 * i, h >> 32, depth, kept, args, self.request)
        if not self._keep(sp, len(args)):
            p.corrupt += 1
            return
        stack.append(sp)

    def _keep(self, sp: _Span, args: int) -> bool:
        """Account for a span on the stack. What one has given back the next one takes; one is free on every track."""
        need = 2 * args + len(self.request) + (_SPAN_COST if self.stack else 0)
        if need <= sp.taken:
            return True
        if not self.proc.follow.take(need - sp.taken):
            return False
        sp.taken = need
        return True

    def _carried(self, seq: int, end: int, args: bytes, at: int) -> bool:
        """The record of a span that was open when segments were swapped. False: its first record was never seen."""
        for sp in reversed(self.stack):
            if sp.seq == seq:
                if sp.end == 0:
                    sp.at, sp.end = at, end
                    if self._keep(sp, len(args)):
                        sp.args = args
                    else:
                        self.proc.corrupt += 1
                return True
        return seq <= self.last  # delivered already: closed beats open

    def pop(self, depth: int, ticks: int) -> None:
        """Deliver the spans that a record of the depth shows to be over."""
        p, stack = self.proc, self.stack
        while stack and stack[-1].depth >= depth:
            sp = stack[-1]
            was_open = False
            if sp.end == 0 and sp.at >= 0:
                sp.end = self.end_at(p.sources[p.active], sp.at)
            if sp.end == 0:  # never ended, by a fault of the writer or of the file
                sp.end, was_open = max(ticks, sp.begin), True
            self._off(was_open)

    def _off(self, was_open: bool) -> None:
        sp = self.stack.pop()
        self.proc.follow._taken -= sp.taken
        self._deliver(sp.seq, sp.begin, sp.end, sp.name, sp.depth, sp.kept, sp.args, sp.request, was_open)

    def settle(self) -> bool:
        """Deliver the innermost spans that are surely over. True when the next round can deliver one more."""
        while self.stack:
            sp = self.stack[-1]
            if not sp.sure:
                return sp.end != 0
            self._off(False)
        return False

    def finish(self, last: int) -> None:
        """Deliver what is left."""
        while self.stack:
            sp = self.stack[-1]
            was_open = sp.end == 0
            if was_open:
                sp.end = last
            self._off(was_open)

    def _deliver(self, seq: int, begin: int, end: int, name: int, depth: int, kept: bool, args: bytes, request: str, was_open: bool) -> None:
        p = self.proc
        if end < begin:
            p.corrupt += 1
            return
        if (begin if was_open else end) > p.latest:
            p.latest = begin if was_open else end
        if not kept:
            p.filtered += 1
            return
        shown, parent = self._place(depth)
        if name not in p.names:
            p.name(name)
        p.rows.append((1, begin, end, shown, seq, parent, was_open, 0, 0, name, self, request, p.decode(args) if args else (), None))

    def _put(self, h: int, kind: int, ticks: int, word: int, rest: bytes, s: Source) -> None:
        p, depth, name = self.proc, h >> 8 & 0xFF, h >> 32
        mark = (kind, h >> 16 & 0xFFFF, name, ticks)
        if h & 0x80 and mark == self.point:
            return
        self.point = mark
        if self.stack and self.stack[-1].depth >= depth:
            self.pop(depth, ticks)
        if ticks > p.latest:
            p.latest = ticks
        if self.filter and not self._wants(kind, name, depth):
            p.filtered += 1
            return
        value: Any = 0
        flow = 0
        args: Any = ()
        if kind == seg.INSTANT:
            args = p.decode(rest) if rest else ()
        elif kind == seg.COUNT:
            value = word - (1 << 64) if word >> 63 else word
        elif kind == seg.COUNT_FLOAT:
            value = _f64(rest[:8])
        else:
            flow = word
        shown, parent = self._place(depth)
        if name not in p.names:
            p.name(name)
        p.rows.append((_POINTS[kind], ticks, ticks, shown, 0, parent, False, value, flow, name, self, self.request, args, None))

    def _work(self, h: int, words: list[int], i: int, args: bytes) -> None:
        p = self.proc
        begin, end, seq = words[i + 1], words[i + 2], words[i + 3]
        if seq <= self.last and h & 0x80:
            return
        if seq <= self.last or end < begin or not (self.pub.device or self.pub.calls):
            p.corrupt += 1
            return
        self.last = seq
        p.latest = max(p.latest, end)
        if self.filter and not self._wants(seg.DEVICE_SPAN, h >> 32, 0):
            p.filtered += 1
            return
        external, of = words[i + 5], None
        if external:
            t = p.track(words[i + 6] & 0xFFFFFFFF)
            of, external = (t.pub, external) if t else (None, 0)
        name = h >> 32
        if name not in p.names:
            p.name(name)
        work = (min(words[i + 6] >> 32, 255), words[i + 4], external, of)
        p.rows.append((1, begin, end, 0, seq, 0, False, 0, 0, name, self, self.request, p.decode(args) if args else (), work))

    def _end_args(self, seq: int, args: bytes) -> None:
        for sp in reversed(self.stack):
            if sp.seq == seq:
                if len(sp.args) + len(args) <= seg.MAX_ARGS and self._keep(sp, len(sp.args) + len(args)):
                    sp.args += args
                    return
                break
        self.proc.corrupt += 1

    def _define(self, rec: bytes) -> None:
        name, group = _u32(rec, 8), _u32(rec, 12)
        if name + group > len(rec) - 32:
            self.proc.corrupt += 1
            return
        if self.named:
            return
        self.named, t = True, self.pub
        t.name, t.group = rec[32 : 32 + name].decode("utf-8", "replace"), rec[32 + name : 32 + name + group].decode("utf-8", "replace")
        flags = _u32(rec, 28)
        if flags & seg.FLAG_DEVICE:
            t.device = True
            t.device_id, t.context_id, t.stream_id = int.from_bytes(rec[16:20], "little", signed=True), _u32(rec, 20), _u32(rec, 24)
        elif flags & seg.FLAG_CALLS:
            t.calls, t.thread_id = True, _u32(rec, 24)

    def _around(self, depth: int) -> _Span | None:
        for sp in reversed(self.stack):
            if sp.depth < depth:
                return sp
        return None

    def _place(self, depth: int) -> tuple[int, int]:
        """An event's depth and parent among what passes."""
        if not self.filter:
            for sp in reversed(self.stack):
                if sp.depth < depth:
                    return depth, sp.seq
            return depth, 0
        around = [sp for sp in self.stack if sp.kept and sp.depth < depth]
        return len(around), around[-1].seq if around else 0

    def _wants(self, kind: int, name: int, depth: int) -> bool:
        p = self.proc
        f = p.follow.filter
        if p.left:
            return False
        c = p.name(name).category
        wanted = f.categories == 0 or bool(f.categories >> c & 1)
        if kind in (seg.COUNT, seg.COUNT_FLOAT):
            return wanted or (c == Category.NONE and bool(f.categories >> Category.COUNTER & 1))
        if p.follow.requests and self.request not in p.follow.requests:
            return False
        if c == Category.NONE:
            around = self._around(depth)
            return around is None or around.kept
        return wanted


def _u32(b: bytes, at: int) -> int:
    return int.from_bytes(b[at : at + 4], "little")


def _f64(b: bytes) -> float:
    return float(np.frombuffer(b, "<f8", 1)[0])
