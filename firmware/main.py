"""Slot selector: arms the watchdog, then runs the application of the slot.  Never decides anything about the line."""

import os
import sys

import machine

SLOT = "a"
WATCHDOG_MS = 8000

watchdog = machine.WDT(timeout=WATCHDOG_MS)  # once started it cannot be stopped; armed before the import on purpose
sys.path.insert(0, SLOT)
with open(SLOT + "/manifest.txt") as manifest:
    firmware_sha256 = bytes.fromhex(manifest.readline().strip())

from spinline_firmware.app import App  # noqa: E402  only now is the slot on the path

App(firmware_sha256, os.urandom).run(watchdog)
