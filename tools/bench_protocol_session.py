"""Sessions, clock and lease in virtual time: orders done twice, bounds broken, waits for a host that died."""

import random
import sys
import tempfile
from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from hil_tests.bench.interpreters import find_interpreter
from hil_tests.bench.run import START_US, BenchRun
from hil_tests.bench.scan_truth import ScanTruth, errors_of
from hil_tests.bench.simulated import BenchNode
from spinline_protocol import framing, states
from spinline_protocol.clock import DeviceClock
from spinline_protocol.host_messages import unpack_message
from tools.bench_row import Row, count_of

ROOT = Path(__file__).resolve().parents[1]
SEED = 20260101
LOSS_PERCENT = 20
ORDERS_A_PAIR_N = 2_000
RESTARTS_ONE_IN = 500  # scans
NAIVE_SESSIONS_N = 256
EXCHANGES_N = 300
SETTLED_N = 64  # the percentile of the error begins where the estimator is full


class NaiveBoard:
    """Takes the session that the host names and does what has the next number in it."""

    def __init__(self) -> None:
        self.executed: list[int] = []
        self.restart()

    def restart(self) -> None:
        """Power gone and back."""
        self._session, self._next = -1, 0

    def receive(self, wire: bytes) -> bytes:
        """Do the orders in these bytes; returns the answers."""
        answers = b""
        for frame in framing.FrameReader(from_device=False).feed(wire):
            if frame.session != self._session:
                self._session, self._next = frame.session, frame.sequence
            if frame.sequence == self._next:
                self._next += 1
                self.executed.append(int.from_bytes(frame.payload, "big"))
            if frame.sequence < self._next:
                control = framing.FROM_DEVICE | framing.RESPONSE
                answers += framing.encode(0, 1, control, frame.session, frame.sequence, frame.payload)
        return answers


class NaiveHost:
    """Draws a session, sends one order at a time, repeats it until it is answered; a new process draws again."""

    def __init__(self, chance: Any) -> None:
        self._chance = chance
        self.acknowledged: list[int] = []
        self.issued = 0
        self.restart()

    def restart(self) -> None:
        """A new process: what was under way has an unknown outcome."""
        self._session, self._sequence, self._open = self._chance.below(NAIVE_SESSIONS_N), 0, 0

    def step(self, wire: bytes) -> bytes:
        """Take answers; returns the order that is under way."""
        for frame in framing.FrameReader(from_device=True).feed(wire):
            if self._open and frame.session == self._session and frame.sequence == self._sequence:
                self.acknowledged.append(self._open)
                self._open, self._sequence = 0, self._sequence + 1
        if not self._open:
            self.issued += 1
            self._open = self.issued
        payload = self._open.to_bytes(4, "big")
        return framing.encode(1, 0, framing.REQUEST, self._session, self._sequence, payload)


def wrong_of(executed: Sequence[int], acknowledged: Sequence[int]) -> int:
    """Orders done twice, and acknowledged ones that were not done."""
    return len(executed) - len(set(executed)) + len(set(acknowledged) - set(executed))


def naive(lossy: Any, chance: Any, orders: int) -> int:
    """The peer on the same wires with the same restarts."""
    down, up = lossy.Wire(chance, LOSS_PERCENT), lossy.Wire(chance, LOSS_PERCENT)
    board, host, now = NaiveBoard(), NaiveHost(chance), 0
    while host.issued < orders:
        if chance.below(RESTARTS_ONE_IN) == 0:
            board.restart()
        if chance.below(RESTARTS_ONE_IN) == 0:
            host.restart()
        down.write(host.step(up.read(now)), now)
        up.write(board.receive(down.read(now)), now)
        now += 1
    return wrong_of(board.executed, host.acknowledged)


