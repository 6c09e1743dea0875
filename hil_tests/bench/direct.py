"""One node of the bench and the protocol alone: no supervisor, no batch; a test asks and sees each answer."""

from __future__ import annotations

import random
from collections.abc import Iterable
from typing import Any

from spinline_protocol import auth, messages
from spinline_protocol.framing import UNASSIGNED
from spinline_protocol.host_link import HostLink, LinkEvent
from spinline_protocol.words import ConfigurationDigest, pack_words

from .simulated import SimulatedLine

Rows = tuple[tuple[int, tuple[int, ...]], ...]
STEP_US = 50_000
ANSWER_S = 20.0
LEASE_MS = 2000


class NoAnswer(Exception):
    """The node did not answer within ANSWER_S of virtual time."""


def sha256_of_rows(rows: Rows) -> bytes:
    """The hash of a configuration."""
    digest = ConfigurationDigest()
    for table, words in rows:
        digest.add(table, pack_words(words))
    return digest.digest()


def transaction_messages(rows: Rows, base_sha256: bytes) -> list[tuple[int, tuple[Any, ...]]]:
    """Every message of one download, from begin to commit."""
    new = sha256_of_rows(rows)
    puts = [(messages.CONFIG_PUT, (i, table, pack_words(words))) for i, (table, words) in enumerate(rows)]
    begin = (messages.CONFIG_BEGIN, (len(rows), base_sha256, new))
    return [begin, *puts, (messages.CONFIG_PREPARE, ()), (messages.CONFIG_COMMIT, (new,))]


class Direct:
    """A session with one node.  Every step renews the lease while ``leased`` and notes what is put out."""

    def __init__(self, bench: SimulatedLine, name: str, role: int = auth.OPERATOR) -> None:
        self.bench = bench
        self.name = name
        self.leased = True
        self.outputs: list[tuple[bytes, tuple[int, ...]]] = []
        self._port = bench.port(name)
        self._random = random.Random(name)
        self._answers: dict[int, dict[str, Any]] = {}
        self._role = role
        self.link = self._new_link()

    def _new_link(self) -> HostLink:
        key = auth.role_key(self.bench.site_key, self._role)
        return HostLink(UNASSIGNED, "direct", self._random.randbytes, self._role, key)

    @property
    def now_ms(self) -> int:
        """Virtual time."""
        return self.bench.now_us // 1000

    def open(self) -> dict[str, Any]:
        """A new session, whatever was before; returns what the node says of itself."""
        self.link = self._new_link()
        self.link.open(LEASE_MS, self.now_ms)
        self._answers.clear()
        for _ in range(round(ANSWER_S * 1e6 / STEP_US)):
            self.step()
            if self.link.state == "open":
                return self.link.hello
        raise NoAnswer(self.name)

    def step(self) -> list[LinkEvent]:
        """To the next 50 ms; returns what the link told."""
        if self.leased and self.link.state == "open":
            self.link.renew_lease(0, 0)
        self._port.write(self.link.take_output())
        self.bench.run_until(self.bench.now_us + STEP_US)
        terminals = self.bench.nodes[self.name].terminals
        self.outputs.append((terminals.pins[:32], terminals.dac))
        told = self.link.receive(self._port.read(), self.now_ms) + self.link.poll(self.now_ms)
        for event in told:
            if event.kind == "result" and event.fields is not None:
                self._answers[event.sequence] = event.fields
        return told

    def steps(self, seconds: float) -> None:
        """So much virtual time."""
        for _ in range(round(seconds * 1e6 / STEP_US)):
            self.step()

    def ask(self, number: int, *values: Any) -> dict[str, Any]:
        """The answer to one request."""
        return self.ask_all([(number, values)])[0]

    def ask_all(self, asked: Iterable[tuple[int, tuple[Any, ...]]]) -> list[dict[str, Any]]:
        """The answers to several requests, sent in order."""
        sequences = [self.link.request(number, values) for number, values in asked]
        for _ in range(round(ANSWER_S * 1e6 / STEP_US)):
            if all(sequence in self._answers for sequence in sequences):
                return [self._answers.pop(sequence) for sequence in sequences]
            self.step()
        raise NoAnswer(f"{self.name}: {len(sequences)} requests")

    def configure(self, rows: Rows) -> list[int]:
        """A whole download; the code of each answer."""
        base = self.link.hello["configuration_sha256"]
        return [answer["code"] for answer in self.ask_all(transaction_messages(rows, base))]
