"""What `spinline flash` does: finds the boards, judges all of them, then updates or sets up one after the other.

Every board that was touched leaves a line in the site's record; one that is refused leaves none.
"""

from __future__ import annotations

import fcntl
import getpass
import os
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from spinline.edges import clock, flash_record
from spinline.edges.bundle import Bundle
from spinline.edges.flash_label import label_svg, write_label
from spinline.edges.flash_targets import Options, Target, choose
from spinline.edges.found_boards import Found, claim, find_boards, places_of
from spinline.edges.interpreter import bring_interpreter, wait_until_it_answers
from spinline.edges.serial_port import SerialPort, TimedPort
from spinline.edges.set_up import set_up
from spinline.edges.site import Site, note_controller, read_controllers
from spinline.line.board_line import BoardLine, Seen
from spinline.line.flash_messages import MESSAGES, OK, REFUSED, FlashStopped
from spinline.line.flash_rules import judge_firmware, judge_readings, read_line
from spinline.line.update import Update, Updated, judge_state
from spinline_protocol import auth
from spinline_protocol.states import STATES

TURN_US = 4_000
LOCK = "flash.lock"


@dataclass
class Outcome:
    """How one board's flash ended: a key of MESSAGES and its words; ``details`` go to the record and to JSON."""

    controller: str
    code: str
    sentence: str
    action: str
    details: dict[str, Any] = field(default_factory=dict)

    @property
    def exit(self) -> int:
        """Exit code of its message."""
        return MESSAGES[self.code].exit


@dataclass
class Work:
    """One board under way."""

    target: Target
    port: SerialPort
    line: BoardLine
    seen: Seen
    running: str  # its version


Told = Callable[[str, str, int, int], None]  # controller, step, done, total


class Flash:
    """One call of the command.  ``told`` hears the progress of each controller."""

    def __init__(self, site: Site, bundle: Bundle, options: Options, told: Told) -> None:
        self._site, self._bundle, self._options, self._told = site, bundle, options, told
        self._open: list[SerialPort] = []
        self._interpreter_sha256 = ""  # of the image that was written

    def run(self) -> list[Outcome]:
        """Judge all, then flash each.  Raises FlashStopped where one of them is refused: then none is touched."""
        try:
            found = find_boards(places_of(self._site.ports))
            if self._options.interpreter and not self._options.dry_run:
                found = self._with_interpreter(found)
            targets = choose(self._site, found, self._options.controller, self._options.replace)
            updates = [self._judged(target) for target in targets if not target.empty]
            empty = [target for target in targets if target.empty]
            if self._options.dry_run:
                return [self._done("ready", target.name) for target in targets]
            flash_record.judge_end(self._site.records)
            return [self._update(work) for work in updates] + [self._set_up(target) for target in empty]
        finally:
            for port in self._open:
                port.close()

    def _with_interpreter(self, found: list[Found]) -> list[Found]:
        """MicroPython onto the one board that runs no firmware; then what is on the ports."""
        name = self._options.controller
        flash_record.judge_end(self._site.records)
        self._told(name, "interpreter", 0, 1)
        self._interpreter_sha256 = bring_interpreter(name, found, self._bundle, self._options.board)
        found = wait_until_it_answers(name, lambda: places_of(self._site.ports))
        self._told(name, "interpreter", 1, 1)
        return found

    def _done(self, code: str, controller: str, **details: Any) -> Outcome:
        message, words = MESSAGES[code], {"controller": controller, "version": self._bundle.version}
        return Outcome(controller, code, message.sentence.format_map(words), message.action, details)

    def _judged(self, target: Target) -> Work:
        """A board that may be updated.  FlashStopped says why it may not."""
        options, bundle, name = self._options, self._bundle, target.name
        port = claim(target.place.device)
        self._open.append(port)

        def turn() -> int:
            clock.rest_until_us(clock.monotonic_us() + TURN_US)
            return clock.monotonic_us()

        key = auth.role_key(self._site.site_key, auth.MAINTENANCE)
        line = BoardLine(
            name, TimedPort(port, clock.monotonic_us), turn, key, os.urandom,
            lambda step, done, total: self._told(name, step, done, total), lambda: bool(port.problem),
        )  # fmt: skip
        seen = line.look()
        if target.new and not options.dry_run:  # it took the key of this site
            note_controller(self._site.controllers, name, seen.device_id.hex(), target.place.usb_serial)
        judge_state(name, seen.state)
        running = seen.version or flash_record.version_of(self._site.records, seen.firmware_sha256)
        boards = tuple(bundle.boards)
        judge_firmware(name, seen, running, bundle.version, boards, bundle.micropython_min, options.allow_downgrade)
        configuration = self._site.configurations[name]
        known = seen.configuration_sha256 in (configuration.sha256, bytes(32))
        if not options.cold and (known or not options.dry_run):
            self._told(name, "look", 0, 1)
            judge_readings(name, read_line(line, configuration))
        return Work(target, port, line, seen, running)

    def _update(self, work: Work) -> Outcome:
        name, seen = work.target.name, work.seen
        image = self._bundle.boards[seen.board].image
        if seen.firmware_sha256 == image.firmware_sha256:
            return self._done("current", name)
        began_us = clock.monotonic_us()
        done, stopped = Updated(0, 0, len(image.files)), None
        update = Update(work.line, image, self._site.configurations[name])
        try:
            done = update.install(seen)
            self._told(name, "record", 0, 1)
            update.verify()
        except FlashStopped as error:
            stopped = error
        except KeyboardInterrupt:
            stopped = FlashStopped("interrupted", controller=name)
        outcome = self._ended(name, stopped, "updated")
        files = {path: file.sha256 for path, file in sorted(image.files.items())} if stopped is None else {}
        outcome.details |= {
            "board": seen.board, "device_id": seen.device_id.hex(), "usb_serial": work.target.place.usb_serial,
            "old_version": work.running, "old_firmware_sha256": seen.firmware_sha256,
            "micropython": seen.interpreter, "changed_n": done.changed_n, "sent_bytes": done.sent_bytes,
            "files": files, "duration_s": round((clock.monotonic_us() - began_us) / 1e6, 1),
        }  # fmt: skip
        return self._recorded(outcome, image.firmware_sha256)

    def _set_up(self, target: Target) -> Outcome:
        """An empty board, or one in safe mode: everything anew."""
        name, began_us = target.name, clock.monotonic_us()
        details: dict[str, Any] = {"usb_serial": target.place.usb_serial}
        details |= {"interpreter_sha256": self._interpreter_sha256} if self._interpreter_sha256 else {}
        stopped = None
        try:
            kind, seen = set_up(target, self._bundle, self._site.site_key, self._options.board, self._told)
            details |= {"board": kind, "device_id": seen.device_id.hex(), "micropython": seen.interpreter}
        except FlashStopped as error:
            stopped = error
        except KeyboardInterrupt:
            stopped = FlashStopped("not-set-up", controller=name, why="it was interrupted")
        outcome = self._ended(name, stopped, "provisioned")
        if stopped is not None and stopped.exit == REFUSED:
            return outcome
        image = self._bundle.boards[details["board"]].image if stopped is None else None
        if image is not None:
            note_controller(self._site.controllers, name, details["device_id"], target.place.usb_serial)
            details["files"] = {path: file.sha256 for path, file in sorted(image.files.items())}
        outcome.details |= details | {"duration_s": round((clock.monotonic_us() - began_us) / 1e6, 1)}
        return self._recorded(outcome, image.firmware_sha256 if image else "")

    def _ended(self, name: str, stopped: FlashStopped | None, code: str) -> Outcome:
        if stopped is None:
            return self._done(code, name)
        return Outcome(name, stopped.code, str(stopped), stopped.action)

    def _recorded(self, outcome: Outcome, firmware_sha256: str) -> Outcome:
        """In the site's record, on the disk; and the board has its name from now on."""
        entry = {
            "who": getpass.getuser(), "pc": socket.gethostname(),
            "controller": outcome.controller, "result": outcome.code, "exit": outcome.exit, "why": outcome.sentence,
            "version": self._bundle.version, "firmware_sha256": firmware_sha256, "bundle_sha256": self._bundle.sha256,
        }  # fmt: skip
        outcome.details = flash_record.append(self._site.records, entry | outcome.details)
        if outcome.exit == OK:
            day = clock.utc_day().isoformat()
            words = (outcome.controller, self._bundle.version, firmware_sha256, day, outcome.details["device_id"])
            svg = label_svg(self._site.title, *words)
            name = f"label-{outcome.controller}-{outcome.details['n']}"
            outcome.details["label"] = str(write_label(self._site.records, name, svg))
        return outcome


