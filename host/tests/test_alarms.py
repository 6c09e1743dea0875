"""Alarms: nothing that asks for a person is lost, and nothing that a person said is forgotten."""

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from host.tests.test_record_batch import LINE
from spinline.errors import Refused
from spinline.line.alarm_points import AlarmPoints, NodeSeen
from spinline.line.alarm_table import definitions
from spinline.line.alarms import CALLS, FLOOD_WINDOW_US, SECOND_US, Alarms
from spinline.line.event_names import OF_INPUTS, OF_INTERLOCKS, OF_LOOPS, OF_OUTPUTS
from spinline_protocol.quantities import BAD, UNCERTAIN
from spinline_protocol.states import EVENTS, EXECUTE, FLAG_ALARM, HELD

S = SECOND_US
VAPOUR, FEEDER, SENSOR = definitions()["I2"], definitions()["I15"], definitions()["SENSOR_MAINTENANCE"]


class Desk:
    """Alarms stepped once a second; ``standing`` is what stands now."""

    def __init__(self) -> None:
        self.alarms, self.standing, self.now_us, self.changes = Alarms(), {}, 0, []

    def raise_(self, name, definition):
        self.standing[name] = (definition, self.now_us)

    def seconds(self, count, state="RUNNING"):
        for _ in range(count):
            self.changes += self.alarms.scan(self.standing, state, self.now_us)
            self.now_us += S

    def state(self, name):
        return self.alarms.points[name].state


@pytest.fixture
def desk() -> Desk:
    return Desk()


def test_an_alarm_is_raised_acknowledged_and_returns(desk):
    desk.raise_("melt.RESIN", FEEDER)
    desk.seconds(1)
    assert desk.state("melt.RESIN") == "unacknowledged"
    desk.alarms.acknowledge("melt.RESIN", "K. Lang", desk.now_us)
    assert desk.state("melt.RESIN") == "acknowledged"
    desk.standing.clear()
    desk.seconds(4)
    assert desk.state("melt.RESIN") == "acknowledged"  # its off delay is 5 s
    desk.seconds(3)
    assert desk.state("melt.RESIN") == "normal"


def test_an_alarm_that_went_before_anybody_saw_it_still_calls(desk):
    desk.raise_("melt.RESIN", FEEDER)
    desk.seconds(1)
    desk.standing.clear()
    desk.seconds(10)
    assert desk.state("melt.RESIN") == "returned"
    desk.alarms.acknowledge("melt.RESIN", "K. Lang", desk.now_us)
    assert desk.state("melt.RESIN") == "normal"


def test_a_latched_alarm_stays_until_a_person_resets_it(desk):
    desk.raise_("bath.solvent vapour", VAPOUR)
    desk.seconds(1)
    with pytest.raises(Refused, match="only a latched alarm is reset"):
        desk.alarms.reset("bath.solvent vapour", "K. Lang", desk.now_us)
    desk.alarms.acknowledge("bath.solvent vapour", "K. Lang", desk.now_us)
    desk.standing.clear()
    desk.seconds(10)
    assert desk.state("bath.solvent vapour") == "latched"
    desk.alarms.reset("bath.solvent vapour", "K. Lang", desk.now_us)
    assert desk.state("bath.solvent vapour") == "normal"


def test_priority_one_cannot_be_shelved_and_a_shelf_needs_a_reason_and_an_end(desk):
    desk.raise_("bath.solvent vapour", VAPOUR)
    desk.raise_("melt.RESIN", FEEDER)
    desk.seconds(1)
    with pytest.raises(Refused, match="priority 1"):
        desk.alarms.shelve("bath.solvent vapour", 60, "K. Lang", "known", desk.now_us)
    with pytest.raises(Refused, match="1 to 28800"):
        desk.alarms.shelve("melt.RESIN", 86400, "K. Lang", "known", desk.now_us)
    with pytest.raises(Refused, match="reason"):
        desk.alarms.shelve("melt.RESIN", 60, "K. Lang", " ", desk.now_us)


