"""The claims of a batch in its journal: those of the plan when it begins, those of what was made when it has ended.

What was made is judged in a thread, from a connection that only reads: a supervisor's scan does not wait for it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from pathlib import Path

from spinline.claims.judgement import ClaimVerdict, judge_claims
from spinline.edges import clock
from spinline.recipe.check import CheckReport
from spinline.recipe.line_model import Line
from spinline.record.batch_record import BatchRecord
from spinline.record.measured import measured_evidence
from spinline.record.series import reading

END_S = 60.0  # for the judgement when the service ends


class Judging:
    """``leave`` hands a job to the supervisor's loop, which alone writes."""

    def __init__(
        self, line: Line, report: CheckReport, record: BatchRecord, path: Path,
        leave: Callable[[Callable[[], None]], None],
    ) -> None:  # fmt: skip
        self._line, self._report, self._record, self._path, self._leave = line, report, record, path, leave
        self._thread: threading.Thread | None = None
        self._made: Mapping[int, ClaimVerdict] | None = None
        self._at_us = 0

    def look(self, ended: bool, at_us: int) -> None:
        """After a scan: once the batch has ended and its last scan is on the disk it is judged."""
        if ended and not self._at_us:
            self._at_us = at_us
            self._record.journal.end_batch(at_us)
        elif ended and self._thread is None:
            self._thread = threading.Thread(target=self._judge_beside, name="judging", daemon=True)
            self._thread.start()

    def finish(self, at_us: int) -> None:
        """The service ends behind its batch, maybe at once: judge what was not, and write what the loop did not."""
        if not self._at_us:
            self._at_us = at_us
            self._record.journal.end_batch(at_us)
        if self._thread is None:
            self._record.journal.commit()
            self._judge()
        else:
            self._thread.join(END_S)
        self._write()

    def _judge_beside(self) -> None:
        self._judge()
        self._leave(self._write)

    def _judge(self) -> None:
        with reading(self._path) as connection:
            recipe, certificates = self._report.recipe, self._report.papers.certificates
            evidence = measured_evidence(connection, self._line, recipe, certificates, clock.utc_day())
        self._made = judge_claims(evidence)

    def _write(self) -> None:
        if self._made is not None:
            required = self._report.recipe.recipe.required_claims
            for number, claim in self._made.items():
                verdict = (claim.verdict.value, number in required, claim.reason)
                self._record.journal.add_claim(self._at_us, number, *verdict, "measured")
            self._made = None
