"""Every scan lies within the stated bound of its true time: drift, late scans, lost answers and frames of any delay."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spinline.line.scan_clock import ASK_US, BY_FRAME, BY_SYNC, SETTLE_US, ScanClock
from spinline_protocol.messages import NO_SCAN


class Node:
    """A node in host time: its scans drift, and some begin late and shift all that follow."""

    def __init__(self, scan_us: int, drift_ppm: float, late: dict[int, int], scans_n: int = 1200) -> None:
        self.begun_us = 7_000_000.0
        self.rate = 1 + drift_ppm / 1e6
        self.late = sorted(late)
        at_us, self.scans = self.begun_us, []
        for scan in range(scans_n):
            at_us += late.get(scan, 0)
            self.scans.append(at_us)
            at_us += scan_us / self.rate

    def own_us(self, host_us: float) -> int:
        """Its stamp."""
        return int((host_us + 3e9) * self.rate)

    def scan_behind(self, host_us: float) -> int:
        """The first scan that begins at this time or later."""
        return next(scan for scan, at_us in enumerate(self.scans) if at_us >= host_us)


class Line:
    """The node and the host's clock of it; a step is a second of the host."""

    def __init__(self, node: Node, scan_us: int, seed: int, loss: float) -> None:
        self.node, self.clock = node, ScanClock(scan_us)
        self.scan_us, self.chance, self.loss = scan_us, random.Random(seed), loss
        self.now_us = 7_000_000
        self.placed_to, self.framed_to = 0, 0
        self.errors: list[tuple[float, int, str]] = []
        self._answers: list[dict[str, int]] = []
        self.clock.begin(0, self.now_us - 1000)

    def delay_us(self) -> float:
        """Of a frame on its way."""
        return self.chance.choice((600.0, 3000.0, self.chance.uniform(500, 60_000)))

    def step(self) -> None:
        """Ask where it is due, take what has come, place what has come."""
        self.now_us += 1_000_000
        while self.clock.due_us < self.now_us:
            self._ask(max(self.clock.due_us, self.now_us - 1_000_000))
        heard = [answer for answer in self._answers if answer["host_received_us"] <= self.now_us]
        self._answers = [answer for answer in self._answers if answer not in heard]
        for answer in heard:
            self.clock.take_answer(answer)
        came_to = self.node.scan_behind(self.now_us - self.delay_us())
        if came_to > self.framed_to:
            late = [scan for scan in self.node.late if self.framed_to <= scan < came_to]
            self.clock.take_frame(came_to - 1, self.now_us, late)
            self.framed_to = came_to
        self._place()

    def _ask(self, at_us: int) -> None:
        self.clock.asked(at_us)
        if self.chance.random() < self.loss:
            return
        scan = self.node.scan_behind(at_us + self.delay_us())
        sent_us = self.node.scans[scan] + 100
        stamps = self.node.own_us(self.node.scans[scan]), self.node.own_us(sent_us)
        received_us = round(sent_us + self.delay_us() + 1)
        names = ("host_sent_us", "device_received_us", "device_sent_us", "scan", "host_received_us")
        self._answers.append(dict(zip(names, (at_us, *stamps, scan, received_us), strict=True)))

    def _place(self) -> None:
        while self.placed_to < self.framed_to:
            placing = self.clock.place(self.placed_to, self.framed_to - self.placed_to, self.now_us)
            if placing is None:
                return
            for scan in range(self.placed_to, min(placing.to_scan, self.framed_to)):
                error = abs(placing.at(scan) - self.node.scans[scan])
                self.errors.append((error, placing.bound_us, placing.basis))
            self.placed_to = min(placing.to_scan, self.framed_to)


@settings(max_examples=150, deadline=None)
@given(
    st.sampled_from((50_000, 250_000, 500_000)),
    st.floats(-100, 100),
    st.dictionaries(st.integers(1, 160), st.integers(1, 900_000), max_size=4),
    st.integers(0, 1 << 30),
    st.sampled_from((0.0, 0.3, 0.9, 1.0)),
)
def test_every_scan_lies_within_its_stated_bound(
    scan_us: int, drift_ppm: float, late: dict[int, int], seed: int, loss: float
) -> None:
    line = Line(Node(scan_us, drift_ppm, late), scan_us, seed, loss)
    for _ in range(45):
        line.step()
    assert line.placed_to == line.framed_to > 40
    assert [found for found in line.errors if found[0] > found[1]] == []


@pytest.mark.parametrize("drift_ppm", [-100, 0, 100])
def test_once_it_has_settled_the_bound_is_a_few_milliseconds(drift_ppm: int) -> None:
    line = Line(Node(250_000, drift_ppm, {}), 250_000, 1, 0.0)
    line.delay_us = lambda: line.chance.uniform(500, 4000)  # type: ignore[method-assign]
    for _ in range(60):
        line.step()
    assert max(bound for _, bound, _ in line.errors[-100:]) < 12_000
    assert {basis for _, _, basis in line.errors} == {BY_SYNC}


def test_without_answers_the_promptest_frame_places_scans_after_a_while_and_says_so() -> None:
    line = Line(Node(250_000, 20, {}), 250_000, 1, 1.0)
    for _ in range(SETTLE_US // 1_000_000):
        line.step()
    assert line.errors == []
    line.step()
    line.step()
    assert {basis for _, _, basis in line.errors} == {BY_FRAME} and line.placed_to == line.framed_to


def test_questions_are_few_and_leave_just_before_a_scan() -> None:
    line = Line(Node(500_000, 50, {}), 500_000, 1, 0.0)
    waits = []
    ask = line._ask

    def noted(at_us: int) -> None:
        waits.append(line.node.scans[line.node.scan_behind(at_us)] - at_us)
        ask(at_us)

    line._ask = noted  # type: ignore[method-assign]
    for _ in range(200):
        line.step()
    assert len(waits) < 8 + 200_000_000 // ASK_US
    assert sorted(waits[8:])[len(waits[8:]) // 2] < 100_000


def test_an_answer_from_before_the_configuration_marks_no_scan() -> None:
    clock = ScanClock(250_000)
    clock.begin(0, 0)
    clock.asked(10)
    names = ("host_sent_us", "device_received_us", "device_sent_us", "scan", "host_received_us")
    clock.take_answer(dict(zip(names, (10, 5, 6, NO_SCAN, 5000), strict=True)))
    clock.take_frame(3, 1_000_000, [])
    assert clock.place(0, 4, 1_000_000) is None
