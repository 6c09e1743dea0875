"""Other numbers for a running node: nothing that runs is forgotten, and no output moves (SPEC 4.6)."""

from plain import Chance
from rows import input_row, interlock_row, loop_row, node_row, output_row, whole_set
from shared_scan import Chips, Contact

from spinline_firmware.control import pid
from spinline_firmware.control.image import loop_at, new_image
from spinline_firmware.scan import Scan
from spinline_protocol import states
from spinline_protocol.configuration import DAC, OF_INPUT, RATIO_LOOP, SSR, TABLES, field_index
from spinline_protocol.errors import OK, RANGE
from spinline_protocol.errors import STATE as WRONG_STATE

CONTROL = sum([1 << state for state in (1, 2, 3, 4, 9)])
RING = 16384


def changed(tables, table, row, **named):
    """The tables with some fields of one row replaced."""
    fields = TABLES[table][2]
    words = list(tables[table][row])
    for name in named:
        words[field_index(fields, name)] = named[name]
    rows = list(tables[table])
    rows[row] = tuple(words)
    return [rows if i == table else tables[i] for i in range(len(tables))]


class Line:
    """A node of three loops in EXECUTE: a zone on a relay, a drive, and its slave by ratio with feed-forward."""

    def __init__(self) -> None:
        gentle = {"auto_states": CONTROL, "mp": 20, "mi": 40, "si": 12, "md": 30, "sd": 6, "kd": 2}
        loops = [
            loop_row(setpoint=1000, ramp_256=512, **gentle),
            loop_row(input=1, setpoint=5000, ff_loop=0, ff_m=100, ff_s=4, **gentle),
            loop_row(kind=RATIO_LOOP, input=2, master=1, ratio_q12=7000, ff_loop=2, ff_m=64, ff_s=5, **gentle),
        ]
        outputs = [output_row(kind=SSR, loop=0), output_row(kind=DAC, loop=1), output_row(kind=DAC, loop=2)]
        interlocks = [interlock_row(input=1, limit=400000, delay_scans=3)]
        records = [(OF_INPUT, i, 1, 1) for i in range(3)]
        self.tables = whole_set([node_row()], [input_row()] * 3, loops, outputs, interlocks, records)
        self.image = new_image()
        self.chips = Chips(3)
        pins = (self.chips, Contact(1), Contact(0))
        self.node = Scan(self.tables, self.image, bytearray(RING), *pins, self._note)
        self.events = []  # type: ignore[var-annotated]

    def _note(self, code, source, got, limit) -> None:  # type: ignore[no-untyped-def]
        self.events.append(code)

    def scans(self, count=1, lease_ms=2000):
        for _ in range(count):
            self.node.scan(lease_ms, 0)

    def run(self, pvs=(998, 5002, 8540), count=60):
        """To EXECUTE with measured numbers that stand still."""
        self.chips.raw[:] = list(pvs)
        self.scans()
        assert self.node.command(states.CMD_START) == OK
        self.scans()
        assert self.node.command(states.CMD_RUN) == OK
        self.scans(count)
        return self

    def outputs(self):
        return [self.image[loop_at(i) + pid.OUTPUT] for i in range(3)]


def test_random_gains_move_no_output_by_more_than_two_counts_or_are_refused():
    chance = Chance(5)
    taken = 0
    for _ in range(120):
        line = Line().run(
            (1000 - chance.below(9), 5000 - chance.below(30), 8540 - chance.below(9)), 20 + chance.below(40)
        )
        i = chance.below(3)
        named = {
            "mp": chance.below(4096),
            "sp": 4 + chance.below(8),
            "md": chance.below(4096),
            "sd": 6 + chance.below(8),
        }
        named["kd"], named["b_256"] = chance.below(6), chance.below(257)
        named["mi"], named["si"] = 1 + chance.below(60), 12  # what the integral gains in one scan is no bump
        if i:
            named["ff_m"], named["ff_s"] = chance.below(4096), 8 + chance.below(10)
        tables = changed(line.tables, 2, i, **named)
        before = line.outputs()
        code = line.node.retune(tables)[0]
        line.scans()
        moved = max([abs(now - then) for now, then in zip(line.outputs(), before)])
        if code == OK:
            taken += 1
            assert moved <= 2, (moved, named, i)
        else:
            assert code == RANGE
    assert taken > 100, taken


