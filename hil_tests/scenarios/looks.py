"""What trials look at and do: short questions to a run and short acts, each with a name an engineer would use."""

from __future__ import annotations

from hil_tests.bench.api import operate
from hil_tests.bench.run import BenchRun
from hil_tests.scenarios.trial import Act, Look
from spinline_protocol import messages

from .protocol import events, missing_scans, node_states, rows_of, unaccounted_scans

TROUBLE = {"SENSOR_FAULT", "LOOP_FAILED", "INTERLOCK_TRIPPED", "SAFE_ORDER", "PERMIT_OPEN", "INTERNAL_FAULT"}


def batch_is(*states: str) -> Look:
    """The batch is in one of these states."""
    return lambda run: run.supervisor.batch.state in states


def nodes_are(state: str, *names: str) -> Look:
    """All nodes, or those named, are in this state as the supervisor saw them last."""
    return lambda run: all(node_states(run)[name] == state for name in names or run.bench.nodes)


def tripped(node: str, interlock: str) -> Look:
    """This interlock of a node has tripped, by its events in the journal."""

    def look(run: BenchRun) -> bool:
        names = [row.name for of in run.line.node if of.name == node for row in of.interlock]
        wanted = names.index(interlock)
        return any(name == "INTERLOCK_TRIPPED" and source == wanted for _s, name, source, *_ in events(run, node))

    return look


def told(node: str, event: str) -> Look:
    """A node's event of this name is in the journal."""
    return lambda run: any(name == event for _scan, name, *_ in events(run, node))


def no_trouble(run: BenchRun) -> bool:
    """No node has told of a trip or a fault."""
    return not any(name in TROUBLE for node in run.bench.nodes for _scan, name, *_ in events(run, node))


def within(tag: str, setpoint: float, away: float) -> Look:
    """The newest recorded process variable is so near to a number, in its screen unit."""

    def look(run: BenchRun) -> bool:
        pv = run.record.latest(f"{tag}.pv")
        return pv is not None and abs(pv - setpoint) <= away

    return look


def zones_within(away_K: float) -> Look:
    """Every zone is so near to the recipe's temperature, by its thermocouple without its noise."""
    return lambda run: all(abs(off_K) <= away_K for off_K in zone_errors_K(run))


def no_zone_above(first_K: float, over_K: float) -> Look:
    """No zone is farther above the recipe's temperature, by its thermocouple without its noise; the first has its own.

    The first is the coldest, and its neighbor warms it with its heater off while no melt flows.
    """
    return lambda run: all(off_K <= (over_K if i else first_K) for i, off_K in enumerate(zone_errors_K(run)))


def zone_errors_K(run: BenchRun) -> list[float]:
    """True barrel temperature and the error of its thermocouple's class less the recipe's, for each zone.

    No loop can know its own thermocouple's error; what control can do is judged without it.
    """
    melt, truth = run.recipe.melt, run.bench.plant.truth
    asked = [float(getattr(melt, f"z{i}_temperature_C")) for i in range(1, 7)]
    asked += [float(melt.pump_temperature_C), float(melt.die_temperature_C)]
    rows = zip(truth.barrel_temperature_C, truth.thermocouple_error_K, asked, strict=True)
    return [true_C + error_K - asked_C for true_C, error_K, asked_C in rows]


def takeup_between(low_m_min: float, high_m_min: float) -> Look:
    """True speed of the first godet."""
    return lambda run: low_m_min <= run.bench.plant.truth.godet1_speed_m_min <= high_m_min


def line_stands(run: BenchRun) -> bool:
    """Both godets stand and nothing is fed."""
    truth = run.bench.plant.truth
    return truth.godet1_speed_m_min < 0.1 and truth.godet2_speed_m_min < 0.2 and not run.bench.plant.actuators.screw_run


def heat_is_off(run: BenchRun) -> bool:
    """No barrel heater has power: contactor open."""
    return not run.bench.plant.actuators.contactor


def draw_ratio_within(share: float) -> Look:
    """True speeds of the godets keep the recipe's ratio; nothing is asked of a line that stands."""

    def look(run: BenchRun) -> bool:
        truth, ratio = run.bench.plant.truth, float(run.recipe.draw.stretch_ratio)
        slow = truth.godet1_speed_m_min < 1.0
        return slow or abs(truth.godet2_speed_m_min / truth.godet1_speed_m_min / ratio - 1) <= share

    return look


def parts_within(share: float) -> Look:
    """True parts of plasticizer and solvent at the die are so near to the recipe's."""

    def look(run: BenchRun) -> bool:
        truth, asked = run.bench.plant.truth, run.recipe.composition
        plasticizer = truth.plasticizer_parts_at_die / float(asked.plasticizer_parts) - 1
        solvent = truth.solvent_parts_at_die / float(asked.solvent_parts) - 1
        return max(abs(plasticizer), abs(solvent)) <= share

    return look


def every_scan_is_accounted_for(run: BenchRun) -> bool:
    """Each scan is stored or declared lost."""
    return missing_scans(run) == 0


def nothing_is_lost(run: BenchRun) -> bool:
    """Each scan is stored."""
    return missing_scans(run) == 0 and rows_of(run, "SELECT count(*) FROM gap") == [(0,)]


def no_hole_after_the_first_scan(run: BenchRun) -> bool:
    """Of each node only scans before the first in this journal are not there: another batch has them."""
    missing = unaccounted_scans(run)
    of_node = [[scan for name, scan in missing if name == node] for node in run.bench.nodes]
    return all(scans == list(range(len(scans))) for scans in of_node)


def something_is_declared_lost(run: BenchRun) -> bool:
    """Scans that no ring could hold are named as lost."""
    return rows_of(run, "SELECT count(*) > 0 FROM gap") == [(1,)]


def person_says(cause: str) -> Act:
    """Hold, resume, stop or abort."""

    def act(run: BenchRun) -> None:
        operate(run, cause)

    return act


def person_resets_the_nodes(run: BenchRun) -> None:
    """Each by its name."""
    for name in run.supervisor.sessions:
        operate(run, "reset", point=name)


def person_sets(node: str, loop: str, number: int) -> Act:
    """A setpoint, in the integer unit of its quantity."""

    def act(run: BenchRun) -> None:
        names = [row.name for of in run.line.node if of.name == node for row in of.loop]
        run.supervisor.sessions[node].ask(messages.SET_SETPOINT, names.index(loop), number, 0)

    return act


def disturb(name: str, strength: float | bool) -> Act:
    """A disturbance of the plant begins, or ends with its harmless number."""
    return lambda run: setattr(run.bench.plant.disturbances, name, strength)


def lay(fault: str, place: str) -> Act:
    """A fault of the catalogue begins."""
    return lambda run: run.injector.lay(fault, place)


def lift(fault: str, place: str) -> Act:
    """A fault of the catalogue ends."""
    return lambda run: run.injector.lift(fault, place)


def process_dies(node: str) -> Act:
    """A node's process is killed: its outputs stay as they were."""
    return lambda run: run.bench.kill(node)


def thread_anew(run: BenchRun) -> None:
    """The technician takes the rest out and threads the line."""
    run.bench.plant.actuators.threaded = False
    run.run_for(1)
    run.bench.plant.actuators.threaded = True


def all_of(*looks: Look) -> Look:
    """Every one of these."""
    return lambda run: all(look(run) for look in looks)
