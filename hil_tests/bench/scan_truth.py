"""When each scan of the bench's nodes really was, by listening to what they send.  Virtual time; reads only."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from spinline.recipe.compiler import NodeConfiguration
from spinline.record.schema import quoted
from spinline.record.series import fetch, placed, reading
from spinline_protocol import framing, messages
from spinline_protocol.host_messages import unpack_message

from .simulated import BenchNode, SimulatedLine


class _Listener:
    """Where a node's scan 0 was: the newest record of a live frame leaves in the scan that made it."""

    def __init__(self, node: BenchNode, configuration: NodeConfiguration) -> None:
        self.zero_us = float("inf")
        self.scan_us = configuration.scan_ms * 1_000_000_000 / (1_000_000 + node.drift_ppm)
        self._record_bytes = configuration.record_bytes
        self._reader = framing.FrameReader(from_device=True)
        self._push: Callable[[int, bytes], None] = node.to_host.push
        node.to_host.push = self._hear  # type: ignore[method-assign]

    def _hear(self, now_us: int, octets: bytes) -> None:
        for frame in self._reader.feed(octets):
            if frame.kind == framing.TELEMETRY:
                number, fields = unpack_message(frame.payload)
                if number == messages.SCANS:
                    newest = fields["first_scan"] + len(fields["records"]) // self._record_bytes - 1
                    self.zero_us = min(self.zero_us, now_us - newest * self.scan_us)
        self._push(now_us, octets)


class ScanTruth:
    """Listens from now on, to one boot of each node."""

    def __init__(self, bench: SimulatedLine, configurations: list[NodeConfiguration]) -> None:
        self._listeners = {node.name: _Listener(bench.nodes[node.name], node) for node in configurations}

    def at_us(self, name: str, scan: int) -> int:
        """Virtual time of a scan of a node that has not started again since."""
        listener = self._listeners[name]
        return round(listener.zero_us + scan * listener.scan_us)


@dataclass(frozen=True)
class ScanError:
    """How far the record's time of a scan is from the truth, and how far it says that it may be."""

    error_us: int
    bound_us: int
    basis: str


def errors_of(journal: Path, truth: ScanTruth, name: str, start_us: int) -> list[ScanError]:
    """Of every scan of the newest boot of a node in the record; ``start_us`` is the UTC of virtual time 0."""
    found = []
    with reading(journal) as connection:
        joined = "run JOIN configuration USING (configuration_i) JOIN node USING (node_i) WHERE name = ?"
        runs = fetch(connection, f"SELECT run, boot_id, scan_table FROM {joined} ORDER BY run", (name,))
        for run, _, table in [row for row in runs if row[1] == runs[-1][1]]:
            for (scan,) in fetch(connection, f"SELECT scan FROM {quoted(table)} WHERE run = ?", (run,)):
                when = placed(connection, run, scan)
                assert when is not None, "no scan is stored without a line of the clock"
                error_us = abs(when.at_us - start_us - truth.at_us(name, scan))
                found.append(ScanError(error_us, when.bound_us, when.basis))
    return found
