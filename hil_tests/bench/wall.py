"""The only place of the bench that reads a wall clock: paces the pty mode, and says how long a run took."""

from __future__ import annotations

import time


def now_s() -> float:
    """Seconds of a monotonic clock."""
    return time.monotonic()


def rest_until(when_s: float) -> None:
    """Let the machine rest until a time of ``now_s``; returns at once where it has passed."""
    left_s = when_s - time.monotonic()
    if left_s > 0:
        time.sleep(left_s)
