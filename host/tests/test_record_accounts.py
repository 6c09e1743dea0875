"""Expected = stored + missing, for every node and every tag, whatever was lost, came late, twice or was retired."""

import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from host.tests.test_record_journal import AT_US, configuration_of, scan, started
from spinline.record.accounts import NOT_RECORDED, RETIRED, UNDECLARED, accounts, count
from spinline.record.opening import open_reader
from spinline.record.page.accounts import tags_table

LAST = 60
intervals = st.tuples(st.integers(0, LAST), st.integers(0, 12)).map(lambda pair: (pair[0], pair[0] + pair[1]))


def apart(found: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """The same numbers as intervals that do not touch, as a journal gives them."""
    numbers = sorted({number for low, high in found for number in range(low, high + 1)})
    return [
        (low, next(high for high in range(low, 1000) if high + 1 not in numbers))
        for low in numbers
        if low - 1 not in numbers
    ]


@given(
    st.lists(intervals, max_size=6),
    st.lists(intervals, max_size=3),
    st.lists(st.tuples(intervals, st.sampled_from(["ring", "cable"])), max_size=6),
)
def test_every_scan_is_counted_once_with_the_first_reason_that_names_it(stored, retired, gaps):
    told = [(low, high, reason) for (low, high), reason in gaps]
    expected_n, stored_n, missing = count(0, apart(stored), retired, told)
    reasons: dict[int, str] = {}
    for low, high, reason in [*((*one, RETIRED) for one in retired), *told]:
        for number in range(low, high + 1):
            reasons.setdefault(number, reason)
    there = {number for low, high in stored for number in range(low, high + 1)}
    last = max([-1, *there, *reasons])
    by_hand = [reasons.get(number, UNDECLARED) for number in range(last + 1) if number not in there]
    assert (expected_n, stored_n) == (last + 1, len(there))
    assert missing == {reason: by_hand.count(reason) for reason in by_hand}
    assert expected_n == stored_n + sum(missing.values())


steps = st.lists(
    st.tuples(st.integers(0, 40), st.integers(1, 9), st.sampled_from(["scans", "scans", "gap", "again", "restart"])),
    max_size=14,
)


@settings(max_examples=40, deadline=None)
@given(steps)
def test_the_sum_holds_exactly_for_every_tag_of_any_record(steps):
    with tempfile.TemporaryDirectory() as folder:
        journal, run = started(Path(folder, "j.sqlite"))
        there: dict[int, set[int]] = {run: set()}
        known: dict[int, set[int]] = {run: set()}
        for low, scans_n, what in steps:
            numbers = set(range(low, low + scans_n))
            if what == "restart":
                run = journal.add_node("melt", configuration_of(2), "aa" * 32, "1.25.0", 32)
                journal.add_clock(run, 0, AT_US, 0, 0, "sync")
                there[run], known[run] = set(), set()
            elif what == "gap":
                journal.add_gap(run, low, low + scans_n - 1, "ring", AT_US)
                known[run] |= numbers
            else:
                journal.add_scans(run, low, [scan(number) for number in sorted(numbers)])
                there[run] |= numbers
        journal.commit()
        reader = journal.reader()
        (account,) = reader.accounts()
        reader.close()
        journal.close()
        expected_n = sum(max([-1, *there[of], *known[of]]) + 1 for of in there)
        stored_n = sum(len(found) for found in there.values())
        bad_n = {f"melt.Z{i}.pv": sum((number % 4 >> 2 * i & 3) == 2 for of in there.values() for number in of)
                 for i in range(2)}  # fmt: skip
        assert set(account.tags) == set(bad_n)
        for tag, of_tag in (("", account.scans), *account.tags.items()):
            assert (of_tag.expected_n, of_tag.stored_n) == (expected_n, stored_n)
            assert of_tag.expected_n == of_tag.stored_n + of_tag.missing_n
            assert of_tag.bad_n == bad_n.get(tag, 0)


@pytest.mark.parametrize("less_first", [True, False])
def test_a_tag_that_a_configuration_did_not_record_is_missing_with_that_reason(tmp_path, less_first):
    journal, run = started(tmp_path / "j.sqlite", columns_n=1 if less_first else 2)
    journal.add_scans(run, 0, [scan(i, 1 if less_first else 2) for i in range(7)])
    other = configuration_of(2 if less_first else 1, sha=2)
    run = journal.add_node("melt", other, "aa" * 32, "1.25.0", 32, first_scan=7)
    journal.add_clock(run, 7, AT_US, 0, 0, "sync")
    journal.add_gap(run, 7, 8, "ring", AT_US)
    journal.add_scans(run, 9, [scan(i, 2 if less_first else 1) for i in range(9, 12)])
    journal.commit()
    journal.close()
    connection = open_reader(tmp_path / "j.sqlite")
    (account,) = accounts(connection)
    always, once = account.tags["melt.Z0.pv"], account.tags["melt.Z1.pv"]
    assert (always.expected_n, always.stored_n, dict(always.missing)) == (12, 10, {"ring": 2})
    missing = {NOT_RECORDED: 7, "ring": 2} if less_first else {NOT_RECORDED: 5}
    assert (once.expected_n, once.stored_n, dict(once.missing)) == (12, 3 if less_first else 7, missing)
    shown = tags_table(connection)
    assert "melt: 2 tags, 12 scans expected = 10 stored + 2 missing" in shown
    assert f"7: {NOT_RECORDED}" in shown or f"5: {NOT_RECORDED}" in shown
    connection.close()