def board_rows(site: Site) -> list[dict[str, str]]:
    """What is connected, a row each: for people, texts only.  Nothing is changed."""
    known = read_controllers(site.controllers)
    by_id = {row.device_id: name for name, row in known.items()}
    by_serial = {row.usb_serial: name for name, row in known.items() if row.usb_serial}
    rows = []
    for one in find_boards(places_of(site.ports)):
        hello, named = one.hello, by_serial.get(one.place.usb_serial, "unknown")
        device_id, sha256 = (hello["device_id"].hex(), hello["firmware_sha256"].hex()) if hello else ("", "")
        says = (
            "at MicroPython's prompt: empty, or in safe mode"
            if one.prompt
            else "no answer: no supply, or no MicroPython"
        )
        rows.append(
            {
                "port": one.place.device,
                "USB serial": one.place.usb_serial,
                "controller": by_id.get(device_id, "unknown") if hello else named,
                "device id": device_id,
                "firmware": sha256[:8],
                "version": flash_record.version_of(site.records, sha256) if hello else "",
                "state": STATES[hello["state"]] if hello else str(one.problem or says),
            }
        )
    return rows


@contextmanager
def flashing_alone(folder: Path) -> Iterator[None]:
    """One flash of a site at a time on this PC.  FlashStopped ``another-flash`` says who is at it."""
    path = folder / LOCK
    try:
        folder.mkdir(parents=True, exist_ok=True)
        file = open(path, "a+", encoding="utf-8")  # noqa: SIM115  the lock lives as long as it is open
    except OSError as error:
        raise FlashStopped("no-record", file=path, why=error.strerror) from None
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            file.seek(0)
            raise FlashStopped("another-flash", who=file.read().strip() or "another program") from None
        file.truncate(0)
        file.write(f"{getpass.getuser()} (process {os.getpid()})\n")
        file.flush()
        yield
