"""Slot selector: counts a trial, arms the watchdog, runs the application of a slot.  Never updated in the field.

`select.txt` holds the good slot, the slot on trial or -, and how many boots of the trial are left.  Whatever that file
says, a slot without a manifest is never chosen while the other one has one.
"""

import os
import sys

import board
import machine

WATCHDOG_MS = 8000
SELECT, DRAFT = "select.txt", "select.new"


def has_firmware(slot: str) -> bool:
    """True where the slot has a manifest: it is written last, when every file has been verified."""
    try:
        os.stat(slot + "/manifest.txt")
        return True
    except OSError:
        return False


def choose() -> "tuple[str, bool]":
    """The slot to run, and whether this is its trial; a trial's boot is counted before the slot is touched."""
    try:
        with open(SELECT) as file:
            good, trial, left = file.read().split()
    except (OSError, ValueError):
        good, trial, left = "a", "-", "0"  # as provisioned, or unreadable: manifests decide
    if left == "1" and trial in ("a", "b") and has_firmware(trial) and not maintenance:
        try:
            with open(DRAFT, "w") as file:
                file.write("%s %s 0\n" % (good, trial))
            os.rename(DRAFT, SELECT)
            return trial, True
        except OSError:
            pass  # a boot that cannot be counted is no trial
    if not has_firmware(good):
        good = "b" if good == "a" else "a"
    return good, False


watchdog = machine.WDT(timeout=WATCHDOG_MS)  # once started it cannot be stopped; armed before the import on purpose
maintenance = machine.Pin(board.SAFE_PIN, machine.Pin.IN, machine.Pin.PULL_UP).value() == 0
slot, on_trial = choose()
sys.path.insert(0, slot)
with open(slot + "/manifest.txt") as manifest:
    firmware_sha256 = bytes.fromhex(manifest.readline().split()[0])

from spinline_firmware.app import App  # noqa: E402  only now is the slot on the path

App(board, firmware_sha256, os.urandom, slot, on_trial).run(watchdog)
