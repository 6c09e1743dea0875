"""The file with the key of a site: made once, readable by its owner only, never printed, never overwritten."""

from __future__ import annotations

import os
import secrets
import stat
from pathlib import Path

from spinline.errors import BadFile
from spinline_protocol.auth import KEY_BYTES, hmac_sha256

MODE = 0o600
FILE_BYTES_MAX = 1024


def new_key_file(path: Path, key: bytes | None = None) -> bytes:
    """Make the file with a fresh key, or with the bench's; returns the key.

    Raises BadFile where the file exists or cannot be written.
    """
    key = secrets.token_bytes(KEY_BYTES) if key is None else key
    assert len(key) == KEY_BYTES
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, MODE)
    except FileExistsError:
        raise BadFile(path, ["exists; a site key is not overwritten, since the nodes hold what came from it"]) from None
    except OSError as error:
        raise BadFile(path, [f"cannot be made: {error.strerror}"]) from None
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(key.hex() + "\n")
        file.flush()
        os.fsync(file.fileno())
    return key


def load_key_file(path: Path) -> bytes:
    """The key in the file.  Raises BadFile where it is unreadable, open to others, or no key."""
    try:
        with open(path, "rb") as file:
            mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
            octets = file.read(FILE_BYTES_MAX)
    except OSError as error:
        raise BadFile(path, [f"cannot be read: {error.strerror}"]) from None
    if os.name == "posix" and mode & 0o077:
        raise BadFile(path, [f"mode {mode:03o} lets others use the key; chmod 600 allows its owner only"])
    try:
        key = bytes.fromhex(octets.decode("ascii").strip())
    except ValueError:
        raise BadFile(path, [f"is no key: {2 * KEY_BYTES} hexadecimal digits expected"]) from None
    if len(key) != KEY_BYTES:
        raise BadFile(path, [f"has {len(key)} bytes; a site key has {KEY_BYTES}"])
    return key


def fingerprint(key: bytes) -> str:
    """Sixteen digits that tell one site key from another and do not give it away."""
    return hmac_sha256(key, b"spinline fingerprint")[:8].hex()