def ours(lossy: Any, seed: int, orders: int) -> tuple[int, int]:
    """Wrong orders, and how many were issued."""
    pair = lossy.Pair(seed, LOSS_PERCENT)
    while pair.issued < orders:
        pair.order()
        if pair.chance.below(RESTARTS_ONE_IN) == 0:
            pair.board.restart()
        if pair.chance.below(RESTARTS_ONE_IN) == 0:
            pair.restart_host()
        pair.step()
    return wrong_of(pair.board.executed, pair.acknowledged), pair.issued


def commands_twice_or_lost() -> Sequence[Row]:
    """20 % of writes lost, 20 % doubled, delayed or spoiled, both ends restart: what was done twice or not at all?"""
    sys.path.append(str(ROOT / "protocol" / "tests"))
    lossy, plain = import_module("lossy"), import_module("plain")
    count = count_of(100_000, 10_000_000)
    wrong, issued, theirs, seed = 0, 0, 0, SEED
    while issued < count:
        one, orders = ours(lossy, seed, ORDERS_A_PAIR_N)
        wrong, issued, seed = wrong + one, issued + orders, seed + 1
    for i in range(count // ORDERS_A_PAIR_N):
        theirs += naive(lossy, plain.Chance(SEED + i), ORDERS_A_PAIR_N)
    return [
        Row(
            "protocol.commands_twice_or_lost", wrong, "orders", "lower", issued, "session chosen by the host", theirs, 0
        )
    ]


def in_loop(loop_us: int) -> Callable[[random.Random], int]:
    """USB, and a loop on the device that comes round; one in fifty comes 20 ms late."""
    return lambda chance: (
        100 + chance.randrange(250) + chance.randrange(loop_us) + (20_000 if chance.random() < 0.02 else 0)
    )


LINKS: dict[str, tuple[Callable[[random.Random], int], Callable[[random.Random], int]]] = {
    "usb_1ms": (in_loop(1000), in_loop(300)),
    "usb_5ms": (in_loop(5000), in_loop(300)),
    "rs485": (lambda chance: 2000 + chance.randrange(400), lambda chance: 2000 + chance.randrange(400)),
    "lopsided": (lambda chance: 50, lambda chance: 30_000 + chance.randrange(20_000)),
}


def followed(link: str, seed: int, count: int) -> list[tuple[float, int]]:
    """Error and bound, half a period after each of ``count`` exchanges, both clocks drifting apart by up to 100 ppm."""
    chance, clock = random.Random(f"{link} {seed}"), DeviceClock()
    drift, start_us, at_us = chance.uniform(-100, 100) / 1e6, chance.randrange(1 << 50), chance.random() * 1e6
    found = []
    for _ in range(count):
        arrived_us = at_us + LINKS[link][0](chance)
        sent_us = arrived_us + chance.randrange(400)
        end_us = sent_us + LINKS[link][1](chance)
        stamps = [int(start_us + moment_us * (1 + drift)) for moment_us in (arrived_us, sent_us)]
        clock.add(int(at_us), stamps[0], stamps[1], int(end_us))
        asked_us = int(end_us + 490_000)
        told = clock.offset(asked_us)
        assert told is not None
        found.append((abs(told.offset_us - start_us - asked_us * drift), told.bound_us))
        at_us = end_us + 980_000
    return found


def clock_bound_violations() -> Sequence[Row]:
    """How often the true offset was outside the stated bound, and the 99th percentile of the error of each link."""
    runs = count_of(40, 400)
    rows, broken, total = [], 0, 0
    for link in LINKS:
        found = [pair for seed in range(runs) for pair in followed(link, seed, EXCHANGES_N)]
        broken += sum(error > bound + 1e-3 for error, bound in found)
        total += len(found)
        settled = [
            pair for seed in range(runs) for pair in found[seed * EXCHANGES_N + SETTLED_N : (seed + 1) * EXCHANGES_N]
        ]
        errors, bounds = sorted(error for error, _ in settled), sorted(bound for _, bound in settled)
        name = f"protocol.clock_bound_violations.{link}"
        rows.append(Row(f"{name}.error_p99_us", errors[len(errors) * 99 // 100], "us", "lower", len(settled)))
        rows.append(Row(f"{name}.bound_p50_us", bounds[len(bounds) // 2], "us", "lower", len(settled)))
    return [Row("protocol.clock_bound_violations", broken, "estimates", "lower", total, target=0), *rows]


class HoldWatch:
    """Listens to what a node sends and notes when it first tells that its lease has run out."""

    def __init__(self, node: BenchNode) -> None:
        self.told_us = -1
        self._reader = framing.FrameReader(from_device=True)
        self._push = node.to_host.push
        node.to_host.push = self._hear  # type: ignore[method-assign]

    def _hear(self, now_us: int, octets: bytes) -> None:
        for frame in self._reader.feed(octets):
            if frame.kind == framing.EVENT and self.told_us < 0:
                if unpack_message(frame.payload)[1]["code"] == states.EVT_LEASE_EXPIRED:
                    self.told_us = now_us
        self._push(now_us, octets)


def waits_of(seed: int, folder: Path) -> dict[str, float]:
    """ms from the last act of a host that died right after it to the hold of each node."""
    run = BenchRun(find_interpreter(), folder, seed)
    try:
        run.preheat()
        run.start()
        sessions = run.supervisor.sessions.values()
        assert run.run_until(lambda: all(session.state == states.STARTING for session in sessions), 120)
        run.run_for(5 + seed)
        watches = {name: HoldWatch(node) for name, node in run.bench.nodes.items()}
        died_us = run.bench.now_us
        run.run_without_supervisor(6)  # from here on nobody supervises
        assert all(watch.told_us > 0 for watch in watches.values()), "a node did not hold"
        return {name: (watch.told_us - died_us) / 1000 for name, watch in watches.items()}
    finally:
        run.close()


def scan_time_error() -> Sequence[Row]:
    """Error and bound of scan times in the record: the whole line, crystals up to 50 ppm off, a cable out for 20 s."""
    runs = count_of(2, 10)
    found = []
    with tempfile.TemporaryDirectory() as folder:
        for seed in range(1, runs + 1):
            drift_ppm = {name: random.Random(f"{name} {seed}").randint(-50, 50) for name in ("melt", "bath", "draw")}
            run = BenchRun(find_interpreter(), Path(folder) / str(seed), seed, drift_ppm=drift_ppm)
            truth = ScanTruth(run.bench, run.configurations)
            for seconds, cut in ((60, False), (20, True), (220, False)):
                run.bench.pull_cable("melt", cut)
                run.run_for(seconds)
            found += [one for name in drift_ppm for one in errors_of(run.journal_path, truth, name, START_US)]
            run.close()
    name = "protocol.scan_time_error"
    errors, bounds = sorted(one.error_us for one in found), sorted(one.bound_us for one in found)
    broken = sum(one.error_us > one.bound_us for one in found)
    return [
        Row(name, errors[len(errors) * 99 // 100] / 1000, "ms p99", "lower", len(found)),
        Row(f"{name}.bound_p50", bounds[len(bounds) // 2] / 1000, "ms", "lower", len(found)),
        Row(f"{name}.bound_violations", broken, "scans", "lower", len(found), target=0),
    ]


def hold_after_host_death() -> Sequence[Row]:
    """The longest wait of each node, against lease, one scan and 50 ms."""
    runs = count_of(4, 20)
    waits: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory() as folder:
        for seed in range(1, runs + 1):
            for name, wait_ms in waits_of(seed, Path(folder) / str(seed)).items():
                waits.setdefault(name, []).append(wait_ms)
        line = BenchRun(find_interpreter(), Path(folder) / "line", 0)
        allowed = {node.name: node.lease_ms + node.scan_ms + 50 for node in line.line.node}
        line.close()
    name = "protocol.hold_after_host_death"
    rows = [
        Row(f"{name}.{node}", max(found), "ms", "lower", runs, target=allowed[node]) for node, found in waits.items()
    ]
    over_ms = max(max(found) - allowed[node] for node, found in waits.items())
    return [Row(name, over_ms, "ms beyond", "lower", runs * len(waits), target=0), *rows]
