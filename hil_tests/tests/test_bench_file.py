"""The file of a wired bench is read strictly: what is not allowed refuses it, with file, key, value and what is."""

from __future__ import annotations

from pathlib import Path

import pytest

from hil_tests.bench.api import FEATURES
from hil_tests.bench.bench_file import BenchFile, Feature, read_bench
from hil_tests.bench.real import find_ports
from hil_tests.bench.verdicts import InfraPort
from spinline.errors import BadFile

EXAMPLE = Path(__file__).resolve().parents[1] / "benches" / "example.toml"


def with_changes(folder: Path, *changes: tuple[str, str]) -> Path:
    """The example with other lines."""
    text = EXAMPLE.read_text()
    for old, new in changes:
        assert old in text
        text = text.replace(old, new, 1)
    file = folder / "bench.toml"
    file.write_text(text)
    return file


def test_the_example_is_a_bench() -> None:
    bench = read_bench(EXAMPLE)
    assert [node.name for node in bench.node] == ["melt", "bath", "draw"]


def test_features_of_a_file_are_those_that_tests_can_need() -> None:
    assert Feature.__args__ == FEATURES  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("max_heater_w = 0", "max_heater_w = 500", "clamps.max_heater_w = 500 must be at most 0"),
        ("max_heater_w = 0", "", "clamps.max_heater_w is missing"),
        ('"tc_open"', '"tc_opened"', "features 4: = 'tc_opened' must be"),
        ('name = "bath"', 'name = "oven"', "node 2: name = 'oven' must be"),
        ("cold_junction_C", "cold_junktion_C", "did you mean cold_junction_C?"),
        ("SPL-DRAW-N", "SPL-MELT-N", "serial SPL-MELT-N is given twice"),
        ("tc_channel = [0, 1, 2", "tc_channel = [0, 1, 1", "must name each of 0 to 7 once"),
        ("1.002", "1.2", "must be at most 1.1"),
    ],
)
def test_what_is_not_allowed_is_told_with_its_place(tmp_path: Path, old: str, new: str, told: str) -> None:
    file = with_changes(tmp_path, (old, new))
    with pytest.raises(BadFile) as refused:
        read_bench(file)
    assert str(file) in str(refused.value) and told in str(refused.value), str(refused.value)


def in_folder(bench: BenchFile, folder: Path) -> BenchFile:
    return bench.model_copy(update={"ports": str(folder)})


def test_ports_are_found_by_serial_number_and_every_missing_one_is_named(tmp_path: Path) -> None:
    bench = in_folder(read_bench(EXAMPLE), tmp_path)
    for node in bench.node[:2]:
        for serial in (node.serial, node.fixture):
            (tmp_path / f"usb-Maker_Adapter_{serial}-if00-port0").touch()
    with pytest.raises(InfraPort) as missing:
        find_ports(bench)
    assert str(missing.value).count("one is expected") == 2 and "fixture of draw" in str(missing.value)


def test_a_serial_number_within_another_is_not_taken_for_it(tmp_path: Path) -> None:
    bench = in_folder(read_bench(EXAMPLE), tmp_path)
    serials = [serial for node in bench.node for serial in (node.serial, node.fixture)]
    for serial in serials:
        (tmp_path / f"usb-Maker_Adapter_{serial}-if00-port0").touch()
        (tmp_path / f"usb-Maker_Adapter_{serial}9-if00-port0").touch()
    assert [Path(find_ports(bench)[serial]).name for serial in serials] == [
        f"usb-Maker_Adapter_{serial}-if00-port0" for serial in serials
    ]
