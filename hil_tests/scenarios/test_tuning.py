"""A technician tunes loops of a node through the real firmware; whatever goes wrong, the loop is not worse off."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from hil_tests.bench.interpreters import Interpreter
from hil_tests.tune import Trial
from spinline.tuning import command
from spinline.tuning.experiment import Refusal
from spinline.tuning.model import Gains
from spinline_protocol import messages
from spinline_protocol.states import CMD_START, EVT_TUNE_ENDED, FLAG_HOLD, TUNE_STOPPED

MakeTrial = Callable[..., Trial]
GOOD = Gains(0.16, 180.0, 14.0, 3)
WEAK = Gains(0.02, 900.0, 0.0, 0)
ZONE = "melt.Z3"


@pytest.fixture
def make_trial(interpreter: Interpreter, tmp_path: Path) -> Iterator[MakeTrial]:
    """Make a node whose loop may have other gains; its processes end with the test."""
    trials: list[Trial] = []

    def make(name: str, gains: Gains | None = None) -> Trial:
        trials.append(Trial(interpreter, tmp_path / f"boards{len(trials)}", name, gains=gains))
        return trials[-1]

    yield make
    for trial in trials:
        trial.bench.close()


def running_sha256(trial: Trial) -> bytes:
    """What a new session hears of the node's configuration."""
    return bytes(trial.connected().session.hello["configuration_sha256"])


def test_a_weak_zone_gets_better_gains_that_the_running_node_takes_without_moving_its_output(
    make_trial: MakeTrial, tmp_path: Path
) -> None:
    trial = make_trial(ZONE, WEAK)
    trial.to_state()
    tuned = trial.tune()
    assert tuned.after.Ms <= 1.7 and tuned.load_iae_after < 0.7 * tuned.proposal.load_iae_before
    assert tuned.gain_error < 0.005
    before = trial.line.watch(4).output[-1]
    trial.apply(tuned)
    after = trial.line.watch(4).output[0]
    assert abs(after - before) < 0.12  # three times what noise may make of a heater's output, no more
    assert trial.line.session.configuration.sha256 == running_sha256(trial)
    command.write_report(tmp_path, trial.asked, tuned)
    assert (tmp_path / "tuning.png").stat().st_size > 10_000 and "Kc" in command.toml_lines(trial.asked, tuned)


def test_gains_that_are_better_already_are_kept(make_trial: MakeTrial) -> None:
    trial = make_trial(ZONE, GOOD)
    trial.to_state()
    with pytest.raises(Refusal, match="as good"):
        trial.tune()
    assert running_sha256(trial) == trial.line.session.configuration.sha256


def test_a_refusal_leaves_the_configuration_and_the_loop_as_they_were(make_trial: MakeTrial) -> None:
    trial = make_trial("melt.Z1")  # warmed by its neighbours while no melt flows
    trial.to_state()
    before = running_sha256(trial)
    with pytest.raises(Refusal, match="at its lowest"):
        trial.tune()
    assert running_sha256(trial) == before == trial.line.session.configuration.sha256


def test_a_host_that_dies_in_an_experiment_leaves_the_end_to_the_lease_and_the_old_gains(
    make_trial: MakeTrial,
) -> None:
    trial = make_trial(ZONE, WEAK)
    trial.to_state(120)
    before = running_sha256(trial)
    line = trial.connected()
    pv = int(1000 * line.watch(4).pv[-1])
    asked = (pv - 2000, pv + 2000, pv - 15000, pv + 15000, 4, 13, 30_000)
    told = line.ask(messages.TUNE_START, 2, 0, 20000, 60000, *asked)
    assert told["code"] == 0
    line.rest(40)
    assert line.watch(2).output[-1] > 0.9  # the relay's
    trial.bench.run_until(trial.bench.now_us + 10_000_000)  # nobody is there
    line = trial.connected()
    line.rest(40)
    ended = [event for event in line._events if event["code"] == EVT_TUNE_ENDED]
    assert [event["got"] for event in ended] == [TUNE_STOPPED]
    assert running_sha256(trial) == before
    assert not line.session.flags & FLAG_HOLD  # taken back by the session that came


def test_an_idle_node_and_an_unknown_configuration_are_refused_in_a_sentence(make_trial: MakeTrial) -> None:
    trial = make_trial("draw.STRETCH")
    port, bench = trial.bench.port("draw"), trial.bench
    told: list[str] = []
    entropy = random.Random(11).randbytes

    def run(**changed: bool) -> command.Done:
        asked = command.request(
            trial.asked.line, trial.asked.recipe, "draw.STRETCH", 0, 0,
            changed.get("while_running", False), changed.get("start", False), False, 60,
        )  # fmt: skip
        return command.run(
            asked, port, trial.turn, entropy, bench.site_key, changed.get("dry", False), False, told.append
        )

    assert "the node is in IDLE" in run().refused
    assert "the node is in IDLE" in run(start=True, dry=True).refused  # a dry run starts nothing
    assert "the node is in IDLE" in run().refused
    other = trial.asked.recipe.model_copy(
        update={"draw": trial.asked.recipe.draw.model_copy(update={"stretch_ratio": 2})}
    )
    trial.asked = command.request(trial.asked.line, other, "draw.STRETCH", 0, 0, False, False, False, 60)
    with pytest.raises(Refusal, match="runs configuration"):
        trial.connected()


def test_the_node_refuses_an_experiment_beyond_an_interlock_with_field_and_limit(make_trial: MakeTrial) -> None:
    trial = make_trial("bath.EXT")
    trial.line.command(CMD_START)
    told = trial.line.ask(
        messages.TUNE_START, 2, -20000, 0, 20000, 20_000, 22_000, 15_000, 36_000, 4, 13, 30_000
    )  # fmt: skip
    assert (told["code"], told["field"], told["got"], told["limit"]) == (3, "pv_high", 36_000, 30_000)
