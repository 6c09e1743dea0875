"""Which claimed quantities are out of their window now.  Pure; it says nothing of metres and asks for nothing."""

from __future__ import annotations

from spinline.claims.verdicts import Verdict
from spinline.line.ledger import judged_span
from spinline.line.span import Spans

CLAIMED = ("C12-PLAST", "C12-SOLV", "C12-COOLASYM", "C12-EXTRACT", "C12-STRETCH")
"""Windows with a number in claim 12 that the line measures."""


class Standing:
    """A quantity that fails stays outside until it passes: at the limit, or not known, is not back."""

    def __init__(self) -> None:
        self.outside: frozenset[str] = frozenset()

    def step(self, spans: Spans) -> None:
        """The next second."""
        for name in CLAIMED:
            verdict = judged_span(name, spans.get(name))
            if verdict is Verdict.FAIL:
                self.outside |= {name}
            elif verdict is Verdict.PASS:
                self.outside -= {name}
