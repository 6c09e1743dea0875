"""The service killed in production at random, again and again: what was acknowledged and what the next one finds."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from spinline.edges.client import Client, NoAnswer
from spinline.errors import Refused
from spinline.recipe.line_model import load_line

from .interpreters import Interpreter
from .pty_bench import LineProcess
from .run import LINE_R1
from .service_process import Services
from .service_site import ServiceSite, acknowledged_and_gone, holes, journal_of, make_site, noted, scans_lost
from .wall import Beside, now_s, rest_until

CAP_S = 60.0  # of the wall clock, until what was waited for will not come
POLL_S = 0.05
ALIVE_S_MAX = 1.5  # in production before it is killed
FOUND = ("UNSUPERVISED", "STOPPED", "ABORTED")  # what a service may find of a line that it did not start


class NotReached(Exception):
    """The line or the service did not come to where it was waited for."""


@dataclass
class Killed:
    """What many kills did.  ``found``: the states in which each service after a kill showed the line."""

    kills_n: int = 0
    acknowledged_n: int = 0
    lost: list[str] = field(default_factory=list)
    scans_acknowledged: int = 0  # before the last kill, of all nodes
    holes: list[tuple[str, int]] = field(default_factory=list)  # after each kill: what was acknowledged and is gone
    scans_lost: int = 0  # never acknowledged, and told: the rings of the nodes bridge some seconds, not kill after kill
    found: list[tuple[str, ...]] = field(default_factory=list)

    @property
    def unsafe(self) -> list[tuple[str, ...]]:
        """Of those, the ones with a state in which nobody may find a line."""
        return [states for states in self.found if states[-1] not in FOUND or set(states) - {"IDLE", *FOUND}]


class Noting:
    """Puts notes into the record as fast as they are acknowledged, until the service is gone."""

    def __init__(self, client: Client, begin: int) -> None:
        self._client, self._next = client, begin
        self.acknowledged: list[str] = []
        self.beside = Beside(self._note)

    def _note(self) -> None:
        try:
            while True:
                words = f"note {self._next}"
                self._client.order("note", {"why": words})
                self.acknowledged.append(words)
                self._next += 1
        except NoAnswer:
            pass  # it was killed; what it had not answered does not count


def kill_again_and_again(interpreter: Interpreter, folder: Path, kills_n: int, speed: float, seed: int) -> Killed:
    """A preheated line into production, then so many kills, each in production.  Raises NotReached."""
    links, site, source = folder / "by-id", make_site(folder), random.Random(seed)
    line = LineProcess(interpreter, folder, speed, "--preheated", "--links", str(links))
    services = Services(LINE_R1, site.recipe, site.key, site.records, site.tokens, speed)
    killed, notes = Killed(), list[str]()
    try:
        ports = {node.name: str(next(links.glob(f"*{node.name.upper()}*"))) for node in load_line(LINE_R1).node}
        client = first = site.client(services.start(ports))
        reach(lambda: all_answer(first), "every node answers")
        client.order("start", {"why": "kills"})
        for _ in range(kills_n):
            into_production(client)
            noting = Noting(client, len(notes) + killed.kills_n)
            rest_until(now_s() + source.uniform(0.1, ALIVE_S_MAX))
            recorded_to = {node["name"]: node["recorded_to"] for node in client.get("status")["nodes"]}
            services.kill()
            noting.beside.wait(CAP_S)
            killed.scans_acknowledged = sum(recorded_to.values())
            killed.holes += acknowledged_and_gone(journal_of(site), recorded_to)
            notes += noting.acknowledged
            killed.kills_n += 1
            client = site.client(services.start(ports))
            killed.found.append(found_by(client))
        services.terminate()
        _judge(killed, notes, site)
    finally:
        services.close()
        line.close()
    return killed


def _judge(killed: Killed, notes: list[str], site: ServiceSite) -> None:
    journal = journal_of(site)
    there = set(noted(journal))
    killed.acknowledged_n = len(notes)
    killed.lost = [words for words in notes if words not in there]
    killed.holes += holes(journal)
    killed.scans_lost = scans_lost(journal)


def reach(reached: Callable[[], bool], what: str) -> None:
    """Wait for it.  Raises NotReached."""
    end_s = now_s() + CAP_S
    while not reached():
        if now_s() > end_s:
            raise NotReached(what)
        rest_until(now_s() + POLL_S)


def state_of(client: Client) -> str:
    """Of the batch."""
    return str(client.get("status")["state"])


def all_answer(client: Client) -> bool:
    """Every node has a session, and its state is known."""
    return all(node["answers"] and node["port"] for node in client.get("status")["nodes"])


def found_by(client: Client) -> tuple[str, ...]:
    """Every state that a service shows from its first answer until it knows the line, without repetitions."""
    states: list[str] = []

    def known() -> bool:
        state = state_of(client)
        states.extend([state] if states[-1:] != [state] else [])
        return state in FOUND or state not in ("IDLE",)

    reach(known, "a service that knows the line")
    return tuple(states)


def into_production(client: Client) -> None:
    """What a person does until fiber is made: look at what ran, then go on.  Raises NotReached with what is there."""
    status = {}

    def producing() -> bool:
        status.update(client.get("status"))
        state = status["state"]
        if state == "UNSUPERVISED" and all_answer(client):
            try:
                client.order("resume", {"shown": client.get("resume")["shown"], "why": "seen"})
            except Refused:
                pass  # the line changed between the look and the order: look again
        return bool(state == "RUNNING")

    try:
        reach(producing, "production")
    except NotReached:
        raise NotReached(f"production: {status}") from None
