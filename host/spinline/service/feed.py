"""Snapshots on their way to readers: each reader has a short queue of its own, and a slow one loses the oldest.

`publish` is called by the supervisor's thread and never waits; a reader waits in the event loop of the server.
"""

from __future__ import annotations

import asyncio
import threading
from collections import deque

WAITING_N_MAX = 20  # snapshots of one reader
READERS_N_MAX = 32


class Reader:
    """One reader's queue.  Made by `Feed.open` within the event loop in which it is read."""

    def __init__(self) -> None:
        self._waiting: deque[str] = deque()
        self._dropped_n = 0
        self._loop = asyncio.get_running_loop()
        self._arrived = asyncio.Event()
        self._lock = threading.Lock()

    def put(self, text: str) -> None:
        """From any thread: what finds no room drops the oldest."""
        with self._lock:
            if len(self._waiting) == WAITING_N_MAX:
                self._waiting.popleft()
                self._dropped_n += 1
            self._waiting.append(text)
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._arrived.set)

    async def take(self, wait_s: float) -> tuple[list[str], int]:
        """What has arrived, oldest first, and how many were dropped before it; nothing when ``wait_s`` have passed."""
        try:
            await asyncio.wait_for(self._arrived.wait(), wait_s)
        except TimeoutError:
            return [], 0
        with self._lock:
            self._arrived.clear()
            texts, dropped_n = list(self._waiting), self._dropped_n
            self._waiting.clear()
            self._dropped_n = 0
        return texts, dropped_n


class Feed:
    """Everybody who reads along."""

    def __init__(self) -> None:
        self._readers: set[Reader] = set()
        self._lock = threading.Lock()

    def publish(self, text: str) -> None:
        """To every reader; never waits for one."""
        with self._lock:
            readers = list(self._readers)
        for reader in readers:
            reader.put(text)

    def open(self) -> Reader | None:
        """A new reader, or None where there are too many."""
        reader = Reader()
        with self._lock:
            if len(self._readers) >= READERS_N_MAX:
                return None
            self._readers.add(reader)
        return reader

    def close(self, reader: Reader) -> None:
        """It reads no more."""
        with self._lock:
            self._readers.discard(reader)

    @property
    def readers_n(self) -> int:
        """How many read along."""
        return len(self._readers)
