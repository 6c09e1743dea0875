"""The golden files and the tables of the SPEC are those that the code makes now, and every rule it cites exists."""

import re
from pathlib import Path

from tools.golden_spec import MAKERS, spec_text
from tools.golden_wire import VECTORS, vectors_text

ROOT = Path(__file__).resolve().parents[2]
SPEC = (ROOT / "protocol/SPEC.md").read_text(encoding="utf-8")


def test_the_tables_of_the_spec_are_those_of_the_code() -> None:
    assert spec_text(SPEC) == SPEC, "run `make golden` and review the difference"


def test_every_table_that_is_made_stands_in_the_spec() -> None:
    assert sorted(re.findall(r"<!-- made: (\w+) -->", SPEC)) == sorted(MAKERS)


def test_the_golden_vectors_are_those_of_the_tables() -> None:
    assert (ROOT / VECTORS).read_text(encoding="utf-8") == vectors_text(), "run `make golden` and review the difference"


def test_every_rule_that_the_code_cites_stands_in_the_spec() -> None:
    rules = set(re.findall(r"^(\d\.\d+) ", SPEC, re.MULTILINE)) | set(re.findall(r"^## (\d) ", SPEC, re.MULTILINE))
    cited = set()
    for folder in ("protocol", "firmware", "host", "hil_tests"):
        for file in (ROOT / folder).rglob("*.py"):
            for rule in re.findall(r"SPEC ((?:\d(?:\.\d+)?(?:, | to | and )?)+)", file.read_text(encoding="utf-8")):
                cited |= set(re.findall(r"\d(?:\.\d+)?", rule))
    assert cited and cited <= rules
