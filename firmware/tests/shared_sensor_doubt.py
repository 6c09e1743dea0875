"""Doubt: a current at the edge of NE 43, a raw number that stands, a partner that disagrees, a check in progress."""

from plain import Chance
from rows import input_row, interlock_row, loop_row, node_row, output_row, whole_set
from shared_scan import Chips, Contact

from spinline_firmware.control.image import INPUT_WORDS, QUALITY, new_image
from spinline_firmware.control.sensors import STANDS_STILL, Sensors
from spinline_firmware.scan import Scan
from spinline_protocol import states
from spinline_protocol.configuration import ANALOG, COUNTER, OF_INPUT
from spinline_protocol.quantities import BAD, CHECK, GOOD, QUALITIES, TEMPERATURE, UNCERTAIN, quality_rank
from spinline_protocol.states import EVT_SENSOR_MAINTENANCE

# 150 ohm and 125 uV: 3.6, 3.8, 4, 20.5 and 21 mA
FAIL_LOW, WARN_LOW, ZERO, WARN_HIGH, FAIL_HIGH = 4320, 4560, 4800, 24600, 25200
EDGES = {"kind": ANALOG, "zero": ZERO, "raw_low": FAIL_LOW, "raw_high": FAIL_HIGH}
EDGES.update({"warn_low": WARN_LOW, "warn_high": WARN_HIGH})


class Board:
    """Inputs that say what they are told, a scan at a time."""

    def __init__(self, *rows):
        self.image = new_image()
        self.events = []
        self.sensors = Sensors(list(rows), self.image)

    def note(self, code, source, got, limit):
        assert code == EVT_SENSOR_MAINTENANCE
        self.events.append((source, got, limit))

    def scan(self, *raws, failed=()):
        for i in range(len(raws)):
            self.sensors.take(i, raws[i], 1 if i in failed else 0)
        self.sensors.doubt(self.note)
        return self.qualities()

    def qualities(self):
        return [self.image[INPUT_WORDS * i + QUALITY] for i in range(len(self.sensors.rows))]

    def pv(self, i=0):
        return self.image[INPUT_WORDS * i]


def expected_of_current(raw):
    if raw < FAIL_LOW or raw > FAIL_HIGH:
        return BAD
    return UNCERTAIN if raw < WARN_LOW or raw > WARN_HIGH else GOOD


def test_every_code_around_every_boundary_of_ne_43_has_its_quality_and_is_used_unless_it_failed():
    raws = [0, -1, 32767, -32768, 12000]
    for edge in (FAIL_LOW, WARN_LOW, WARN_HIGH, FAIL_HIGH):
        raws += [edge + away for away in range(-3, 4)]
    for raw in raws:
        board = Board(input_row(scale_m=2, offset=-7, **EDGES))
        quality = expected_of_current(raw)
        assert board.scan(raw) == [quality]
        assert board.pv() == (-7 if quality == BAD else -7 + 2 * (raw - ZERO))


def test_any_current_after_any_other_is_judged_by_itself_unless_a_failure_came_before():
    chance = Chance(5)
    board = Board(input_row(**EDGES))
    clean = 8
    for _ in range(4000):
        raw = (chance.between(4200, 4700), chance.between(24500, 25300), chance.between(4600, 24600))[chance.below(3)]
        expected = expected_of_current(raw)
        clean = 0 if expected == BAD else clean + 1
        assert board.scan(raw) == [expected if clean >= 8 else BAD]


def test_a_raw_number_that_stands_is_doubted_after_a_third_of_its_time_and_bad_at_its_end():
    for most in (1, 2, 3, 4, 29, 30, 31, 120):
        board = Board(input_row(frozen_scans=most))
        assert board.scan(500) == [GOOD]
        for scan in range(1, most + 5):
            expected = BAD if scan >= most else UNCERTAIN if 3 * scan >= most else GOOD
            assert board.scan(500) == [expected], (most, scan)
            assert board.pv() == 500
        assert board.events == [(0, 500, STANDS_STILL)]