def test_a_shelf_expires_and_that_is_a_row_of_the_record(desk):
    desk.raise_("melt.RESIN", FEEDER)
    desk.seconds(1)
    shelved = desk.alarms.shelve("melt.RESIN", 30, "K. Lang", "scale is cleaned", desk.now_us)
    assert [(change.state, change.who, change.why) for change in shelved] == [
        ("shelved", "K. Lang", "scale is cleaned")
    ]
    desk.seconds(32)
    assert (desk.changes[-1].state, desk.changes[-1].why) == ("unacknowledged", "the shelf time is over")


def test_a_suppressed_alarm_is_in_the_record_and_calls_when_its_state_is_over(desk):
    slip = definitions()["I22"]
    desk.raise_("draw.fiber slips on godet 2", slip)
    desk.seconds(2, "THREADING")
    assert desk.state("draw.fiber slips on godet 2") == "suppressed"
    assert not desk.changes[-1].first_out  # it called nobody
    desk.seconds(1, "RUNNING")
    assert desk.state("draw.fiber slips on godet 2") == "unacknowledged"


def test_what_came_and_went_while_it_was_suppressed_calls_nobody_later(desk):
    desk.raise_("draw.fiber slips on godet 2", definitions()["I22"])
    desk.seconds(2, "THREADING")
    desk.standing.clear()
    desk.seconds(10, "THREADING")
    desk.seconds(2, "RUNNING")
    assert desk.state("draw.fiber slips on godet 2") == "normal"


def test_out_of_service_is_a_person_s_with_a_reason_and_ends_by_one(desk):
    desk.raise_("draw.G1 SENSOR_MAINTENANCE", SENSOR)
    desk.seconds(1)
    desk.alarms.set_service("draw.G1 SENSOR_MAINTENANCE", False, "K. Lang", "encoder is replaced", desk.now_us)
    desk.seconds(100)
    assert desk.state("draw.G1 SENSOR_MAINTENANCE") == "out of service"
    desk.alarms.set_service("draw.G1 SENSOR_MAINTENANCE", True, "K. Lang", "replaced", desk.now_us)
    assert desk.state("draw.G1 SENSOR_MAINTENANCE") == "unacknowledged"


def test_the_first_of_a_trip_is_told_even_when_all_come_in_one_scan(desk):
    desk.now_us = 100
    desk.standing = {"c": (FEEDER, 30), "a": (FEEDER, 20), "b": (FEEDER, 10)}
    desk.seconds(1)
    assert [change.point for change in desk.changes if change.first_out] == ["b"]
    assert desk.alarms.figures().first_out == "b"


