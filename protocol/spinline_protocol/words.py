"""A row of a configuration as it travels, the identity of all rows, and the periods that follow from the scan's."""

import hashlib
import struct

# the two rings of records on the board (SPEC 3.7, 6.1)
SUMMARY_MS = 5000
SUMMARIES_KEPT_MS = 600000
SUMMARY_HEAD_BYTES = 6  # first scan (4), state, flags
MONITOR_MS = 1000
SWING_STEP_MS = 100  # a swing is followed in steps of so long, or the nearest below


def monitor_scans(scan_ms: int) -> int:
    """Scans of one step of the monitors: as many as fit a second, at least one."""
    return max(1, MONITOR_MS // scan_ms)


def swing_scans(scan_ms: int) -> int:
    """Scans of one step in which a swing is followed, at least one."""
    return max(1, SWING_STEP_MS // scan_ms)


def summary_scans(scan_ms: int) -> int:
    """Scans of one summary: as many as fit 5 s.  Summary i covers scans i * n to (i + 1) * n - 1."""
    return SUMMARY_MS // scan_ms


def pack_words(words: "tuple[int, ...] | list[int]") -> bytes:
    """A row as it travels: 32-bit words, little endian."""
    return struct.pack("<%di" % len(words), *words)


def unpack_words(octets: bytes) -> "tuple[int, ...]":
    """The words of a row, empty where the bytes are no whole number of words."""
    if len(octets) % 4:
        return ()
    return struct.unpack("<%di" % (len(octets) // 4), octets)


class ConfigurationDigest:
    """SHA-256 over rows in the order they travel: the identity of a configuration."""

    def __init__(self) -> None:
        self._digest = hashlib.sha256()

    def add(self, table: int, words: bytes) -> None:
        """Take one row."""
        self._digest.update(bytes((table, len(words))))
        self._digest.update(words)

    def digest(self) -> bytes:
        """The hash of all rows taken; may be asked once on MicroPython."""
        return self._digest.digest()
