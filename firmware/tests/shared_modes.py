"""Modes that a person sets, cascade, gain sets, programs that show their state: no output jumps (control/loops.py)."""

from plain import Chance
from rows import gains_row, loop_row
from shared_loops import Rack

from spinline_firmware.control import pid
from spinline_firmware.control.gains import legal
from spinline_firmware.control.ratio import cascade_output, cascade_setpoint
from spinline_protocol.configuration import (
    CASCADE_LOOP,
    LOOP,
    MODE_AUTO,
    MODE_CASCADE,
    MODE_FAILED,
    MODE_MANUAL,
    MODE_OFF,
    MODE_RATIO,
    OUTPUT_KEPT,
    PROGRAM_FROZEN,
    PROGRAM_NONE,
    PROGRAM_RAMPING,
    PROGRAM_SOAKED,
    PROGRAM_SOAKING,
    PROGRAM_WAITING,
    RATIO_LOOP,
    field_index,
)
from spinline_protocol.errors import OK, RANGE, STATE
from spinline_protocol.quantities import BAD, GOOD
from spinline_protocol.states import EXECUTE, IDLE, STOPPING

IN_EXECUTE = 1 << EXECUTE
GENTLE = {"mp": 200, "sp": 10, "mi": 1, "si": 12, "md": 60, "sd": 6, "kd": 2, "auto_states": IN_EXECUTE}
CASCADE = {"kind": CASCADE_LOOP, "input": 1, "master": 0, "setpoint_low": 1000, "setpoint_high": 60000}


def cascade(outer=None, **inner):
    """An outer loop and its inner one, EXECUTE, both measured."""
    words = dict(GENTLE, setpoint=30000)
    words.update(outer or {})
    named = dict(GENTLE, **CASCADE)
    named.update(inner)
    rack = Rack(loop_row(**words), loop_row(**named))
    rack.measure(0, 29000)
    rack.measure(1, 20000)
    rack.loops.enter(EXECUTE)
    for _ in range(30):
        rack.scan()
    return rack


def single_mode(rack, loop=0):
    return rack.word(pid.SHOWN, loop) & 7


KINDS = (
    ({}, MODE_AUTO),
    ({"kind": RATIO_LOOP, "master": 2, "ratio_q12": 4000}, MODE_RATIO),
    (CASCADE, MODE_CASCADE),
)


def in_mode(kind, mode, chance):
    """A rack whose second loop is of this kind and runs in this mode, away from its setpoint by chance."""
    named = dict(GENTLE, setpoint=30000, input=1, **{"b_256": chance.below(257), "kz": 3 + chance.below(6)})
    named.update(kind)
    rack = Rack(loop_row(**dict(GENTLE, setpoint=30000)), loop_row(**named))
    rack.measure(0, 29990)
    rack.measure(1, 30000 - chance.below(300))
    rack.measure(2, 30000)
    rack.loops.enter(EXECUTE)
    for through in (MODE_MANUAL, mode):
        assert rack.loops.change_mode(1, through, 20000 if through == MODE_MANUAL else 0)[0] == OK
        for _ in range(15):
            rack.scan()
    return rack


def test_every_change_of_mode_by_a_person_moves_the_output_by_two_counts_at_most():
    chance = Chance(44)
    pairs = 0
    for kind, own in KINDS:
        modes = {MODE_MANUAL, MODE_AUTO, own}
        for before in modes:
            for after in modes - {before}:
                pairs += 1
                for _ in range(4):
                    rack = in_mode(kind, before, chance)
                    was = rack.word(pid.OUTPUT, 1)
                    assert rack.loops.change_mode(1, after, OUTPUT_KEPT) == (OK, 0, 0)
                    rack.scan()
                    assert abs(rack.word(pid.OUTPUT, 1) - was) <= 2, (own, before, after)
                    assert single_mode(rack, 1) == after
    assert pairs == 2 + 6 + 6


def test_the_mode_that_holds_already_changes_nothing_at_all():
    for kind, own in KINDS:
        for mode in (MODE_MANUAL, MODE_AUTO, own):
            asked, alone = in_mode(kind, mode, Chance(46)), in_mode(kind, mode, Chance(46))
            for _ in range(5):
                assert asked.loops.change_mode(1, mode, OUTPUT_KEPT) == (OK, 0, 0)
                asked.scan()
                alone.scan()
                assert list(asked.image) == list(alone.image), (own, mode)


