"""One measured number with its aim.  Plain values; it measures nothing itself."""

from dataclasses import asdict, dataclass


@dataclass(frozen=True)
class Row:
    """A number, what is better (`lower` or `higher`), the best known peer's number and our target.

    `n` is how many runs or samples it stands on.  Peer and target are None where there is none.
    """

    name: str
    value: float
    unit: str
    better: str
    n: int
    peer: str | None = None
    peer_value: float | None = None
    target: float | None = None

    def __post_init__(self) -> None:
        assert self.better in ("lower", "higher"), self.better

    @property
    def ok(self) -> bool | None:
        """Whether the target is met; None when there is no target."""
        if self.target is None:
            return None
        return self.value <= self.target if self.better == "lower" else self.value >= self.target

    def as_json(self) -> dict[str, object]:
        """The row as it stands in bench.json."""
        return {**asdict(self), "ok": self.ok}
