"""Tracks of devices: what others measured, in no order."""

from __future__ import annotations

import struct
from typing import Any

import numpy as np

from . import _segment as seg
from ._names import Args, Name, Work, key_of
from ._segment import fence
from ._tracks import Span, Track, name_ids

_WORK = np.dtype([("head", "<u8"), ("begin", "<u8"), ("end", "<u8"), ("sequence", "<u8"), ("correlation", "<u8"),
                  ("external", "<u8"), ("track", "<u4"), ("work", "<u4")])


class DeviceTrack(Track):
    """Work of a device, or calls that caused it: in no order, and it may overlap. Made by :meth:`Recorder.device_track` and
    :meth:`Recorder.call_track`."""

    __slots__ = ()

    def work(self, name: Name, begin: int, end: int, work: Work = Work.OTHER, correlation: int = 0,
             within: Span | None = None, args: Args | None = None) -> None:
        """Record one piece of work; an end before its begin is taken for the begin. ``correlation`` ties it to the call that
        launched it; ``within`` is the span that enclosed that call."""
        n = key_of(name)
        with self._lock:
            if not self._ready():
                return
            body = self._args(args) if args else b""
            if not self._fits(7 + len(body) // 8):
                return
            self._sequence += 1
            of = within if within is not None and within.sequence else None
            self._record(seg.DEVICE_SPAN, 0, n, struct.pack("=QQQQQII", begin, max(begin, end), self._sequence, correlation,
                         of.sequence if of else 0, of._track.id if of else 0, int(work)) + body)
            self._events += 1

    def append_work(self, names: Any, begins: Any, ends: Any, works: Any = 0, correlations: Any = 0, externals: Any = 0,
                    external_track: "Track | None" = None) -> int:
        """Record many pieces of work at once, as numpy arrays; what is one value is the same for all. ``externals`` are
        ``sequence`` of the spans of ``external_track`` that enclosed the calls. Returns how many were recorded."""
        begins = np.asarray(begins, np.int64)
        ends = np.maximum(begins, np.asarray(ends, np.int64))
        rows = np.zeros(len(begins), _WORK)
        rows["begin"], rows["end"], rows["work"], rows["correlation"] = begins, ends, works, correlations
        rows["external"] = externals
        if external_track is not None:
            rows["track"] = np.where(rows["external"] != 0, external_track.id, 0)
        heads = np.uint64(seg.DEVICE_SPAN | 7 << 16) | name_ids(names, len(begins)).astype(np.uint64) << np.uint64(32)
        done = 0
        with self._lock:
            if not self._ready():
                return 0
            rows["sequence"] = np.arange(self._sequence + 1, self._sequence + 1 + len(rows))
            while done < len(rows):
                if self._at + 7 > self._end and not self._next():
                    self._file.count(seg.OFF_FULL, len(rows) - done)
                    break
                n = min((self._end - self._at) // 7, len(rows) - done)
                at = self._at
                self._window.bytes[8 * at : 8 * (at + 7 * n)] = rows[done : done + n].tobytes()
                fence()
                for i, h in enumerate(heads[done : done + n].tolist()):
                    self._words[at + 7 * i] = h
                self._at += 7 * n
                self._events += n
                self._sequence += n
                done += n
        return done
