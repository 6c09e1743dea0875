"""A record that goes bad and well again: what people did is in it once, in order, however often the disk failed."""

import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hil_tests.bench.bad_disk import FAILS, TROUBLES, bad_disk
from spinline.errors import Refused
from spinline.line import guarded_record
from spinline.line.guarded_record import BEGUN_AGAIN, SAFE, GuardedRecord
from spinline.record.batch_record import BatchRecord
from spinline.record.journal import Journal

AT_US = 1_790_000_000_000_000
STEPS = st.lists(st.sampled_from(["act", "act", "scan", "scan", "good", *TROUBLES]), max_size=40)


def actions(record: BatchRecord) -> list[tuple[str, str]]:
    reader = record.journal.reader()
    found = [(str(row[2]), str(row[3])) for row in reader.records("action")]
    assert reader.misfit() is None
    reader.close()
    return found


@settings(max_examples=30, deadline=None)
@given(STEPS)
def test_whatever_the_disk_does_every_act_is_recorded_once_and_in_order(steps):
    with tempfile.TemporaryDirectory() as folder, bad_disk() as disk:
        record = BatchRecord(Journal.create(Path(folder, "j.sqlite"), "bad"), [])
        guarded = GuardedRecord(record)
        done: list[str] = []
        for i, step in enumerate([*steps, "good", "scan", "scan"]):
            if step == "act":
                guarded.add_action(AT_US + i, "K. Lang", "note", str(i), None, None)
                done.append(str(i))
            elif step == "scan":  # as the supervisor does once a second
                guarded.end_commit()
                if guarded.trouble:
                    assert "did not take a commit" in guarded.trouble
                    guarded.recover(AT_US + i)
                guarded.begin_commit()
            else:
                disk.trouble = "" if step == "good" else step
        guarded.end_commit()
        assert guarded.trouble == ""
        assert [why for what, why in actions(record) if what == "note"] == done
        record.journal.close()


def test_in_trouble_only_what_makes_the_line_safer_is_possible_and_the_refusal_says_what(tmp_path):
    with bad_disk() as disk:
        record = BatchRecord(Journal.create(tmp_path / "j.sqlite", "bad"), [])
        guarded = GuardedRecord(record)
        guarded.refuse("start")  # all is well
        disk.trouble = FAILS
        guarded.add_action(AT_US, "K. Lang", "note", "x", None, None)
        guarded.begin_commit()
        guarded.end_commit()
        for what in SAFE:
            guarded.refuse(what)
        for what in ("start", "resume", "shelve", "anything new"):
            with pytest.raises(
                Refused, match=rf"{what} is not possible while nothing is recorded .*possible: stop, abort"
            ):
                guarded.refuse(what)
        record.journal.close()


def test_what_waits_is_limited_and_what_is_lost_by_that_is_said(tmp_path, monkeypatch):
    monkeypatch.setattr(guarded_record, "WAITING_MAX", 5)
    with bad_disk() as disk:
        record = BatchRecord(Journal.create(tmp_path / "j.sqlite", "bad"), [])
        guarded = GuardedRecord(record)
        disk.trouble = TROUBLES[0]
        for i in range(9):
            guarded.add_action(AT_US + i, "K. Lang", "note", str(i), None, None)
            if i == 0:
                guarded.begin_commit()
                guarded.end_commit()
        disk.trouble = ""
        assert guarded.recover(AT_US + 10)
        found = actions(record)
        assert [why for what, why in found if what == "note"] == [str(i) for i in range(6)]
        assert found[-1][0] == BEGUN_AGAIN and "3 rows of people and alarms are lost" in found[-1][1]
        record.journal.close()
