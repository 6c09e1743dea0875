"""What `spinline flash` can say at its end: exit code, sentence and action of each, as data.

tools/FLASHING.md has the same table for people; a test compares them.
"""

from __future__ import annotations

from typing import NamedTuple

from spinline.errors import SpinlineError

OK, REFUSED, ROLLED_BACK, INFRA, SAFE_MODE = 0, 10, 20, 30, 40  # exit codes; what is worse has the higher number
HOT_C = 60.0  # what is hotter than this is not restarted


class Message(NamedTuple):
    """``sentence`` and ``action`` with the words of the case in braces."""

    exit: int
    sentence: str
    action: str


MESSAGES = {
    # done
    "updated": Message(OK, "{controller} runs version {version}", "stick the label on the controller"),
    "current": Message(OK, "{controller} runs version {version} already", "nothing to do"),
    "ready": Message(OK, "{controller} would get version {version}", "run it again without --dry-run"),
    "provisioned": Message(OK, "{controller} was set up with version {version}", "stick the label on the controller"),
    # refused: nothing has changed
    "batch-running": Message(REFUSED, "{controller} is in {state}", "end the batch, then run it again"),
    "not-idle": Message(REFUSED, "{controller} is in {state}", "reset the line at the supervisor, then run it again"),
    "outputs-on": Message(REFUSED, "{controller} drives {output}", "stop the line, then run it again"),
    "hot": Message(REFUSED, "{controller} measures {temperature:.0f} degC at {input}", "let it cool below 60 degC"),
    "blind": Message(
        REFUSED,
        "the temperatures of {controller} cannot be read: {why}",
        "see that every heater is below 60 degC, then run it again with --cold",
    ),
    "port-busy": Message(REFUSED, "{port} is in use by {who}", "end that program, then run it again"),
    "another-flash": Message(
        REFUSED, "somebody else flashes from this PC: {who}", "wait until that has ended, then run it again"
    ),
    "unknown-board": Message(
        REFUSED,
        "the board {device_id} at {port} is no controller of this site",
        "say which one it is: spinline flash --controller NAME --replace",
    ),
    "empty-board": Message(
        REFUSED,
        "the board at {port} is empty",
        "say which one it becomes: spinline flash --controller NAME",
    ),
    "which-board": Message(REFUSED, "{count} boards could become {controller}", "plug in only the one that is meant"),
    "name-taken": Message(
        REFUSED,
        "{controller} is the board {device_id}, and another one is plugged in",
        "plug in the right board, or add --replace where this one takes its place",
    ),
    "no-controller": Message(REFUSED, "the line has no controller {controller}", "use one of: {names}"),
    "wrong-board": Message(
        REFUSED, "{controller} is a {board}, and the firmware is for {boards}", "take a bundle made for {board}"
    ),
    "which-kind": Message(
        REFUSED, "the empty board of {controller} could be a {kinds}", "say which it is: add --board KIND"
    ),
    "downgrade": Message(
        REFUSED,
        "{controller} runs version {running}, newer than {version}",
        "take a newer bundle, or add --allow-downgrade",
    ),
    "micropython": Message(
        REFUSED,
        "{controller} has MicroPython {interpreter}, and the firmware needs {needed} or newer",
        "have a newer MicroPython put onto the board, then run it again",
    ),
    "no-interpreter": Message(
        REFUSED,
        "the bundle has no MicroPython for {controller}",
        "take a bundle that has it, or put it onto the board by hand",
    ),
    "wrong-drive": Message(
        REFUSED,
        "the boot drive {drive} is a {board_id}, and the MicroPython is for {boards}",
        "plug in the right board, or take a bundle made for this one",
    ),
    "by-hand": Message(
        REFUSED,
        "this command cannot put MicroPython onto a {board}",
        "put it onto the board with the tool of its maker, in DFU mode, then run it again without --interpreter",
    ),
    "signature": Message(
        REFUSED, "{file} is not signed with the release key of this site", "ask for the bundle again; do not use it"
    ),
    "corrupt": Message(REFUSED, "{file} is damaged: {why}", "copy the bundle again"),
    "device-full": Message(
        REFUSED, "the flash of {controller} is full", "set the board up anew in safe mode; then it has room"
    ),
    "wrong-key": Message(
        REFUSED,
        "{controller} does not take the key of this site",
        "use the key file of this site, or set the board up anew in safe mode",
    ),
    "board-refused": Message(REFUSED, "{controller} refuses to {step}: {why}", "do what it says, then run it again"),
    # the old firmware runs again
    "rolled-back": Message(
        ROLLED_BACK,
        "{controller} runs the old firmware again: {why}",
        "run it again; if it comes back, send the record to the maker of the bundle",
    ),
    # PC, cable or supply
    "no-boards": Message(INFRA, "no controller was found on any port", "plug in the cable and switch the power on"),
    "not-found": Message(INFRA, "{controller} was not found on any port", "plug in its cable and switch its power on"),
    "no-device": Message(
        INFRA, "{port} is a name without a device behind it", "plug in its cable and switch its power on"
    ),
    "no-access": Message(
        INFRA, "this account may not open {port}: {why}", "ask for the right to use serial ports, and log in anew"
    ),
    "silent": Message(
        INFRA, "{controller} does not answer", "look at its cable, switch its power off and on, and run it again"
    ),
    "unplugged": Message(
        INFRA,
        "the line to {controller} was lost while its firmware was sent",
        "plug the cable in and run it again; it goes on where it was",
    ),
    "unplugged-in-trial": Message(
        INFRA,
        "the line to {controller} was lost during the trial; within 90 s it runs the old firmware again",
        "plug the cable in and run it again",
    ),
    "interrupted": Message(
        INFRA, "interrupted; {controller} runs the old firmware, at the latest in 90 s", "run it again"
    ),
    "no-record": Message(
        INFRA, "the record {file} cannot be written: {why}", "make room, or ask for the right to write"
    ),
    # a person must go to the board
    "needs-safe-mode": Message(
        SAFE_MODE,
        "{controller} did not come back: {why}",
        "see to its cable; else hold its safe-mode button at power-on and run spinline flash --controller {controller}",
    ),
    "jumper-set": Message(
        SAFE_MODE,
        "{controller} was set up and is still in safe mode",
        "take its jumper off, switch its power off and on, and run it again",
    ),
    "not-set-up": Message(
        SAFE_MODE,
        "{controller} could not be set up: {why}",
        "hold its safe-mode button while you switch the power on, then run it again",
    ),
}


class FlashStopped(SpinlineError):
    """The end of a flash that is no success: ``code`` is a key of MESSAGES, the words fill its braces."""

    def __init__(self, code: str, **words: object) -> None:
        message = MESSAGES[code]
        assert message.exit != OK, code
        self.code, self.exit, self.words = code, message.exit, words
        self.action = message.action.format_map(words)
        super().__init__(message.sentence.format_map(words))
