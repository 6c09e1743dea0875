"""The record of every flash: a chain of `records` in one file of the site."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from spinline.edges.records import RecordLog, read_records
from spinline.errors import BadFile
from spinline.line.flash_messages import FlashStopped

FILE = "flashes.jsonl"
KIND = "flash"


def append(folder: Path, fields: Mapping[str, Any]) -> dict[str, Any]:
    """Write the record of a flash to the disk and return it.  FlashStopped ``no-record`` where that fails."""
    try:
        return RecordLog(folder / FILE).add(KIND, fields)
    except BadFile as error:
        raise FlashStopped("no-record", file=folder / FILE, why=error.problems[0].partition(": ")[2]) from None


def judge_end(folder: Path) -> None:
    """FlashStopped ``no-record`` where no record could follow the last whole line: told before a board is touched."""
    last = _whole_lines(folder)[-1:]
    if last and not _parsed(last[0]):
        raise FlashStopped("no-record", file=folder / FILE, why="its last line was changed")


def entries_of(folder: Path) -> list[dict[str, Any]]:
    """Every line that can be read, oldest first, also of a chain that is not whole; none where there is no record."""
    return [row for row in map(_parsed, _whole_lines(folder)) if row]


def problem_of(folder: Path) -> str:
    """What is wrong with the chain, naming its first line that does not fit; empty where it is whole."""
    try:
        if (folder / FILE).exists():
            read_records(folder / FILE)
    except BadFile as error:
        return error.problems[0]
    return ""


def version_of(folder: Path, firmware_sha256: str) -> str:
    """Version under which this firmware was flashed last; empty where the record does not know it."""
    known = [entry for entry in entries_of(folder) if entry.get("firmware_sha256") == firmware_sha256]
    return str(known[-1].get("version", "")) if known else ""


def _whole_lines(folder: Path) -> list[bytes]:
    path = folder / FILE
    return path.read_bytes().split(b"\n")[:-1] if path.exists() else []


def _parsed(line: bytes) -> dict[str, Any]:
    """A record; empty where the line is none."""
    try:
        row = json.loads(line)
    except ValueError:
        return {}
    return row if isinstance(row, dict) and isinstance(row.get("n"), int) else {}
