"""The pages for people name commands, options and targets that there are."""

import re
from fnmatch import fnmatch
from pathlib import Path

import pytest
from typer.main import get_command

from spinline.cli import app

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "host" / "OPERATING.md"
PAGES = (
    PAGE, ROOT / "README.md", ROOT / "host" / "COMMISSIONING.md", ROOT / "host" / "TUNING.md",
    ROOT / "tools" / "FLASHING.md", ROOT / "hil_tests" / "WIRING.md",
)  # fmt: skip


def typed(page: Path, program: str) -> list[str]:
    """What a page has a person type: in a line of its own, or between two backticks."""
    text = page.read_text(encoding="utf-8").replace("\\\n", " ")
    alone = re.findall(rf"^    (?:\S*/)?{program} ([a-z][^#|\n]*)", text, re.MULTILINE)
    return [words.strip() for words in (*alone, *re.findall(rf"`{program} ([a-z][^`|]*)`", text))]


COMMANDS = sorted({(page.name, words) for page in PAGES for words in typed(page, "spinline")})


@pytest.mark.parametrize(("page", "words"), COMMANDS, ids=[f"{page}: {words}"[:80] for page, words in COMMANDS])
def test_a_command_of_a_page_and_its_options_are_those_of_the_program(page, words):
    left = re.sub(r"'[^']*'", "words", words).split()
    command = get_command(app)
    while hasattr(command, "commands") and left:
        assert left[0] in command.commands, (page, words)
        command = command.commands[left.pop(0)]
    known = {option for parameter in command.params for option in parameter.opts} | {"--help"}
    assert {word for word in left if word.startswith("-")} <= known, (page, words)


def test_every_target_that_a_page_names_can_be_made():
    targets = re.findall(r"^([a-z][a-z-]*):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    named = {words.split()[0] for page in PAGES for words in typed(page, "make")}
    assert {"demo", "test", "hil", "check"} <= named <= set(targets)


def test_a_journal_that_a_page_names_by_a_wildcard_is_not_taken_for_one_of_its_days():
    """A shell gives every file that fits, and a command takes one."""
    patterns = re.findall(r"records/(\S*\*\S*\.sqlite)", "".join(page.read_text(encoding="utf-8") for page in PAGES))
    assert patterns
    for pattern in patterns:
        assert fnmatch("R1-20261124T032504Z.sqlite", pattern), pattern
        assert not fnmatch("R1-20261124T032504Z-2026-11-24.sqlite", pattern), pattern


def test_the_page_goes_from_check_to_report():
    names = [words.split()[0] for words in typed(PAGE, "spinline")]
    assert names.index("check") < names.index("serve") < names.index("start") < names.index("report")
    assert {"status", "hold", "resume", "stop", "alarms", "ack", "shelve", "note", "token", "metres"} <= set(names)