def test_off_is_output_zero_at_once_and_back_from_it_the_output_begins_at_zero():
    rack = Rack(loop_row(setpoint=30000, **GENTLE))
    rack.measure(0, 29000)
    rack.loops.enter(EXECUTE)
    for _ in range(20):
        rack.scan()
    assert rack.loops.change_mode(0, MODE_OFF, 0)[0] == OK
    rack.scan()
    assert rack.word(pid.OUTPUT) == 0 and single_mode(rack) == MODE_OFF
    assert rack.loops.change_mode(0, MODE_AUTO, 0)[0] == OK
    rack.scan()
    assert abs(rack.word(pid.OUTPUT)) <= 2


def test_a_mode_is_refused_where_it_cannot_be():
    rack = Rack(loop_row(**GENTLE))
    assert rack.loops.change_mode(0, MODE_MANUAL, 0)[0] == STATE  # the node is not in a state of this loop
    rack.loops.enter(EXECUTE)
    for mode in (MODE_CASCADE, MODE_RATIO, 5, MODE_FAILED, 255):
        assert rack.loops.change_mode(0, mode, 0) == (RANGE, mode, MODE_AUTO)
    assert rack.loops.change_mode(0, MODE_MANUAL, 65537) == (RANGE, 65537, 65536)
    assert rack.loops.change_mode(0, MODE_MANUAL, -1) == (RANGE, -1, 0)
    rack.measure(0, 0, BAD)
    rack.scan()
    assert rack.loops.change_mode(0, MODE_MANUAL, 0) == (STATE, MODE_FAILED, 0)
    assert single_mode(rack) == MODE_FAILED


def test_what_a_person_chose_ends_with_the_run():
    rack = Rack(loop_row(setpoint=1000, **dict(GENTLE, down_states=1 << STOPPING)))
    for between in (STOPPING, IDLE):
        rack.loops.enter(EXECUTE)
        rack.loops.change_mode(0, MODE_MANUAL, 30000)
        rack.scan()
        assert rack.word(pid.OUTPUT) == 30000
        rack.loops.enter(between)
        rack.scan()
        assert single_mode(rack) == (MODE_AUTO if between == STOPPING else MODE_OFF)
        rack.loops.enter(EXECUTE)
        rack.scan()
        assert single_mode(rack) == MODE_AUTO


def test_a_sensor_that_returns_lets_the_loop_begin_at_zero_after_a_reset():
    rack = Rack(loop_row(setpoint=30000, ramp_256=25600, **GENTLE))
    rack.measure(0, 29000)
    rack.loops.enter(EXECUTE)
    for _ in range(20):
        rack.scan()
    rack.measure(0, 0, BAD)
    rack.scan()
    assert single_mode(rack) == MODE_FAILED and rack.word(pid.OUTPUT) == 0
    rack.measure(0, 29000, GOOD)
    rack.scan()
    rack.loops.set_failed(0, 0)
    rack.scan()
    assert abs(rack.word(pid.OUTPUT)) <= 2 and abs(rack.word(pid.SETPOINT) - 29100) <= 100
    for _ in range(20):
        rack.scan()
    assert rack.word(pid.OUTPUT) > 100  # only the first scan was absorbed


