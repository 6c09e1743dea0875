"""Writes a file whole: the new one or the old one, never half of one."""

from __future__ import annotations

import os
from pathlib import Path

from spinline.errors import BadFile


def write_whole(path: Path, text: str | bytes) -> None:
    """Write text (UTF-8), or bytes, in the place of what was there, on the disk when this returns.  Raises BadFile."""
    beside = path.with_name(path.name + ".new")
    try:
        with beside.open("wb") as file:
            file.write(text.encode() if isinstance(text, str) else text)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    except OSError as error:
        raise BadFile(path, [f"cannot be written: {error.strerror}"]) from None
