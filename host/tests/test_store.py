"""What every store of records must do (`record/store.py`): another implementation is put behind the same tests.

A maker gives a function that opens the same store again and again, or makes it the first time; no test knows files.
"""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from spinline.errors import Refused, UnknownName
from spinline.line.alarms import Change
from spinline.line.orders import Order
from spinline.recipe.compiler import NodeConfiguration, Recorded
from spinline.record.journal import Journal
from spinline.record.store import Batch, Store
from spinline_protocol.configuration import OF_INPUT
from spinline_protocol.quantities import TEMPERATURE
from spinline_protocol.states import EVT_STATE

MIDNIGHT_US = 1_790_035_200_000_000
AT_US = MIDNIGHT_US - 2_000_000
DAY_US = 86_400_000_000
COLUMNS = tuple(Recorded(f"melt.Z{i}.pv", OF_INPUT, i, TEMPERATURE) for i in range(3))
CONFIGURATION = NodeConfiguration("melt", (), bytes(32), COLUMNS, 250)
OpenStore = Callable[[], Store]


def journal_maker(folder: Path) -> OpenStore:
    path = folder / "journal.sqlite"
    return lambda: Journal.open(path) if path.exists() else Journal.create(path)


@pytest.fixture(params=[journal_maker], ids=["journal"])
def open_store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[OpenStore]:
    opened: list[Store] = []
    open_one: OpenStore = request.param(tmp_path)

    def opening() -> Store:
        for store in opened:
            store.close()
        opened.append(open_one())
        return opened[-1]

    yield opening
    for store in opened:
        store.close()


def scan(i: int) -> tuple[int, ...]:
    return (2, 2, i % 4, 1000 * i, -i, 7)


def begun(store: Store, first_scan: int = 0) -> int:
    run = store.add_node("melt", CONFIGURATION, "aa" * 32, "1.25.0", 32, boot_id=5, first_scan=first_scan)
    store.add_clock(run, first_scan, AT_US, 0, 0, "sync")
    return run


def scans(store: Store, run: int) -> list[int]:
    reader = store.reader()
    try:
        return [int(str(row[0])) for row in reader.scans(run, 0, 10_000)]
    finally:
        reader.close()


def test_what_is_committed_is_there_for_a_reader_and_after_opening_again_and_nothing_else_is(open_store):
    store = open_store()
    run = begun(store)
    store.add_scans(run, 0, [scan(i) for i in range(20)])  # over midnight
    assert scans(store, run) == [] and store.scans_to(run) == -1
    store.commit()
    store.add_scans(run, 20, [scan(20)])
    assert scans(store, run) == list(range(20)) and store.scans_to(run) == 19
    store = open_store()
    assert store.scans_to(run) == 19
    reader = store.reader()
    assert reader.scans(run, 7, 9) == [(i, AT_US + 250_000 * i, *scan(i)) for i in (7, 8, 9)]
    reader.close()


def test_a_run_is_durable_at_once_and_knows_who_it_is(open_store):
    store = open_store()
    run = begun(store, first_scan=4)
    (known,) = open_store().runs()
    assert (known.run, known.node, known.boot_id, known.first_scan) == (run, "melt", 5, 4)
    assert known.configuration_sha256 == bytes(32).hex()


def test_a_repeated_scan_stays_as_it_was_first_stored_also_where_its_time_is_now_in_another_day(open_store):
    store = open_store()
    run = begun(store)
    store.add_scans(run, 0, [scan(i) for i in range(12)])
    store.commit()
    store = open_store()
    store.add_clock(run, 0, AT_US + 1_000_000, 0, 0, "sync")
    store.add_scans(run, 0, [scan(i + 1) for i in range(16)])
    store.commit()
    reader = store.reader()
    found = reader.scans(run, 0, 100)
    assert [row[2:] for row in found] == [scan(i if i < 12 else i + 1) for i in range(16)]
    reader.close()


def test_a_hole_is_passed_only_when_it_is_declared_and_events_likewise(open_store):
    store = open_store()
    run = begun(store)
    store.add_scans(run, 3, [scan(3)])
    store.add_event(run, 2, 3, EVT_STATE, 0, 2, 0, AT_US)
    store.commit()
    assert (store.scans_to(run), store.events_to(run)) == (-1, -1)
    store.add_gap(run, 0, 2, "lost", AT_US)
    store.add_event_gap(run, 0, 1, AT_US)
    store.begin_commit()
    store.end_commit()
    assert (store.scans_to(run), store.events_to(run)) == (3, 2)
    store = open_store()
    assert (store.scans_to(run), store.events_to(run)) == (3, 2)
    reader = store.reader()
    (account,) = reader.accounts()
    assert (account.scans.expected_n, account.scans.stored_n, account.scans.missing) == (4, 1, {"lost": 3})
    reader.close()


