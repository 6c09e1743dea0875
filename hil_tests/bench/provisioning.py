"""The bench's keys: a site key from the seed, given to each board that runs while the bench has set its jumper."""

from __future__ import annotations

import hashlib
import random
from pathlib import Path

from spinline.line.provisioning import Provisioning

from .node_process import NodeProcess

BOOT_MS = 50  # from power to the first instruction of boot.py
SCANS_N_MAX = 100


class NotProvisioned(Exception):
    """A board of the bench did not take its keys: a fault of ours."""


def bench_site_key(seed: int) -> bytes:
    """The key of the simulated site: no secret, the same for the same seed."""
    return hashlib.sha256(f"{seed} site key".encode()).digest()


def provision(
    command: tuple[str, ...], folder: Path, device_id: bytes, site_key: bytes, board: type[NodeProcess] = NodeProcess
) -> None:
    """Start a board, set its jumper, give it the keys, end it.  Raises NotProvisioned."""
    provisioning = Provisioning(site_key, random.Random("bench").randbytes)
    process = board(command, folder, device_id, b"provisioning")
    try:
        now_ms, received = BOOT_MS, b""
        for scan in range(SCANS_N_MAX):
            process.send(now_ms, process.dark(jumper=scan > 0), provisioning.step(received, now_ms))
            up = process.receive()
            if provisioning.done:
                return
            now_ms, received = up.wake_ms, up.transmitted
    finally:
        process.kill()
    raise NotProvisioned(f"{folder}: {provisioning.problem or 'no answer'} {process.last_words()}")