def test_a_raw_number_that_moves_by_one_count_just_in_time_is_never_doubted():
    board = Board(input_row(frozen_scans=30))
    raw = 500
    for _ in range(50):
        raw = 1001 - raw
        for _ in range(10):
            assert board.scan(raw) == [GOOD]
    assert board.events == []


def test_a_frozen_input_that_moves_again_is_good_after_eight_scans_and_may_freeze_again():
    board = Board(input_row(frozen_scans=9))
    for _ in range(20):
        board.scan(7)
    assert [board.scan(10 + scan) for scan in range(9)] == [[BAD]] * 7 + [[GOOD]] * 2
    assert [board.scan(18) for _ in range(9)] == [[GOOD]] * 2 + [[UNCERTAIN]] * 6 + [[BAD]]
    assert board.events == [(0, 7, STANDS_STILL), (0, 18, STANDS_STILL)]


def test_an_input_that_is_not_watched_may_stand_for_ever():
    board = Board(input_row(), input_row(kind=COUNTER))
    assert not board.sensors.doubts
    for _ in range(1000):
        assert board.scan(7, 7) == [GOOD, GOOD]


def test_other_limits_take_effect_at_once_and_the_count_goes_on():
    board = Board(input_row(frozen_scans=100))
    for _ in range(11):
        board.scan(7)
    board.sensors.retune([input_row(frozen_scans=10)])
    assert board.scan(7) == [BAD]
    board.sensors.retune([input_row(frozen_scans=0)])
    assert not board.sensors.doubts


def pair(limit=100, scans=20, **named):
    return Board(input_row(partner=1, partner_limit=limit, partner_scans=scans, **named), input_row())


def test_two_that_disagree_are_both_doubted_at_once_and_both_bad_after_the_delay():
    for scans in (0, 1, 7, 20):
        for sign in (1, -1):
            board = pair(scans=scans)
            assert board.scan(1000, 1000 + 100 * sign) == [GOOD, GOOD]
            for scan in range(scans + 5):
                expected = UNCERTAIN if scan < scans else BAD
                assert board.scan(1000, 1000 + 101 * sign) == [expected, expected], (scans, scan)
            assert board.events == [(0, 101, 100)]


def test_two_that_agree_again_in_time_are_good_again_and_the_delay_begins_anew():
    board = pair()
    for _ in range(3):
        assert [board.scan(0, 500) for _ in range(20)] == [[UNCERTAIN] * 2] * 20
        assert board.scan(0, 50) == [GOOD, GOOD]
    assert len(board.events) == 1, "one event, not one for each time"


def test_a_disagreement_after_as_long_an_agreement_is_an_event_again():
    board = pair()
    board.scan(0, 500)
    for _ in range(21):
        board.scan(0, 0)
    board.scan(0, 400)
    assert board.events == [(0, 500, 100), (0, 400, 100)]


def test_two_that_were_bad_come_back_together_after_eight_scans_of_agreement():
    board = pair(scans=2)
    for _ in range(30):
        board.scan(0, 500)
    assert [board.scan(0, 99) for _ in range(8)] == [[BAD, BAD]] * 7 + [[GOOD, GOOD]]


def test_a_partner_that_failed_by_itself_says_nothing_of_the_other():
    board = pair(scans=2)
    board.scan(0, 0)
    for _ in range(20):
        assert board.scan(0, 5000, failed=(1,)) == [GOOD, BAD]


def test_a_failure_does_not_acquit_those_that_disagreed():
    board = pair(scans=5)
    board.scan(0, 500)
    for _ in range(20):
        assert board.scan(0, 500, failed=(1,)) == [UNCERTAIN, BAD]


