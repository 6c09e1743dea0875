"""R1 with its godets' drives on a bus, a resistance thermometer in the quench and a FRAM for the events."""

from __future__ import annotations

import struct

from hil_tests.bench.builds import R1_ON_BUS, line_on_bus
from hil_tests.bench.direct import transaction_messages
from hil_tests.bench.run import START_US, BenchRun
from spinline.recipe.compiler import compile_node
from spinline.record.series import series
from spinline_firmware.drivers.event_fram import RECORD_BYTES as EVENT_BYTES
from spinline_firmware.drivers.event_fram import SLOTS_N_MAX
from spinline_firmware.drivers.fram import HEAD_BYTES, RECORD_EXTRA_BYTES
from spinline_protocol import errors
from spinline_protocol.configuration import INPUT, TABLE_INPUT, field_index
from spinline_protocol.quantities import GOOD
from spinline_protocol.states import EVENTS, EXECUTE

from .conftest import TO_PRODUCTION_S, MakeRun, short_recipe
from .draw_looks import ratio_errors
from .protocol import events, missing_scans
from .test_configuration import MakeNode, make_node

__all__ = ["make_node"]
DRAW = "draw"
RECORD_BYTES = EVENT_BYTES + RECORD_EXTRA_BYTES
LEAST_ERRORS = 3


def producing_on_bus(make_run: MakeRun) -> BenchRun:
    """The line in RUNNING for ten seconds."""
    run = make_run(recipe=short_recipe(soak_min=0), build=R1_ON_BUS)
    run.start()
    assert run.run_until(lambda: run.supervisor.batch.state == "RUNNING", TO_PRODUCTION_S), run.supervisor.problems
    run.run_for(10)
    return run


def test_the_line_runs_and_its_journal_has_what_the_drives_say_of_themselves(make_run: MakeRun) -> None:
    run = producing_on_bus(make_run)
    from_us = START_US + run.bench.now_us
    off = ratio_errors(run, 1.5)
    run.run_for(60)
    assert max(map(abs, off)) < 1.0, f"off ratio by {max(map(abs, off)):.2f} %"
    plant = run.bench.plant
    for tag, true in (
        ("draw.G1_DRIVE_SPEED.pv", plant.truth.godet1_speed_m_min * 1000 / 60),
        ("draw.G2_DRIVE_CURRENT.pv", plant.truth.godet2_current_A),
        ("draw.G1_DRIVE_STATUS.pv", 0.0),
        ("bath.QUENCH.pv", plant.truth.quench_temperature_C),
    ):
        _times, numbers, qualities = series(run.journal_path, tag, from_us)
        assert set(qualities) == {GOOD}, tag
        assert abs(numbers[-1] - true) < max(0.6, 0.03 * abs(true)), (tag, numbers[-1], true)
    assert missing_scans(run) == 0 and run.supervisor.batch.state == "RUNNING"
    assert not {name for _scan, name, *_ in events(run, DRAW)} & {"OUTPUT_FAULT", "SCAN_OVERRUN", "SENSOR_FAULT"}


def test_a_drive_that_is_not_heard_drops_the_enable_and_both_godets_come_to_a_stand(make_run: MakeRun) -> None:
    run = producing_on_bus(make_run)
    run.lay("W15.silent", "draw.G2_DRIVE")
    run.run_for(15)
    assert run.bench.plant.truth.godet1_speed_m_min < 0.1 and run.bench.plant.truth.godet2_speed_m_min < 0.1
    row = [row.name for row in run.line.node[2].output].index("G2_DRIVE")
    (told,) = [event for event in events(run, DRAW) if event[1] == "OUTPUT_FAULT"]
    assert told[2] == row and told[4] >= LEAST_ERRORS, "which output, and how many exchanges failed"
    run.lift("W15.silent", "draw.G2_DRIVE")
    run.run_for(30)
    from_us = START_US + run.bench.now_us - 5_000_000
    _times, _numbers, qualities = series(run.journal_path, "draw.G2_DRIVE_STATUS.pv", from_us)
    assert set(qualities) == {GOOD}, "it answers again"


def test_events_of_a_running_line_are_kept_on_a_fram_at_once_and_outlive_a_power_cut(make_run: MakeRun) -> None:
    run = producing_on_bus(make_run)
    before = kept_events(run)
    assert ("STATE_CHANGED", EXECUTE) in before, "written while it ran"
    run.bench.power_cycle(DRAW)
    run.run_for(20)
    after = kept_events(run)
    assert after[: len(before)] == before and ("BOOT", 2) in after[len(before) :]
    assert not (run.bench.nodes[DRAW].process.folder / "events.a").exists()


def kept_events(run: BenchRun) -> list[tuple[str, int]]:
    """Name and number of the events in the draw node's FRAM, oldest first; each is behind the head of its slot."""
    octets = (run.bench.nodes[DRAW].process.folder / "fram.bin").read_bytes()
    slots = [octets[at : at + RECORD_BYTES] for at in range(0, SLOTS_N_MAX * RECORD_BYTES, RECORD_BYTES)]
    rows = [struct.unpack_from("<IIIIBBHii", slot, HEAD_BYTES) for slot in slots if any(slot)]
    return [(EVENTS[code], got) for *_head, code, _source, _spare, got, _limit in sorted(rows)]


def test_a_board_refuses_a_pin_with_two_uses_and_names_the_row(make_node: MakeNode) -> None:
    node = make_node()
    line = line_on_bus()
    draw = line.node[2]
    rows = list(compile_node(line, draw, short_recipe()).rows)
    at = next(i for i, (table, _words) in enumerate(rows) if table == TABLE_INPUT)
    stretch = [row.name for row in draw.input].index("STRETCH")
    words = list(rows[at + stretch][1])
    words[field_index(INPUT, "port")] = 0  # the socket in whose place the drives' transceiver is
    rows[at + stretch] = (TABLE_INPUT, tuple(words))
    told = [node.ask(number, *values) for number, values in transaction_messages(tuple(rows), bytes(32))]
    assert [answer["code"] for answer in told] == [errors.OK] * (len(told) - 1) + [errors.RANGE]
    assert told[-1]["field"] == "input" and draw.input[told[-1]["got"]].name == "G1_DRIVE_SPEED"
    assert set(node.configure(compile_node(line, draw, short_recipe()).rows)) == {errors.OK}
