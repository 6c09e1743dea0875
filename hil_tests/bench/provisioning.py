"""The bench's keys: a site key from the seed, given to each board that runs while the bench has set its jumper."""

from __future__ import annotations

import hashlib
import random
import shutil
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from spinline.line.provisioning import Provisioning

from .board_files import lay_out, lay_rom
from .interpreters import Interpreter
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


def lay_once(folder: Path, lay: Callable[..., None], *given: Any) -> None:
    """Make a board's folder anew as ``lay(folder, *given)`` does; the second time from memory."""
    shutil.rmtree(folder, ignore_errors=True)
    for path, octets in _files_of(lay, given).items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(octets)


@lru_cache(maxsize=64)
def _files_of(lay: Callable[..., None], given: tuple[Any, ...]) -> dict[str, bytes]:
    with TemporaryDirectory() as made:
        folder = Path(made) / "board"
        lay(folder, *given)
        return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def lay_board(
    folder: Path, interpreter: Interpreter, kind: str, board: type[NodeProcess], device_id: bytes, site_key: bytes
) -> None:
    """A board with its firmware, and with its keys where there is a site: its image for ROM is written then."""
    lay_out(folder, interpreter.word_bits, kind=kind)
    board.equip(folder)
    lay_rom(folder)
    if site_key:
        provision(interpreter.command, folder, device_id, site_key, board)
