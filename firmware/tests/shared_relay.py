"""The tuning experiment on the board: when it switches, when it ends, when it gives up."""

from spinline_firmware.control import relay
from spinline_firmware.control.relay import Relay
from spinline_protocol.quantities import BAD, GOOD, UNCERTAIN

LOW, CENTRE, HIGH = 10_000, 20_000, 40_000


def begun(quiet=3, switches=13, half_max=200):
    experiment = Relay()
    experiment.begin(quiet, (LOW, CENTRE, HIGH), (99_000, 101_000), (90_000, 110_000), switches, half_max)
    return experiment


class Slope:
    """A pv that goes up with the high output and down with the low one, a dead time behind."""

    def __init__(self, pv=100_000, up=300, down=-200, dead=4):
        self.pv = pv
        self.moves = {HIGH: up, LOW: down, CENTRE: 0}
        self.waiting = [CENTRE] * dead

    def step(self, output):
        self.waiting.append(output)
        self.pv += self.moves[self.waiting.pop(0)]
        return self.pv


def run(experiment, plant, scans_max=5000):
    outputs, pv = [], plant.pv
    for _ in range(scans_max):
        if not experiment.running():
            break
        outputs.append(experiment.scan(pv, GOOD))
        pv = plant.step(outputs[-1])
    return outputs


def test_it_waits_at_the_centre_switches_as_often_as_asked_and_ends_at_the_centre():
    experiment = begun(quiet=5)
    outputs = run(experiment, Slope())
    assert experiment.state == relay.DONE and experiment.switches_n == 13
    assert outputs[:4] == [CENTRE] * 4 and outputs[4] == HIGH
    assert set(outputs[4:-1]) == {HIGH, LOW}
    assert outputs[-1] == CENTRE == experiment.scan(100_000, GOOD)


def test_it_gives_up_where_the_pv_leaves_its_limits():
    experiment = begun()
    run(experiment, Slope(up=6000))
    assert experiment.state == relay.PV_OUT and experiment.output == CENTRE


def test_it_gives_up_at_the_first_scan_of_a_sensor_that_is_not_good():
    for quality in (BAD, UNCERTAIN):
        for scans in (1, 4, 20):
            experiment, plant = begun(), Slope()
            pv = plant.pv
            for _ in range(scans):
                pv = plant.step(experiment.scan(pv, GOOD))
            assert experiment.scan(pv, quality) == CENTRE and experiment.state == relay.SENSOR


def test_it_gives_up_where_nothing_answers():
    experiment = begun(half_max=50)
    outputs = run(experiment, Slope(up=0))
    assert experiment.state == relay.NO_RESPONSE and len(outputs) == 3 + 51


def test_it_gives_up_where_a_cycle_is_unlike_the_one_before():
    experiment, plant = begun(switches=60), Slope()
    pv = plant.pv
    while experiment.switches_n < 8:
        pv = plant.step(experiment.scan(pv, GOOD))
    plant.moves[LOW] = -60  # something else heats
    run(experiment, plant)
    assert experiment.state == relay.DISTURBED


def test_a_stop_from_outside_ends_it_once_and_it_can_begin_again():
    experiment = begun()
    experiment.scan(100_000, GOOD)
    experiment.stop()
    assert experiment.state == relay.STOPPED and experiment.scan(100_000, GOOD) == CENTRE
    experiment.begin(3, (LOW, CENTRE, HIGH), (99_000, 101_000), (90_000, 110_000), 13, 200)
    run(experiment, Slope())
    experiment.stop()
    assert experiment.state == relay.DONE
