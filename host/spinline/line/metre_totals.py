"""Metres added up by verdict, and why those that did not pass did not.  Pure."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field

from spinline.line.ledger import Metre, MetreVerdict


def _no_lengths() -> defaultdict[str, float]:
    return defaultdict(float)


@dataclass
class Metres:
    """Metres by verdict, and why those that did not pass did not; `made` is the sum of the other five."""

    passed: float = 0.0
    at_limit: float = 0.0
    failed: float = 0.0
    unknown: float = 0.0
    scrap: float = 0.0
    scrap_reasons: defaultdict[str, float] = field(default_factory=_no_lengths)
    fail_reasons: defaultdict[str, float] = field(default_factory=_no_lengths)
    unknown_reasons: defaultdict[str, float] = field(default_factory=_no_lengths)

    @property
    def made(self) -> float:
        """All metres taken up."""
        return self.passed + self.at_limit + self.failed + self.unknown + self.scrap

    def add(self, metre: Metre) -> None:
        """One more, by its verdict and reason."""
        if metre.verdict is MetreVerdict.PASS:
            self.passed += metre.length_m
        elif metre.verdict is MetreVerdict.AT_LIMIT:
            self.at_limit += metre.length_m
        elif metre.verdict is MetreVerdict.FAIL:
            self.failed += metre.length_m
            self.fail_reasons[metre.reason] += metre.length_m
        elif metre.verdict is MetreVerdict.UNKNOWN:
            self.unknown += metre.length_m
            self.unknown_reasons[metre.reason] += metre.length_m
        else:
            self.scrap += metre.length_m
            self.scrap_reasons[metre.reason] += metre.length_m
