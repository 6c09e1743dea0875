"""Slot selector: counts a trial, arms the watchdog, runs the application of a slot.  Never updated in the field.

`select.txt` holds the good slot, the slot on trial or -, and how many boots of the trial are left.  Whatever that file
says, a slot without a manifest is never chosen while the other one has one.  With the safe pin low at power-on, or
without a firmware, it ends: outputs are off (boot.py), no watchdog runs, and the prompt is there.
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
    if left == "1" and trial in ("a", "b") and has_firmware(trial):
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


def execute_in_place(slot: str, watchdog) -> None:  # type: ignore[no-untyped-def]
    """Have the slot put its image in ROM before itself on the path; a firmware that cannot runs as it is."""
    try:
        from spinline_firmware.in_place import prepare

        prepare(slot, watchdog)
    except ImportError:
        pass  # an older firmware, or an interpreter that knows no ROM
    except Exception as error:
        sys.print_exception(error)  # type: ignore[attr-defined]


def start() -> None:
    """Everything from the choice to the application's end, which it has only by a fault or a reset."""
    if machine.Pin(board.SAFE_PIN, machine.Pin.IN, machine.Pin.PULL_UP).value() == 0:
        print("safe mode: the jumper was set at power-on, so no firmware and no watchdog were started")
        return
    slot, on_trial = choose()
    if not has_firmware(slot):
        print("no firmware: neither slot has a manifest; bring one with `spinline flash`")
        return
    watchdog = machine.WDT(timeout=WATCHDOG_MS)  # it cannot be stopped any more; armed before the import on purpose
    sys.path.insert(0, slot)
    with open(slot + "/manifest.txt") as manifest:
        firmware_sha256 = bytes.fromhex(manifest.readline().split()[0])
    execute_in_place(slot, watchdog)
    from spinline_firmware.app import App  # only now is the slot on the path

    App(board, firmware_sha256, os.urandom, slot, on_trial).run(watchdog)


start()
