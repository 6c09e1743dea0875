"""The errors of the host.  One parent, so that an edge can catch all of ours and nothing else."""

from collections.abc import Sequence
from pathlib import Path


class SpinlineError(Exception):
    """Parent of every error the host raises on purpose."""


class BadInput(SpinlineError):
    """A person's input is refused whole.  Each of `problems` says: file, key, what stands there, what may."""

    def __init__(self, problems: Sequence[str]) -> None:
        assert problems, "a refusal says why"
        super().__init__("\n".join(problems))
        self.problems: tuple[str, ...] = tuple(problems)


class BadFile(BadInput):
    """A file is refused whole: unreadable, not TOML, or with keys or numbers that are not allowed."""

    def __init__(self, path: Path, problems: Sequence[str]) -> None:
        super().__init__([f"{path}: {problem}" for problem in problems])
        self.path = path


class UnknownName(SpinlineError, LookupError):
    """A window, a claim or a monomer that is not in the tables was asked for."""


class Refused(SpinlineError):
    """What a person asked for cannot be done as things stand; the sentence says why and what is allowed."""


class NotDurable(SpinlineError):
    """What was seen is not on the disk: nothing of it may be acknowledged, and no lease renewed."""