def test_doubt_only_worsens_a_quality_and_never_changes_a_number():
    chance = Chance(31)
    for _ in range(40):
        named = {"low": -800, "high": 800, "scale_m": 3, "scale_s": 1, "raw_low": -900}
        watched = {"frozen_scans": chance.below(6), "warn_low": -300, "warn_high": 400}
        paired = {"partner": 1 - chance.below(2) * 2, "partner_limit": 300, "partner_scans": chance.below(5)}
        board = Board(input_row(**watched, **paired, **named), input_row(**watched, **named))
        plain = Board(input_row(**named), input_row(**named))
        for _ in range(120):
            raws = [100 * chance.between(-10, 10), 100 * chance.between(-6, 6)]
            failed = (0,) if chance.below(20) == 0 else ()
            doubted, believed = board.scan(*raws, failed=failed), plain.scan(*raws, failed=failed)
            for i in range(2):
                assert believed[i] <= doubted[i] <= BAD and board.pv(i) == plain.pv(i)


def test_a_check_shows_over_doubt_and_never_over_a_failure_and_ends_with_the_next_scan():
    board = Board(input_row(**EDGES))
    for raw, shown in ((ZERO, CHECK), (FAIL_LOW, CHECK), (0, BAD)):
        board.scan(raw)
        board.sensors.check(0)
        assert board.qualities() == [shown]
    board = Board(input_row())
    board.scan(1)
    board.sensors.check(0)
    assert board.scan(2) == [GOOD]


def test_the_order_of_qualities_and_their_letters_are_those_of_the_table():
    assert [row[0] for row in QUALITIES] == [0, 1, 2, 3] and [row[2] for row in QUALITIES] == ["", "S", "F", "C"]
    ranks = [quality_rank(quality) for quality in (GOOD, UNCERTAIN, CHECK, BAD)]
    assert ranks == [0, 1, 2, 3]


def heated(frozen_scans):
    """A node with one heated zone whose sensor is watched."""
    rows = whole_set(
        [node_row(hold_max_s=60)],
        [input_row(frozen_scans=frozen_scans)],
        [loop_row(setpoint=200000, auto_states=1 << states.STARTING | 1 << states.EXECUTE | 1 << states.HOLDING)],
        [output_row(kind=1, loop=0)],
        [interlock_row(limit=400000)],
        [(OF_INPUT, 0, TEMPERATURE, 1)],
    )
    chips, events = Chips(1), []
    chips.raw[0] = 1000
    node = Scan(rows, new_image(), bytearray(32768), chips, Contact(1), Contact(1), lambda *event: events.append(event))
    node.scan(2000, 0)
    for command in (states.CMD_START, states.CMD_RUN):
        assert node.command(command) == 0
        chips.raw[0] += 1
        node.scan(2000, 0)
    return node, chips, events


def test_a_frozen_sensor_of_a_loop_zeroes_its_output_in_the_scan_that_finds_it_and_the_node_holds():
    node, _chips, events = heated(30)
    for scan in range(1, 31):
        assert node.outputs.level[0] > 0 and node.state == states.EXECUTE, scan
        node.scan(2000, 0)
    assert node.outputs.level[0] == 0 and node.state in (states.HOLDING, states.HELD)
    assert [event[0] for event in events[-4:]].count(states.EVT_SENSOR_FAULT) == 1
    assert [event[:2] for event in events].count((EVT_SENSOR_MAINTENANCE, 0)) == 1


def test_scans_of_an_experiment_are_recorded_as_a_check_and_the_experiment_sees_a_good_sensor():
    node, chips, _events = heated(0)
    chips.raw[0] = 200000
    for _ in range(12):
        node.scan(2000, 0)
    assert node.begin_tune([0, 1, 2, 40000, 199000, 201000, 190000, 210000, 5, 9, 200])[0] == 0
    for _ in range(20):
        node.scan(2000, 0)
        assert node.loops.tune.loop == 0 and node._image[QUALITY] == CHECK
    assert quality_of_record(node) == CHECK
    node.loops.tune.stop()
    node.scan(2000, 0)
    assert quality_of_record(node) == GOOD


def quality_of_record(node):
    return node.recorder.read(node.recorder.next_scan - 1, 1)[-1]


def test_a_sensor_that_toggles_its_last_bit_heats_on():
    node, chips, _events = heated(30)
    for scan in range(200):
        chips.raw[0] = 1000 + scan % 2
        node.scan(2000, 0)
    assert node.state == states.EXECUTE and node.outputs.level[0] > 0
