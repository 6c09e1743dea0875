"""A bad cable as a process of its own: real pseudo-terminals on one side, the devices of nodes on the other.

    python -m hil_tests.bench.fault_proxy --seed N --percent N DEVICE ...

prints one line of JSON, the device that stands in for each, and runs until its standard input closes; then it prints
what it did to the frames, as JSON.  Each frame is lost, flipped in a bit, cut short, doubled or late (and so passed by
others), each with ``percent``; the bytes in between pass.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import select
import sys
import tty
from collections import Counter

from .wall import now_s, rest_until

TURN_S = 0.002
LATE_S_MAX = 0.5
READ_BYTES_MAX = 4096
FLAG = b"~"
FATES = ("lost", "flipped", "cut", "doubled", "late")


class Faults:
    """One direction: bytes in, frames out at their times.  The same seed and frames give the same fates."""

    def __init__(self, seed: str, percent: float) -> None:
        self._random = random.Random(seed)
        self._percent = percent
        self._rest = b""
        self._due: list[tuple[float, bytes]] = []
        self.counted: Counter[str] = Counter()

    def feed(self, octets: bytes, at_s: float) -> None:
        """Bytes that were sent; what no flag has ended yet waits."""
        *parts, self._rest = (self._rest + octets).split(FLAG)
        for part in parts:
            if part:
                self._meet(FLAG + part + FLAG, at_s)

    def _meet(self, frame: bytes, at_s: float) -> None:
        fates = {fate for fate in FATES if self._random.random() * 100 < self._percent}
        self.counted.update(fates or {"passed"})
        if "lost" in fates:
            return
        if "flipped" in fates:
            at = self._random.randrange(len(frame))
            frame = frame[:at] + bytes((frame[at] ^ 1 << self._random.randrange(8),)) + frame[at + 1 :]
        if "cut" in fates:
            frame = frame[: self._random.randrange(len(frame))]
        for _ in range(2 if "doubled" in fates else 1):
            late_s = self._random.uniform(0, LATE_S_MAX) if "late" in fates else 0.0
            self._due.append((at_s + late_s, frame))

    def take(self, now: float) -> bytes:
        """What has arrived by now, in the order of its arrival."""
        arrived = sorted((one for one in self._due if one[0] <= now), key=lambda one: one[0])
        self._due = [one for one in self._due if one[0] > now]
        return b"".join(octets for _at_s, octets in arrived)


class FaultProxy:
    """Stands between one node's device and a program; ``name`` is the device for the program."""

    def __init__(self, device: str, seed: int, percent: float) -> None:
        self._node = os.open(device, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
        self._ours, self._theirs = os.openpty()
        tty.setraw(self._node)
        tty.setraw(self._theirs)
        os.set_blocking(self._ours, False)
        self.name = os.ttyname(self._theirs)
        self.down, self.up = Faults(f"{seed} down", percent), Faults(f"{seed} up", percent)

    def step(self, now: float) -> None:
        """Take what came on either side; give on what is due."""
        for start, faults, end in ((self._ours, self.down, self._node), (self._node, self.up, self._ours)):
            faults.feed(_read(start), now)
            octets = faults.take(now)
            if octets:
                _write(end, octets)


def _read(end: int) -> bytes:
    try:
        return os.read(end, READ_BYTES_MAX)
    except OSError:
        return b""  # nothing was sent, or nobody is there


def _write(end: int, octets: bytes) -> None:
    try:
        os.write(end, octets)
    except OSError:
        pass  # nobody reads: lost, as on a wire


def _stdin_closed() -> bool:
    return bool(select.select([sys.stdin], [], [], 0)[0]) and not os.read(sys.stdin.fileno(), 1)


def main() -> None:
    """Say where the devices are, pass bytes on, say what was done to them."""
    parser = argparse.ArgumentParser(description="A bad cable between nodes and programs.")
    parser.add_argument("device", nargs="+")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--percent", type=float, default=3.0)
    given = parser.parse_args()
    proxies = [FaultProxy(device, given.seed + i, given.percent) for i, device in enumerate(given.device)]
    print(json.dumps({device: proxy.name for device, proxy in zip(given.device, proxies, strict=True)}), flush=True)
    while not _stdin_closed():
        now = now_s()
        for proxy in proxies:
            proxy.step(now)
        rest_until(now + TURN_S)
    directions = [faults for proxy in proxies for faults in (proxy.down, proxy.up)]
    print(json.dumps([faults.counted for faults in directions]), flush=True)


if __name__ == "__main__":
    main()
