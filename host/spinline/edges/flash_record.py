"""The record of every flash: one line of JSON each, chained by SHA-256, in one file of the site.

A line's ``sha256`` is over the line without it (keys in order, no blanks); ``previous`` is that of the line before.  So
a line that was changed, taken out or put in is found.  A line that a power cut left half written is kept in the next
one, under ``torn``.  What the chain cannot show: that its last lines were taken away.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
from pathlib import Path
from typing import Any

from spinline.line.flash_messages import FlashStopped

FILE = "flashes.jsonl"
FIRST = "0" * 64  # what stands before the first line


def _sha256(entry: dict[str, Any]) -> str:
    text = json.dumps(entry, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()


def append(folder: Path, entry: dict[str, Any]) -> dict[str, Any]:
    """Write an entry, on the disk when it returns; returns the whole line.  FlashStopped ``no-record`` where it fails.

    Several programs may write at once: each waits for the one before, which needs milliseconds.
    """
    path = folder / FILE
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with open(path, "a+b") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            return _append(file.fileno(), entry)
    except OSError as error:
        raise FlashStopped("no-record", file=path, why=error.strerror or error) from None


def _append(descriptor: int, entry: dict[str, Any]) -> dict[str, Any]:
    size = os.fstat(descriptor).st_size
    octets = os.pread(descriptor, size, 0)
    whole, _newline, torn = octets.rpartition(b"\n")
    lines = whole.splitlines()
    written = {**entry, "number": len(lines) + 1, "previous": _last_sha256(lines)}
    if torn:
        written["torn"] = torn.decode("utf-8", "backslashreplace")
        os.ftruncate(descriptor, size - len(torn))
    written["sha256"] = _sha256(written)
    os.write(descriptor, json.dumps(written, ensure_ascii=True).encode() + b"\n")
    os.fsync(descriptor)
    return written


def _last_sha256(lines: list[bytes]) -> str:
    if not lines:
        return FIRST
    try:
        return str(json.loads(lines[-1])["sha256"])
    except (ValueError, KeyError, TypeError):
        return hashlib.sha256(lines[-1]).hexdigest()  # whatever it was: it stays what `first_broken` names


def entries_of(folder: Path) -> list[dict[str, Any]]:
    """Every line that can be read, oldest first; none where there is no record."""
    entries = []
    for line in _lines(folder):
        try:
            entry = json.loads(line)
        except ValueError:
            continue
        if isinstance(entry, dict):
            entries.append(entry)
    return entries


def first_broken(folder: Path) -> int:
    """Number of the first line that does not fit into the chain, from 1 on; 0 where all do."""
    previous = FIRST
    for number, line in enumerate(_lines(folder), 1):
        try:
            entry = json.loads(line)
            told = entry.pop("sha256")
        except (ValueError, KeyError, AttributeError, TypeError):
            return number
        if told != _sha256(entry) or entry.get("previous") != previous or entry.get("number") != number:
            return number
        previous = told
    return 0


def _lines(folder: Path) -> list[bytes]:
    try:
        return (folder / FILE).read_bytes().splitlines()
    except FileNotFoundError:
        return []


def version_of(folder: Path, firmware_sha256: str) -> str:
    """Version under which this firmware was flashed last; empty where the record does not know it."""
    known = [entry for entry in entries_of(folder) if entry.get("firmware_sha256") == firmware_sha256]
    return str(known[-1].get("version", "")) if known else ""
