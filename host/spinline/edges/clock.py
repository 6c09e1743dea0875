"""The host's clock: the only place of the host that reads one."""

from __future__ import annotations

import datetime
import time


def monotonic_us() -> int:
    """Microseconds that never go back."""
    return time.monotonic_ns() // 1000


def utc_us() -> int:
    """Microseconds since 1970-01-01 UTC."""
    return time.time_ns() // 1000


def utc_day() -> datetime.date:
    """The day it is in UTC."""
    return datetime.datetime.now(datetime.UTC).date()


def rest_until_us(when_us: int) -> None:
    """Let the machine rest until a time of ``monotonic_us``; returns at once where it has passed."""
    left_us = when_us - monotonic_us()
    if left_us > 0:
        time.sleep(left_us / 1e6)


def utc_text() -> str:
    """Now in UTC as ISO 8601, to the second."""
    return datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def stamp(at_us: int) -> str:
    """A time in us UTC as part of a name: 20260101T120000Z."""
    return datetime.datetime.fromtimestamp(at_us // 1_000_000, datetime.UTC).strftime("%Y%m%dT%H%M%SZ")
