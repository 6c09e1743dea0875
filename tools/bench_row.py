"""One measured number with its aim.  Plain values; it measures nothing itself."""

import os
from dataclasses import asdict, dataclass


@dataclass(frozen=True)
class Row:
    """A number, what is better (`lower` or `higher`), the best known peer's number and our target.

    `n` is how many runs or samples it stands on.  Peer and target are None where there is none.  A number that
    could not be measured is None, and `why` says the reason: such a row is never ok.
    """

    name: str
    value: float | None
    unit: str
    better: str
    n: int
    peer: str | None = None
    peer_value: float | None = None
    target: float | None = None
    why: str = ""

    def __post_init__(self) -> None:
        assert self.better in ("lower", "higher"), self.better
        assert self.value is not None or self.why, "a row without a number says why"

    @property
    def ok(self) -> bool | None:
        """Whether the target is met; None when there is no target, False when nothing could be measured."""
        if self.value is None:
            return False
        if self.target is None:
            return None
        return self.value <= self.target if self.better == "lower" else self.value >= self.target

    def as_json(self) -> dict[str, object]:
        """The row as it stands in bench.json; `why` only where there is a reason."""
        row = {**asdict(self), "ok": self.ok}
        if not self.why:
            del row["why"]
        return row

    def as_line(self) -> str:
        """The row for a person: number, verdict, and the peer beside it."""
        if self.value is None:
            return f"{self.name:52} {'-':>12} {self.unit:10} NOT MEASURED: {self.why}"
        verdict = {None: "", True: "meets the target", False: "MISSES the target"}[self.ok]
        peer = f"{self.peer}: {self.peer_value:.6g}" if self.peer and self.peer_value is not None else ""
        aim = f"({'<=' if self.better == 'lower' else '>='} {self.target:g})" if self.target is not None else ""
        note = f"[{self.why}]" if self.why else ""
        return f"{self.name:52} {self.value:12.6g} {self.unit:10} {verdict} {aim} {peer} {note}".rstrip()


def unmeasured(name: str, why: str) -> Row:
    """The row of a measurement that could not be made."""
    return Row(name, None, "", "lower", 0, why=why)


def count_of(short: int, full: int) -> int:
    """How many to count: the short form, or the full one where FULL is set in the environment."""
    return full if os.environ.get("FULL") else short
