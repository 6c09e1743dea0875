"""Records of what was done to boards: a line of JSON each, chained by hashes, only ever added to.

``before`` of a line is the SHA-256 of the line before it, so that nothing can be changed or left out unseen.  Two
programs that add at once wait for each other; a line that a power cut has torn was never acknowledged, and is cut off
by the next one, which says so (``torn_bytes``).
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

from spinline.edges import clock
from spinline.errors import BadFile

FIRST = "0" * 64
OWN = ("n", "at", "kind", "before", "torn_bytes")  # keys that a record has by itself


class RecordLog:
    """One file of records; made with its first one."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def add(self, kind: str, fields: Mapping[str, Any]) -> dict[str, Any]:
        """Write one record to the disk and return it.  BadFile where that cannot be, or the last record is spoiled."""
        assert not set(fields) & set(OWN), "a key of its own"
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with open(self.path, "a+b") as file:
                fcntl.flock(file, fcntl.LOCK_EX)
                return self._add(file, kind, fields)
        except OSError as error:
            raise BadFile(self.path, [f"cannot be written: {error.strerror or error}"]) from error

    def _add(self, file: BinaryIO, kind: str, fields: Mapping[str, Any]) -> dict[str, Any]:
        file.seek(0)
        octets = file.read()
        whole = octets.rfind(b"\n") + 1
        last = octets[:whole].split(b"\n")[-2] if whole else b""
        n = _parsed(self.path, whole and octets.count(b"\n"), last)["n"] + 1 if last else 1
        row: dict[str, Any] = {"n": n, "at": clock.utc_text(), "kind": kind}
        row |= {"before": hashlib.sha256(last).hexdigest() if last else FIRST}
        if whole < len(octets):
            row["torn_bytes"] = len(octets) - whole
            file.truncate(whole)
        row |= fields
        file.write(json.dumps(row, ensure_ascii=False).encode() + b"\n")
        file.flush()
        os.fsync(file.fileno())
        return row


def _parsed(path: Path, line: int, octets: bytes) -> dict[str, Any]:
    try:
        row = json.loads(octets)
        if isinstance(row, dict) and isinstance(row.get("n"), int):
            return row
    except ValueError:
        pass  # told below, as what is no record
    raise BadFile(path, [f"line {line} is no record: somebody has changed it"])


def read_records(path: Path) -> list[dict[str, Any]]:
    """All records of a file whose chain is whole.  BadFile naming the first line that does not fit."""
    try:
        *lines, torn = path.read_bytes().split(b"\n")
    except OSError as error:
        raise BadFile(path, [f"cannot be read: {error.strerror or error}"]) from error
    rows, before = [], FIRST
    for i, octets in enumerate(lines, 1):
        row = _parsed(path, i, octets)
        if row["n"] != i or row.get("before") != before:
            raise BadFile(path, [f"line {i} does not follow line {i - 1}: a record was changed, added or taken out"])
        rows.append(row)
        before = hashlib.sha256(octets).hexdigest()
    if torn:
        raise BadFile(path, [f"line {len(lines) + 1} was torn by a power cut: the next record will cut it off"])
    return rows
