"""Making way for others: an export that nobody waits for slows down while others use the processors."""

from __future__ import annotations

import os
import threading
import time

_LOOK = 0.1
_CROWDED = 0.25
"""Share of the processors that others use from which on an export makes way."""
_SHARE = 0.01
"""Share of the processors that it then uses itself."""


class Pace:
    """Slows this process down while others use the processors. What it does until the first look is not slowed."""

    def __init__(self) -> None:
        self._processors = os.cpu_count() or 1
        self._at, self._own, self._all = time.monotonic(), time.process_time(), _machine()
        self._crowded = False
        self._since = self._own_since = 0.0

    def wait(self, wake: threading.Event) -> None:
        """Return when the process may do more, or when somebody waits."""
        while not wake.is_set():
            self._look()
            if not self._crowded:
                return
            debt = (time.process_time() - self._own_since) / (_SHARE * self._processors) - (time.monotonic() - self._since)
            if debt <= 0:
                return
            wake.wait(min(debt, _LOOK))

    def _look(self) -> None:
        now = time.monotonic()
        elapsed = now - self._at
        if elapsed < _LOOK:
            return
        own, everything = time.process_time(), _machine()
        known = everything is not None and self._all is not None
        others = everything - self._all - (own - self._own) if known else 0  # type: ignore[operator]
        crowded = others >= _CROWDED * self._processors * elapsed
        if crowded and not self._crowded:
            self._since, self._own_since = now, own
        self._at, self._own, self._all, self._crowded = now, own, everything, crowded


def _machine() -> float | None:
    """Seconds of processor time that the machine has used; None where that is not known."""
    try:
        with open("/proc/stat", encoding="ascii") as f:
            user, nice, system, _, _, irq, soft = map(int, f.readline().split()[1:8])
    except (OSError, ValueError):
        return None
    return (user + nice + system + irq + soft) / 100
