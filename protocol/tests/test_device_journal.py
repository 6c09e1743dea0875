"""The node's journal keeps the newest requests of a session without a hole, in whatever order they ended."""

from __future__ import annotations

import struct

from hypothesis import given
from hypothesis import strategies as st

from spinline_protocol import messages
from spinline_protocol.device_journal import Journal

WINDOW = 8  # requests that may be under way at once


@given(
    first=st.integers(0, 0xFFFF), late=st.lists(st.integers(0, WINDOW - 1), max_size=60), others_n=st.integers(0, 20)
)
def test_what_stands_in_it_proves_that_all_later_ones_of_its_session_do(
    first: int, late: list[int], others_n: int
) -> None:
    journal = Journal()
    waiting = [(first + i) & 0xFFFF for i in range(len(late))]
    order = list(waiting)
    for skip in late:  # ended not in the order in which they were asked, but within the window
        journal.note(7, waiting.pop(min(skip, len(waiting) - 1)), messages.SET_SETPOINT, 0)
    for session in range(others_n):
        journal.note(100 + session, 1, messages.SET_SETPOINT, 0)
    entries = list(struct.iter_unpack(messages.JOURNAL_LAYOUT, journal.octets()))
    kept = [entry[1] for entry in entries if entry[0] == 7]
    assert len(entries) == min(messages.JOURNAL_N, len(late) + others_n)
    assert kept == order[len(order) - len(kept) :], "the newest, in order, without a hole"
