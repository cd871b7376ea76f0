"""Ticks to Unix nanoseconds."""

from __future__ import annotations

from typing import Any

import numpy as np

_LOW, _HIGH = -(1 << 63), (1 << 63) - 1


class Clock:
    """Exact integer interpolation between two clock pairs, anchored at the first pair's wall clock."""

    def __init__(self, rate: int) -> None:
        self.rate = rate or 10**9
        self.pairs: list[tuple[int, int, int]] = []
        self._made, self._sane = 0, False
        self._last: tuple[int, int, int] | None = None
        self._steps = (0, 0)
        self._ticks: Any = None
        self._mono: Any = None

    def add(self, ticks: int, mono: int, wall: int) -> tuple[bool, bool]:
        """Take a pair: whether it can be, and whether it adds something. One by which one clock went back and the other did
        not is refused: time stands still rather than going back."""
        if self.pairs:
            last = self.pairs[-1]
            if ticks <= last[0] or mono < last[1]:
                return ticks <= last[0] and mono <= last[1], False
        self.pairs.append((ticks, mono, wall))
        return True, True

    def span(self) -> int:
        """Nanoseconds between the first pair and the last."""
        return max(0, self.pairs[-1][1] - self.pairs[0][1]) if self.pairs else 0

    def final(self) -> int:
        """The tick up to which conversion is final."""
        return self.pairs[-1][0] if len(self.pairs) > 1 else 0

    def unix(self, ticks: list[int]) -> Any:
        """Nanoseconds since 1970, as an array of int64. Outside the pairs the nearest slope goes on."""
        if len(self.pairs) > 1 and self._quick(ticks):
            return self._all(np.array(ticks, np.int64))
        return np.array([self._one(t) for t in ticks], np.int64)

    def _quick(self, ticks: list[int]) -> bool:
        """Whether 64 bits do for the products, and make the arrays of pairs."""
        if self._made != len(self.pairs) or self._last != self.pairs[-1]:
            p = self.pairs
            self._sane = -(1 << 62) < min(a[1] for a in p) and max(max(a[0], a[1], abs(a[2])) for a in p) < 1 << 62
            if self._sane:
                self._ticks = np.array([a[0] for a in p], np.int64)
                self._mono = np.array([a[1] for a in p], np.int64)
                self._steps = (int(np.diff(self._ticks).max()), int(np.diff(self._mono).max()))
            self._made, self._last = len(p), p[-1]
        if not self._sane:
            return False
        beyond = max(self._steps[0], max(ticks) - self.pairs[-2][0], self.pairs[1][0] - min(ticks))
        return max(ticks) < 1 << 62 and beyond * max(1, self._steps[1]) < 1 << 62

    def _all(self, t: Any) -> Any:
        i = np.clip(np.searchsorted(self._ticks, t, "right") - 1, 0, len(self._ticks) - 2)
        a, m = self._ticks[i], self._mono[i]
        den, num, x = self._ticks[i + 1] - a, self._mono[i + 1] - m, t - a
        part = (np.abs(x) * num + den // 2) // den
        return self.pairs[0][2] + (m - self.pairs[0][1]) + np.where(x < 0, -part, part)

    def _one(self, t: int) -> int:
        p = self.pairs
        if not p:
            return 0
        first = p[0]
        if len(p) == 1:
            return _clamp(first[2] + _part(t - first[0], 10**9, self.rate))
        low, high = 0, len(p) - 1
        while low < high - 1:  # the last pair that is not after t, but for the very last
            middle = (low + high) // 2
            low, high = (middle, high) if p[middle][0] <= t else (low, middle)
        a, b = p[low], p[low + 1]
        return _clamp(_wrap(first[2] + a[1] - first[1]) + _part(t - a[0], b[1] - a[1], b[0] - a[0]))


def _part(x: int, num: int, den: int) -> int:
    """x * num / den, rounded to nearest and held within 64 bits."""
    n = min((abs(x) * num + den // 2) // den, _HIGH)
    return n if x >= 0 else -n


def _clamp(n: int) -> int:
    return max(_LOW, min(_HIGH, n))


def _wrap(n: int) -> int:
    return (n - _LOW) % (1 << 64) + _LOW
