"""The page for operators names commands and options that there are."""

import re
from pathlib import Path

import pytest
from typer.main import get_command

from spinline.cli import app

PAGE = Path(__file__).resolve().parents[1] / "OPERATING.md"
LINES = PAGE.read_text(encoding="utf-8").replace("\\\n", " ").splitlines()
TYPED = [line.strip() for line in LINES if line.startswith("    spinline ")]


@pytest.mark.parametrize("typed", sorted(set(TYPED)))
def test_a_command_of_the_page_and_its_options_are_those_of_the_program(typed):
    words = re.sub(r"'[^']*'", "words", typed.partition(" | ")[0]).split()[1:]
    command = get_command(app)
    while hasattr(command, "commands"):
        assert words[0] in command.commands, typed
        command = command.commands[words.pop(0)]
    known = {option for parameter in command.params for option in parameter.opts}
    assert {word for word in words if word.startswith("-")} <= known, typed


def test_the_page_goes_from_check_to_report():
    names = [line.split()[1] for line in TYPED]
    assert names.index("check") < names.index("serve") < names.index("start") < names.index("report")
    assert {"status", "hold", "resume", "stop", "alarms", "ack", "shelve", "note", "token", "metres"} <= set(names)
