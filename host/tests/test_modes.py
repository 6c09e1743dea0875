"""A mode that a person asks for is judged by the files first, and by the node afterwards (hil_tests)."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from spinline.cli import app
from spinline.errors import BadInput
from spinline.line.modes import mode_request
from spinline.recipe.line_model import load_line
from spinline_protocol.configuration import OUTPUT_KEPT

ROOT = Path(__file__).resolve().parents[2]
R1 = ROOT / "lines" / "r1.toml"
LINE = load_line(R1)


def test_a_mode_of_the_loops_kind_is_taken_with_its_output() -> None:
    asked = mode_request(LINE, "melt.Z3", "manual", 50.0, "Ada", "cleaning")
    assert (asked.node, asked.loop_i, asked.output, asked.words) == ("melt", 2, 32768, "manual 50 %")
    assert mode_request(LINE, "draw.G2", "ratio", None, "Ada", "back").output == OUTPUT_KEPT


@pytest.mark.parametrize(
    ("name", "mode", "output", "who", "why", "said"),
    [
        ("melt.Z9", "auto", None, "Ada", "x", "loop 'melt.Z9' is not in the line file; allowed: melt.Z1"),
        ("melt.Z3", "ratio", None, "Ada", "x", "mode 'ratio' is not for the single loop melt.Z3; allowed: off, manual"),
        ("draw.G2", "tune", None, "Ada", "x", "allowed: off, manual, auto, ratio"),
        ("melt.Z3", "auto", 5.0, "Ada", "x", "an output is for manual: melt.Z3 finds its own in auto"),
        ("melt.Z3", "manual", 101.0, "Ada", "x", "output 101 % of melt.Z3 is not allowed: 0 to 100 %"),
        ("melt.Z3", "manual", float("nan"), "Ada", "x", "not allowed"),
        ("melt.Z3", "auto", None, " ", "x", "who is empty"),
        ("melt.Z3", "auto", None, "Ada", "", "why is empty"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused_in_a_sentence(
    name: str, mode: str, output: float | None, who: str, why: str, said: str
) -> None:
    with pytest.raises(BadInput) as refused:
        mode_request(LINE, name, mode, output, who, why)
    assert said in str(refused.value)


def test_the_commands_refuse_with_exit_code_2_and_no_traceback(tmp_path: Path) -> None:
    given = ["--port", "/dev/none", "--line", str(R1), "--recipe", str(ROOT / "recipes" / "r1.toml")]
    given += ["--key", str(tmp_path / "key"), "--journal", str(tmp_path / "j.sqlite"), "--who", "Ada", "--why", "x"]
    ran = CliRunner().invoke(app, ["mode", "melt.Z3", "warp", *given])
    assert isinstance(ran.exception, BadInput) and "allowed: off, manual, auto" in str(ran.exception)
    ran = CliRunner().invoke(app, ["modes", str(tmp_path / "none.sqlite")])
    assert ran.exception is not None and "none.sqlite" in str(ran.exception)