def test_the_outer_output_is_the_inner_setpoint_and_back():
    for low, high in ((0, 250000), (-200000, 500000), (1000, 60000), (0, 1)):
        assert cascade_setpoint(0, low, high) == low and abs(cascade_setpoint(65536, low, high) - high) <= 1
        for setpoint in range(low, high + 1, max(1, (high - low) // 97)):
            output = cascade_output(setpoint, low, high)
            step = (high - low) // 65536 + 2
            assert 0 <= output <= 65536 and 0 <= setpoint - cascade_setpoint(output, low, high) <= step


def test_an_inner_loop_follows_the_output_of_its_outer_loop():
    rack = cascade()
    assert single_mode(rack, 0) == MODE_AUTO and single_mode(rack, 1) == MODE_CASCADE
    for _ in range(5):
        rack.scan()
        assert rack.word(pid.TARGET, 1) == cascade_setpoint(rack.word(pid.OUTPUT), 1000, 60000)


def test_an_outer_loop_does_not_wind_up_while_its_inner_loop_is_at_its_limit():
    for action in (1, -1):
        rack = cascade(
            {"setpoint": 200000, "action": action, "mi": 400}, action=action, out_high=65536, mp=4000, sp=6, mi=0
        )
        rack.measure(0, 0)
        rack.measure(1, 1500 if action > 0 else 59500)
        for _ in range(200):
            rack.scan()
        asked = rack.word(pid.OUTPUT)
        assert rack.word(pid.OUTPUT, 1) == 65536
        for _ in range(200):
            rack.scan()
        assert abs(rack.word(pid.OUTPUT) - asked) <= 1 and asked < 65536
        assert rack.loops.change_mode(1, MODE_AUTO, 0)[0] == OK  # released: the outer loop has its own limits again
        rack.scan()
        assert (rack.word(pid.OUT_LOW), rack.word(pid.OUT_HIGH)) == (0, 65536)


def test_a_hold_freezes_ramps_and_not_the_loops_that_follow_a_master():
    ratio = dict(GENTLE, kind=RATIO_LOOP, input=1, master=2, ratio_q12=8192)
    for named, own in ((ratio, MODE_RATIO), (dict(GENTLE, **CASCADE), MODE_CASCADE)):
        rack = Rack(loop_row(**dict(GENTLE, setpoint=30000, ramp_256=256)), loop_row(**named))
        for channel in range(3):
            rack.measure(channel, 10000)
        rack.loops.enter(EXECUTE)
        rack.scan()
        for before in (0, 1):  # the hold begins and goes on
            setpoint = rack.word(pid.SETPOINT)
            rack.measure(2, 11000 + before)
            rack.scan(1)
            assert rack.word(pid.SETPOINT) == setpoint
            followed = (
                cascade_setpoint(rack.word(pid.OUTPUT), 1000, 60000) if own == MODE_CASCADE else 22000 + 2 * before
            )
            assert rack.word(pid.TARGET, 1) == rack.word(pid.SETPOINT, 1) == followed
        assert rack.loops.change_mode(1, MODE_AUTO, 0)[0] == OK  # by itself it has a ramp of its own
        assert rack.word(pid.FREEZE, 1) == 1


def test_an_outer_loop_tracks_while_its_inner_loop_is_by_itself():
    rack = cascade()
    rack.loops.change_mode(1, MODE_AUTO, 0)
    assert rack.loops.change_setpoint(1, 40000, 0) == (0, 0)
    for _ in range(5):
        rack.scan()
    assert single_mode(rack, 0) == MODE_MANUAL
    assert abs(cascade_setpoint(rack.word(pid.OUTPUT), 1000, 60000) - 40000) <= 2
    rack.loops.change_mode(1, MODE_CASCADE, 0)
    rack.scan()
    assert single_mode(rack, 0) == MODE_AUTO and abs(rack.word(pid.TARGET, 1) - 40000) <= 20


def test_an_inner_loop_keeps_its_target_when_its_outer_loop_fails_and_takes_no_setpoint_of_its_own():
    rack = cascade()
    target = rack.word(pid.TARGET, 1)
    rack.measure(0, 0, BAD)
    for _ in range(5):
        rack.scan()
        assert abs(rack.word(pid.TARGET, 1) - target) <= 200 and single_mode(rack, 1) == MODE_CASCADE
    assert not rack.loops.takes_setpoint(1) and rack.loops.takes_setpoint(0)


def test_a_gain_set_is_taken_without_a_bump_and_left_below_its_hysteresis():
    chance = Chance(45)
    for _ in range(40):
        other = {
            "mp": chance.below(400),
            "md": chance.below(400),
            "sd": 6,
            "kd": chance.below(5),
            "b_256": chance.below(257),
        }
        sets = [gains_row(input=2, hysteresis=10, sp=10, mi=1, si=12, **dict(other, **{"from": 100}))]
        rack = Rack(loop_row(setpoint=30000, **GENTLE), gains=sets)
        rack.measure(0, 29800 + chance.below(300))
        rack.loops.enter(EXECUTE)
        taken = []
        for decides in (0, 99, 100, 91, 90, 89, 100):
            rack.measure(2, decides)
            for _ in range(12):
                was, gain = rack.word(pid.OUTPUT), rack.word(pid.MP)
                rack.scan()
                if rack.word(pid.MP) != gain:
                    assert abs(rack.word(pid.OUTPUT) - was) <= 2
            taken.append(rack.word(pid.MP) == other["mp"])
        assert taken == [False, False, True, True, True, False, True] or other["mp"] == 200


def test_sets_of_different_setpoint_weights_pile_up_no_lag_however_often_they_change():
    sets = [gains_row(mp=100, sp=10, b_256=0, kz=14, **{"from": 100000})]
    rack = Rack(loop_row(**dict(GENTLE, b_256=256, kz=14, setpoint=1000)), gains=sets)
    rack.loops.enter(EXECUTE)
    for i in range(60):
        assert rack.loops.change_setpoint(0, 200000 if i & 1 else 1000, 0) == (0, 0)
        for _ in range(3):
            rack.scan()
            assert abs(rack.word(pid.LAG)) <= 256 * 200000 + (1 << 14)


def test_four_sets_follow_the_working_setpoint_one_a_scan():
    sets = [gains_row(mp=10 * i, **{"from": 1000 * i}) for i in (1, 2, 3)]
    rack = Rack(loop_row(setpoint=5000, **GENTLE), gains=sets)
    rack.loops.enter(EXECUTE)
    seen = []
    for _ in range(5):
        rack.scan()
        seen.append(rack.word(pid.MP))
    assert seen == [200, 10, 20, 30, 30]


def test_a_program_says_what_it_does():
    rack = Rack(loop_row(setpoint=400, ramp_256=25600, holdback=150, soak_scans=2))
    rack.loops.enter(EXECUTE)
    seen = []
    for pv, frozen in ((0, 0), (0, 0), (0, 0), (200, 0), (300, 1), (300, 0), (100, 0), (400, 0), (400, 0), (400, 0)):
        rack.measure(0, pv)
        rack.scan(frozen)
        seen.append(rack.word(pid.SHOWN) >> 3)
    ramping, waiting = PROGRAM_RAMPING, PROGRAM_WAITING
    assert seen == [ramping, ramping, waiting, ramping, PROGRAM_FROZEN, ramping, waiting] + [
        PROGRAM_SOAKING,
        PROGRAM_SOAKING,
        PROGRAM_SOAKED,
    ]
    rack.loops.enter(IDLE)
    plain = Rack(loop_row())
    plain.scan()
    assert plain.word(pid.SHOWN) >> 3 == PROGRAM_NONE


def test_a_ramp_is_fed_forward_by_its_speed_in_both_directions_and_only_while_it_moves():
    calm = {"mp": 0, "mi": 0, "mt": 0}
    rack = Rack(loop_row(setpoint=1000, ramp_256=51200, ff_rate_m=2048, ff_rate_s=12, out_low=-65536, **calm))
    rack.loops.enter(EXECUTE)
    seen = []
    for target in (1000, -1000):
        rack.loops.change_setpoint(0, max(0, target), 0)
        for _ in range(8):
            rack.scan()
            seen.append(rack.word(pid.FEED_FORWARD))
    assert seen == [0] + [25600] * 4 + [0, 0, 0] + [0] + [-25600] * 4 + [0, 0, 0]


def test_a_loop_with_any_illegal_word_does_not_control():
    first, last = field_index(LOOP, "action"), field_index(LOOP, "out_rate")
    quiet = loop_row(setpoint=1000, out_low=-65536)
    bad = [(first, 0), (field_index(LOOP, "out_low"), 65536)]
    for field in range(first, last + 1):
        bad += [(field, LOOP[field][1] - 1), (field, LOOP[field][2] + 1)]
    for field, word in bad:
        row = quiet[:field] + (word,) + quiet[field + 1 :]
        assert not legal(row[first : last + 1])
        rack = Rack(row)
        rack.loops.enter(EXECUTE)
        rack.scan()
        assert single_mode(rack) == MODE_FAILED and rack.word(pid.OUTPUT) == 0 and rack.loops.failed[0]
    assert legal(quiet[first : last + 1])
