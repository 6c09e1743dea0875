"""What people ask of a line is done in the next scan, whole or not at all, with who and why."""

import pytest

from spinline.errors import Refused
from spinline.line.alarm_table import definitions
from spinline.line.alarms import Alarms
from spinline.line.batch import TRANSITIONS, Batch
from spinline.line.desk import OF_BATCH, Command, Desk, possible

STATES = sorted({state for state, _cause in TRANSITIONS} | set(TRANSITIONS.values()))


class Asked:
    def __init__(self, state: str = "IDLE") -> None:
        self.batch, self.alarms, self.started_n = Batch(60.0, 60.0, state), Alarms(), 0
        self.desk = Desk(self.batch, self.alarms, self._start)

    def _start(self) -> None:
        self.started_n += 1

    def do(self, what, who="K. Lang", why="shift", **of):
        return self.desk.do(Command(what, who, why, **of), 0)


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("what", OF_BATCH)
def test_a_command_does_what_the_table_says_or_is_refused_with_what_is_possible(state, what):
    asked = Asked(state)
    if (state, what) in TRANSITIONS:
        done = asked.do(what)
        if what == "start":
            assert asked.started_n == 1 and asked.batch.state == state  # it begins when every node is ready
        else:
            assert (done.before, done.after) == (state, TRANSITIONS[state, what])
    else:
        with pytest.raises(Refused, match=f"{what} is not possible in {state}") as refusal:
            asked.do(what)
        assert all(word in str(refusal.value) for word in possible(state))
        assert asked.batch.state == state and asked.started_n == 0


def test_only_a_person_leads_a_batch_back_into_production():
    causes = {cause for (_state, cause), following in TRANSITIONS.items() if following == "RESTARTING"}
    assert causes == {"resume"} and "resume" in OF_BATCH


def test_a_command_without_a_person_is_refused():
    with pytest.raises(Refused, match="needs the name of the person"):
        Asked("RUNNING").do("hold", who=" ")


def test_a_word_that_nobody_knows_is_refused_with_those_that_are():
    with pytest.raises(Refused, match=r"nobody knows 'pause' \(possible: start, hold"):
        Asked("RUNNING").do("pause")


def test_a_note_needs_words_and_changes_nothing():
    asked = Asked("RUNNING")
    assert asked.do("note", why="roll 7 changed") == asked.do("note", why="roll 8 changed")
    with pytest.raises(Refused, match="a note needs words"):
        asked.do("note", why="")


def test_a_command_about_an_alarm_tells_how_it_stood_before_and_after():
    asked = Asked("RUNNING")
    asked.alarms.scan({"melt.RESIN": (definitions()["I15"], 0)}, "RUNNING", 0)
    done = asked.do("acknowledge", point="melt.RESIN")
    assert (done.before, done.after) == ("melt.RESIN unacknowledged", "melt.RESIN acknowledged")
    assert [(change.state, change.who) for change in done.changes] == [("acknowledged", "K. Lang")]
    shelved = asked.do("shelve", why="scale is cleaned", point="melt.RESIN", seconds=60)
    assert shelved.after == "melt.RESIN shelved"
    with pytest.raises(Refused, match="there is no alarm 'melt.X'"):
        asked.do("acknowledge", point="melt.X")