def test_other_setpoint_limits_move_nothing():
    line = Line().run()
    before = line.outputs()
    assert line.node.retune(changed(line.tables, 2, 0, setpoint_low=500, setpoint_high=2000)) == (OK, 0, 0)
    line.scans()
    assert max([abs(now - then) for now, then in zip(line.outputs(), before)]) <= 2
    assert line.node.set_setpoint(0, 2001, 0) == (RANGE, 2001, 2000)


def test_a_setpoint_that_runs_outlasts_a_retune_and_one_that_is_changed_is_ramped_to():
    line = Line().run()
    assert line.node.set_setpoint(0, 1500, 0)[0] == OK
    assert line.node.retune(changed(line.tables, 2, 0, mp=21))[0] == OK
    assert line.node.loops.setpoints[0] == 1500
    working = line.image[loop_at(0) + pid.SETPOINT]
    assert line.node.retune(changed(line.node._tables, 2, 0, setpoint=900))[0] == OK
    assert line.node.loops.setpoints[0] == 900
    line.scans()
    assert abs(line.image[loop_at(0) + pid.SETPOINT] - working) <= 2


def test_limits_that_exclude_the_running_setpoint_are_refused_and_change_nothing():
    line = Line().run()
    image, tables = list(line.image), line.node._tables
    assert line.node.retune(changed(line.tables, 2, 0, setpoint_low=1001)) == (RANGE, 1000, 1001)
    both = changed(changed(line.tables, 2, 1, mp=3000), 2, 2, setpoint_high=250000, mp=4000)
    line.node.set_setpoint(1, 6000, 0)
    image = list(line.image)
    assert line.node.retune(changed(both, 2, 1, setpoint_high=5500)) == (RANGE, 6000, 5500)
    assert list(line.image) == image and line.node._tables is tables


def test_gains_that_the_integral_cannot_make_up_for_are_refused():
    line = Line().run((990, 3000, 8000))
    code, moved, limit = line.node.retune(changed(line.tables, 2, 1, mp=4095, sp=0))
    assert (code, limit) == (RANGE, 2) and moved > 2


def test_every_field_that_is_structure_is_refused_and_every_number_is_taken():
    line = Line().run()
    numbers = 0
    for table in range(5):
        fields = TABLES[table][2]
        for name, _low, high in fields:
            i = field_index(fields, name)
            was = line.tables[table][0][i]
            code = line.node.retune(changed(line.tables, table, 0, **{name: was + 1 if was < high else was - 1}))[0]
            assert code in (OK, RANGE, WRONG_STATE)
            numbers += code != WRONG_STATE
            line.node.retune(line.tables)
    assert numbers == 5 + 10 + 27 + 2 + 3
    for table in range(1, 6):
        longer = [rows + rows[:1] if i == table else rows for i, rows in enumerate(line.tables)]
        assert line.node.retune(longer)[0] == WRONG_STATE


def test_state_lease_latches_carries_filters_and_scan_numbers_go_on():
    line = Line().run()
    line.chips.raw[1] = 500000
    line.scans(6)
    node = line.node
    kept = (node.state, node.lease._left_ms, bytes(node.interlocks.tripped), node.recorder.next_scan)
    carries, filtered, span = list(node.outputs._carry), list(node.sensors._filtered), node.summaries.span()
    assert node.interlocks.latched() and kept[0] == states.EXECUTE
    assert node.retune(changed(changed(line.tables, 4, 0, limit=300000), 0, 0, hold_max_s=9))[0] == OK
    assert kept == (node.state, node.lease._left_ms, bytes(node.interlocks.tripped), node.recorder.next_scan)
    assert (carries, filtered, span) == (node.outputs._carry, node.sensors._filtered, node.summaries.span())


def test_a_tighter_interlock_limit_trips_in_the_next_scans():
    line = Line().run()
    assert line.node.retune(changed(line.tables, 4, 0, limit=5000))[0] == OK
    line.scans(3)
    assert not line.node.interlocks.latched()
    line.scans()
    assert line.node.interlocks.latched()


def test_a_setpoint_that_is_changed_moves_the_output_by_no_more_than_its_ramp():
    line = Line().run((1000, 5000, 8540))
    before = line.outputs()
    assert line.node.set_setpoint(0, 1800, 512)[0] == OK
    line.scans()
    p_of_a_step = 2 * 20 // 256 + 1
    assert abs(line.outputs()[0] - before[0]) <= p_of_a_step + 2
    assert line.node.loops.setpoints[0] == 1800