def test_records_come_back_in_order_and_in_one_chain(open_store):
    store = open_store()
    store.start_batch(Batch("B-1", "R1", 1, "aa", "r1", "bb", "simulated", AT_US))
    store.add_document(AT_US, "waiver", "C12", "text", "A. Roy", "the certificate is late")
    store.add_action(AT_US, "K. Lang", "stop", "shift ends", "RUNNING", "STOPPING")
    store.add_action(AT_US, "K. Lang", "note", "x", None, None)
    store.add_alarm(Change(AT_US, "line UNSUPERVISED", "unacknowledged", 2, False, "", ""))
    store.add_batch_state(AT_US, "STOPPING", "stop")
    store.add_claim(AT_US, 12, "PASS", True, "measured", "measured")
    store.end_batch(AT_US + 1)
    store.commit()
    assert store.alarm_states() == [("line UNSUPERVISED", "unacknowledged")]
    store = open_store()
    reader = store.reader()
    assert [row[2] for row in reader.records("action")] == ["stop", "note"]
    assert reader.records("action")[0] == (AT_US, "K. Lang", "stop", "shift ends", "RUNNING", "STOPPING")
    assert reader.records("document") == [(AT_US, "waiver", "C12", "A. Roy", "the certificate is late", "text")]
    assert reader.records("batch_end") == [(AT_US + 1,)]
    assert reader.misfit() is None
    with pytest.raises(UnknownName, match="no record is called scans"):
        reader.records("scans")
    reader.close()


def test_an_order_stays_open_until_its_end_is_told(open_store):
    store = open_store()
    order = Order(5, 77, 1, 9, "COMMAND 3", AT_US)
    store.add_order("melt", order)
    store.commit()
    store = open_store()
    assert store.open_orders() == [("melt", order)]
    store.add_order("melt", Order(5, 77, 1, 9, "COMMAND 3", AT_US, "done", ""))
    store.commit()
    assert open_store().open_orders() == []


def test_a_trend_is_one_over_midnight(open_store):
    store = open_store()
    run = begun(store)
    store.add_scans(run, 0, [scan(i) for i in range(400)])
    store.commit()
    reader = store.reader()
    for points_n in (1, 4, 400):
        found = reader.trend(["melt.Z0.pv"], (AT_US, AT_US + 100_000_000), points_n)["melt.Z0.pv"]
        assert (min(row.low for row in found), max(row.high for row in found)) == (0.0, 399.0)
    reader.close()


def days_of_scans(store: Store, days_n: int) -> int:
    """A run with four scans in each of some days, from the day before midnight on."""
    run = store.add_node("melt", CONFIGURATION, "aa" * 32, "1.25.0", 32)
    for day in range(days_n):
        store.add_clock(run, 4 * day, AT_US + day * DAY_US, 0, 0, "sync")
        store.add_scans(run, 4 * day, [scan(4 * day + i) for i in range(4)])
        store.commit()
    return run


def test_old_days_are_retired_whole_records_stay_and_the_sum_still_holds(open_store):
    store = open_store()
    run = days_of_scans(store, 5)
    store.add_action(AT_US, "K. Lang", "note", "stays", None, None)
    store.commit()
    now_us = AT_US + 4 * DAY_US
    assert store.retire(now_us, 10, "A. Roy", "monthly") == []
    assert len(store.retire(now_us, 2, "A. Roy", "monthly")) == 2
    assert scans(store, run) == list(range(8, 20))
    store = open_store()
    assert store.scans_to(run) == 19, "what was acknowledged stays so"
    reader = store.reader()
    (account,) = reader.accounts()
    assert (account.scans.expected_n, account.scans.stored_n, account.scans.missing_n) == (20, 12, 8)
    assert [row[4:] for row in reader.records("day_retired")] == [("A. Roy", "monthly")] * 2
    assert len(reader.records("action")) == 1 and reader.misfit() is None
    reader.close()
    store.add_clock(run, 0, AT_US, 0, 0, "sync")
    store.add_scans(run, 0, [scan(0)])
    store.commit()
    assert scans(store, run) == list(range(8, 20)), "what was retired is not taken again"


@pytest.mark.parametrize("within", [(-(1 << 62), 1 << 62), (AT_US + DAY_US, AT_US + DAY_US + 1)])
def test_nothing_is_retired_that_a_legal_hold_names_until_it_is_released(open_store, within):
    store = open_store()
    days_of_scans(store, 6)
    now_us = AT_US + 9 * DAY_US
    store.hold(now_us, "complaint 7", within, "A. Roy", "a customer asks")
    store.commit()
    store = open_store()
    held_n = 4 if within[0] < 0 else 1
    assert len(store.retire(now_us, 2, "A. Roy", "monthly")) == 4 - held_n
    with pytest.raises(Refused, match=r"no legal hold is called 'complaint 8' \(there are: complaint 7\)"):
        store.release(now_us, "complaint 8", "A. Roy", "settled")
    with pytest.raises(Refused, match="who and why must be named"):
        store.release(now_us, "complaint 7", "", "settled")
    store.release(now_us, "complaint 7", "A. Roy", "settled")
    store.commit()
    assert len(store.retire(now_us, 2, "A. Roy", "monthly")) == held_n
    reader = store.reader()
    assert [row[1] for row in reader.records("legal_hold")] == [1, 0]
    reader.close()


def test_a_clock_that_was_wrong_for_a_while_makes_no_scan_of_yesterday_old(open_store):
    store = open_store()
    run = days_of_scans(store, 3)
    store.add_clock(run, 12, 946_684_800_000_000, 0, 0, "sync")  # the PC's clock began at 2000
    store.add_scans(run, 12, [scan(i) for i in range(12, 16)])
    store.commit()
    assert len(store.retire(AT_US + 3 * DAY_US, 2, "A. Roy", "monthly")) == 1
    assert scans(store, run) == list(range(4, 16))
    assert len(store.retire(AT_US + 3000 * DAY_US, 2, "A. Roy", "the clock is wrong now")) == 1
    assert scans(store, run) == list(range(8, 16)), "the two newest files stay, whatever the clock says"