def test_more_than_ten_in_ten_minutes_is_a_flood_until_fewer_than_five(desk):
    for i in range(11):
        desk.raise_(f"p{i}", FEEDER)
        desk.seconds(30)
    assert desk.alarms.figures().is_flood
    desk.seconds(FLOOD_WINDOW_US // S - 4 * 30)
    assert not desk.alarms.figures().is_flood
    assert desk.alarms.figures().raised_n < 5


def test_an_alarm_that_comes_three_times_in_a_minute_chatters(desk):
    for _ in range(3):
        desk.raise_("melt.RESIN", FEEDER)
        desk.seconds(2)
        desk.standing.clear()
        desk.seconds(7)
    assert desk.alarms.figures().chattering == ("melt.RESIN",)


def test_nobody_can_act_on_an_alarm_that_is_not_there(desk):
    for act in (desk.alarms.acknowledge, desk.alarms.reset, desk.alarms.unshelve):
        with pytest.raises(Refused, match="there is no alarm 'x'"):
            act("x", "K. Lang", 0)


NAMES = st.sampled_from(["a", "b", "c"])


class AnyCourse(RuleBasedStateMachine):
    """Whatever stands, goes, is seen, shelved or suppressed: what was not seen is never lost."""

    def __init__(self) -> None:
        super().__init__()
        self.desk = Desk()
        self.kinds = {"a": VAPOUR, "b": FEEDER, "c": SENSOR}
        self.unseen: set[str] = set()

    @rule(name=NAMES)
    def stands(self, name):
        self.desk.standing.setdefault(name, (self.kinds[name], self.desk.now_us))
        self.desk.seconds(1)
        if self.desk.alarms.points[name].active and not self.desk.alarms.points[name].acknowledged:
            self.unseen.add(name)

    @rule(name=NAMES)
    def goes(self, name):
        self.desk.standing.pop(name, None)
        self.desk.seconds(1)

    @rule(seconds=st.integers(1, 40))
    def time_passes(self, seconds):
        self.desk.seconds(seconds)

    @precondition(lambda self: self.desk.alarms.points)
    @rule(name=NAMES)
    def somebody_sees(self, name):
        try:
            self.desk.alarms.acknowledge(name, "K. Lang", self.desk.now_us)
            self.unseen.discard(name)
        except Refused:
            assert name not in self.unseen

    @rule(name=NAMES, seconds=st.integers(1, 60))
    def somebody_shelves(self, name, seconds):
        try:
            self.desk.alarms.shelve(name, seconds, "K. Lang", "known", self.desk.now_us)
        except Refused:
            pass

    @invariant()
    def what_was_not_seen_calls_or_lies_on_the_shelf(self):
        for name in self.unseen:
            assert self.desk.alarms.points[name].state in (*CALLS, "shelved")

    @invariant()
    def the_record_alone_says_how_every_alarm_stands(self):
        told = {}
        for change in self.desk.changes:
            told[change.point] = change.state
        for name, point in self.desk.alarms.points.items():
            if point.state != "shelved" and told.get(name) not in (None, "shelved"):
                assert point.state in (*CALLS, "normal", "suppressed", "out of service")
            assert point.definition.priority != 1 or point.state != "shelved"


TestAnyCourse = AnyCourse.TestCase


@pytest.fixture
def points() -> AlarmPoints:
    return AlarmPoints(LINE)


def nothing(tag):
    return None


def scanned(points, flags=FLAG_ALARM, answers=True, state="RUNNING", number=nothing, quality=nothing):
    nodes = {name: NodeSeen(answers, flags) for name in ("melt", "bath", "draw")}
    return set(points.scan(nodes, state, number, quality, 7))


def test_every_interlock_and_every_event_that_asks_for_a_person_has_a_definition():
    rows = {row.row for node in LINE.node for row in node.interlock}
    assert rows <= definitions().keys()
    quiet = {"NONE", "STATE_CHANGED", "CONFIGURED", "SETPOINT_CHANGED", "TUNE_BEGAN", "TUNE_ENDED", "OUTPUT_PULSED"}
    quiet |= {"SENSOR_RETURNED", "LEASE_RENEWED", "INTERLOCK_TRIPPED", "INTERLOCK_CLEARED", "MONITOR_CLEARED"}
    assert set(EVENTS) - quiet <= definitions().keys()
    assert {*OF_INPUTS, *OF_LOOPS, *OF_INTERLOCKS, *OF_OUTPUTS} <= set(EVENTS)


def test_an_interlock_stands_from_its_trip_to_its_end_with_the_priority_of_the_line_file(points):
    names = [row.name for row in LINE.node[0].interlock]
    points.event("melt", EVENTS.index("INTERLOCK_TRIPPED"), names.index("die pressure near its limit"), 5)
    nodes = {"melt": NodeSeen(True, FLAG_ALARM)}
    found = points.scan(nodes, "RUNNING", nothing, nothing, 7)
    definition, since_us = found["melt.die pressure near its limit"]
    assert (definition.priority, since_us) == (2, 5)
    points.event("melt", EVENTS.index("INTERLOCK_CLEARED"), names.index("die pressure near its limit"), 9)
    assert scanned(points) == set()


def test_a_sensor_stands_until_it_returns_and_a_failed_loop_until_the_node_is_reset(points):
    points.event("melt", EVENTS.index("SENSOR_FAULT"), 2, 5)
    points.event("melt", EVENTS.index("LOOP_FAILED"), 2, 5)
    assert scanned(points) == {"melt.Z3 SENSOR_FAULT", "melt.Z3 LOOP_FAILED"}
    assert scanned(points, quality=lambda tag: BAD) == {"melt.Z3 SENSOR_FAULT", "melt.Z3 LOOP_FAILED"}
    assert scanned(points, quality=lambda tag: UNCERTAIN) == {"melt.Z3 LOOP_FAILED"}
    assert scanned(points, flags=0) == set()


def test_an_output_at_fault_stands_until_its_node_runs_again(points):
    points.event("draw", EVENTS.index("OUTPUT_FAULT"), 0, 5)
    name = f"draw.{LINE.node[2].output[0].name} OUTPUT_FAULT"
    for state, standing in ((EXECUTE, {name}), (HELD, {name}), (EXECUTE, set())):
        nodes = {"draw": NodeSeen(True, 0, state)}
        assert set(points.scan(nodes, "RUNNING", nothing, nothing, 7)) == standing


def test_a_restart_is_told_once_and_ends_what_the_node_had_told_before(points):
    points.event("draw", EVENTS.index("SENSOR_FAULT"), 0, 5)
    points.event("draw", EVENTS.index("BOOT"), 1, 6)
    assert scanned(points) == {"draw BOOT"}
    assert scanned(points) == set()


def test_a_node_that_does_not_answer_is_an_alarm_while_the_line_runs_only(points):
    assert scanned(points, answers=False) == {"melt LINK_LOST", "bath LINK_LOST", "draw LINK_LOST"}
    assert scanned(points, answers=False, state="IDLE") == set()


def test_a_number_returns_only_by_its_deadband_and_stays_while_it_is_not_known(points):
    def at(number):
        return lambda tag: number if tag == "melt.PDIE.pv" else None

    assert scanned(points, number=at(8001.0)) == {"melt.PDIE.pv DIE_PRESSURE"}
    assert scanned(points, number=at(7900.0)) == {"melt.PDIE.pv DIE_PRESSURE"}
    assert scanned(points, number=at(None)) == {"melt.PDIE.pv DIE_PRESSURE"}
    assert scanned(points, number=at(7799.0)) == set()


def test_a_supervisor_that_comes_back_finds_every_alarm_as_it_was_left(desk, points):
    names = [row.name for row in LINE.node[0].interlock]
    rows = {"melt.RESIN off its setpoint": "acknowledged", "melt.Z3 SENSOR_FAULT": "unacknowledged"}
    rows |= {"draw LINK_LOST": "returned", "bath.solvent vapour": "latched", "melt.Z1 LOOP_FAILED": "normal"}
    for name, state in rows.items():
        definition = points.definition_of(name)
        assert definition is not None
        if desk.alarms.restore(name, definition, state, 0):
            points.restore(name, 0)
    desk.standing = points.scan({"melt": NodeSeen(True, FLAG_ALARM)}, "RUNNING", nothing, nothing, 5)
    desk.seconds(1)
    assert {name: desk.state(name) for name in rows} == rows and desk.changes == []
    points.event("melt", EVENTS.index("INTERLOCK_CLEARED"), names.index("RESIN off its setpoint"), 9)
    desk.standing = points.scan({"melt": NodeSeen(True, FLAG_ALARM)}, "RUNNING", nothing, nothing, 9)
    desk.seconds(10)
    assert desk.state("melt.RESIN off its setpoint") == "normal"


def test_what_lay_on_the_shelf_of_a_supervisor_that_is_gone_calls_again(desk, points):
    name = "melt.RESIN off its setpoint"
    desk.alarms.restore(name, points.definition_of(name), "shelved", 0)
    points.restore(name, 0)
    desk.standing = points.scan({}, "RUNNING", nothing, nothing, 5)
    desk.seconds(1)
    assert desk.state(name) == "unacknowledged"


def test_an_alarm_of_a_line_file_of_before_is_left_out(points):
    assert points.definition_of("melt.no such interlock") is None
