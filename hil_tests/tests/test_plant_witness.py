"""What another process is told of a plant, and what it may do to it."""

import dataclasses

import pytest

from hil_tests.bench.plant.line import Line
from hil_tests.bench.plant.signals import Disturbances
from hil_tests.bench.plant_witness import PlantWitness, newest, seen_by
from hil_tests.bench.pty_line import disturb
from spinline.errors import Refused

FIELDS = dataclasses.fields(Disturbances)


def test_a_witness_looks_once_in_each_second_however_often_it_is_asked(tmp_path):
    plant, path = Line(1), tmp_path / "witness.jsonl"
    witness = PlantWitness(path, plant)
    for at_us in range(0, 3_000_001, 10_000):
        witness.look(at_us)
    witness.close()
    assert [seen.at_s for seen in seen_by(path)] == [0.0, 1.0, 2.0, 3.0]
    assert newest(path) == seen_by(path)[-1]


def test_a_line_that_is_being_written_is_not_read_yet(tmp_path):
    path = tmp_path / "witness.jsonl"
    PlantWitness(path, Line(1)).look(0)
    whole = path.read_text()
    path.write_text(whole + whole[:-3])
    assert len(seen_by(path)) == 1 and newest(path) == seen_by(path)[0]


@pytest.mark.parametrize("field", FIELDS, ids=lambda field: field.name)
def test_every_disturbance_is_set_by_its_name_and_refuses_another_kind_whole(field):
    disturbances = Disturbances()
    wanted = not field.default if isinstance(field.default, bool) else field.default + 0.5
    disturb(disturbances, field.name, wanted)
    assert dataclasses.asdict(disturbances) == dataclasses.asdict(Disturbances()) | {field.name: wanted}
    for wrong in ("1", None, 1.0 if isinstance(field.default, bool) else True):
        with pytest.raises(Refused, match=rf"disturb: {field.name} = .* \(allowed: "):
            disturb(disturbances, field.name, wrong)
    assert dataclasses.asdict(disturbances) == dataclasses.asdict(Disturbances()) | {field.name: wanted}


def test_a_disturbance_that_there_is_not_is_refused_with_those_that_there_are():
    with pytest.raises(
        Refused, match=r"there is no 'plasticiser_ratio' \(allowed: ambient_offset_K, .*plasticizer_ratio"
    ):
        disturb(Disturbances(), "plasticiser_ratio", 0.0)
