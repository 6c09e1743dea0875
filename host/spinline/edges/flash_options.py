"""What a person may ask of `spinline flash`."""

from __future__ import annotations

from dataclasses import dataclass

ALL = "all"


@dataclass(frozen=True)
class Options:
    """``controller`` by name or all; ``board``: kind of an empty one; the rest as the command's options say."""

    controller: str = ALL
    replace: bool = False
    dry_run: bool = False
    allow_downgrade: bool = False
    cold: bool = False
    board: str = ""
