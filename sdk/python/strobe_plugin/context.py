"""Whether a call is still wanted."""

from __future__ import annotations

import threading
import time


class Cancelled(Exception):
    """The caller has gone, or its deadline has passed. Let it pass through: it is no error of the plugin."""


class Context:
    """Bounds one call of the host. May be asked from any thread."""

    def __init__(self, seconds: float | None = None) -> None:
        self._event = threading.Event()
        self._deadline = None if seconds is None else time.monotonic() + seconds

    @property
    def cancelled(self) -> bool:
        """Nobody waits for the call any more."""
        return self._event.is_set() or (self._deadline is not None and time.monotonic() >= self._deadline)

    def check(self) -> None:
        """Raise :class:`Cancelled` when nobody waits any more. Call it in every step."""
        if self.cancelled:
            raise Cancelled("the call was cancelled")

    def remaining(self) -> float | None:
        """Seconds until the deadline; None when there is none."""
        return None if self._deadline is None else max(0.0, self._deadline - time.monotonic())

    def wait(self, seconds: float | None = None) -> bool:
        """Sleep until the call is cancelled or the seconds are over; tells whether it is cancelled."""
        left = self.remaining()
        if left is not None:
            seconds = left if seconds is None else min(seconds, left)
        self._event.wait(seconds)
        return self.cancelled

    def cancel(self) -> None:
        """End the call. For tests, and for the SDK."""
        self._event.set()
