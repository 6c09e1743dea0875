"""The only place of the bench that reads a wall clock, or lets something run beside a test."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Coroutine
from typing import TypeVar

T = TypeVar("T")
Signal = threading.Event


def now_s() -> float:
    """Seconds of a monotonic clock."""
    return time.monotonic()


def rest_until(when_s: float) -> None:
    """Let the machine rest until a time of ``now_s``; returns at once where it has passed."""
    left_s = when_s - time.monotonic()
    if left_s > 0:
        time.sleep(left_s)


class Beside:
    """Work that runs beside a test, from now on; it ends with the process at the latest."""

    def __init__(self, work: Callable[[], None]) -> None:
        self._thread = threading.Thread(target=work, daemon=True)
        self._thread.start()

    def wait(self, limit_s: float) -> bool:
        """Until it has ended; False where it has not within the limit."""
        self._thread.join(limit_s)
        return not self._thread.is_alive()


def in_event_loop(work: Coroutine[object, object, T]) -> T:
    """What a coroutine returns, run in an event loop of its own."""
    return asyncio.run(work)
