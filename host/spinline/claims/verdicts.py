"""The five verdicts and how they join.  Pure: no window, no claim, no file is known here."""

from collections.abc import Iterable
from enum import StrEnum


class Verdict(StrEnum):
    """What the evidence says about a claim or a window, best first."""

    PASS = "PASS"
    AT_LIMIT = "AT_LIMIT"  # inside, but within its uncertainty of a bound
    AMBIGUOUS = "AMBIGUOUS"  # the evidence is there, and the words allow two readings of it
    UNKNOWN = "UNKNOWN"  # evidence is missing, stale or bad
    FAIL = "FAIL"

    @property
    def is_met(self) -> bool:
        """True for PASS and AT_LIMIT: by strict comparison the thing is inside."""
        return self in (Verdict.PASS, Verdict.AT_LIMIT)

    @property
    def is_open(self) -> bool:
        """True for UNKNOWN and AMBIGUOUS: a person may waive it, evidence may decide it."""
        return self in (Verdict.UNKNOWN, Verdict.AMBIGUOUS)


BEST_FIRST: tuple[Verdict, ...] = tuple(Verdict)


def worst(verdicts: Iterable[Verdict]) -> Verdict:
    """Verdict of "all of these"; PASS when there is nothing to judge."""
    return max(verdicts, key=BEST_FIRST.index, default=Verdict.PASS)


def best(verdicts: Iterable[Verdict]) -> Verdict:
    """Verdict of "at least one of these"; UNKNOWN when there is nothing to choose from."""
    return min(verdicts, key=BEST_FIRST.index, default=Verdict.UNKNOWN)
