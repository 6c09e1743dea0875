"""The composition root: builds the parts of a node, owns the clock, serves the wire's requests between scans."""

import gc
import sys
import time

import machine

from spinline_protocol import errors, messages
from spinline_protocol.configuration import TABLE_INPUT, TABLE_OUTPUT
from spinline_protocol.device_link import DeviceLink
from spinline_protocol.states import (
    ABORTED,
    ABORTING,
    ACTIVE,
    CMD_ABORT,
    CMD_STOP,
    COMPLETE,
    EVT_BOOT,
    EVT_CONFIGURED,
    EVT_INTERNAL,
    EVT_SCAN_OVERRUN,
    EVT_STORE,
    IDLE,
    KEPT_EVENTS,
    KEPT_KEYS,
    KEPT_TABLES,
    STOPPED,
    WATCHDOG_RESET,
)

from . import loaded
from .control.image import new_image
from .control.summary import RING_BYTES
from .drivers.board_io import open_input, reset_cause
from .drivers.event_files import open_events
from .drivers.ports import Ports
from .event_ring import EventRing
from .events import Events
from .kept import BOOTS, Kept
from .keystore import KeyStore
from .publisher import Publisher
from .requests import fits, identity, serve_tune
from .scan import Scan
from .trial import Trial
from .wire import Wire

PERMIT_OPEN_MS = 2000  # the contact of a node that has started: longer than the slowest scan, so that no node misses it
QUIET = (IDLE, STOPPED, ABORTED, COMPLETE)  # nothing moves: flash may be written
WRITE_SCANS = 4  # a piece behind one scan in so many: three late ones in a row would abort
RESTART_SCANS = 2  # from the reason to start anew to the start: what tells of it leaves first
BARE_SCAN_MS = 100  # before a configuration says otherwise
COLLECT_MS, COLLECT_SCANS = 1800, 4  # added: a slow node sends less; 22 to 30 kB of garbage, all for the wire


class App:
    """One controller.  ``board`` says where its pins are, ``firmware_sha256`` is the hash of the source manifest.

    ``entropy(n)`` gives n random bytes.  It runs from ``slot``; a boot ``on_trial`` ends by itself where nobody
    confirms it.
    """

    def __init__(self, board, firmware_sha256: bytes, entropy, slot: str = "a", on_trial: bool = False) -> None:  # type: ignore[no-untyped-def]
        self._board_name, self._reset_cause = board.NAME, reset_cause(board)
        self._bytes_a_ms = board.BAUD // 10000  # what the transmitter sends
        self._ring = bytearray(RING_BYTES)
        self._permit_out = machine.Pin(board.PERMIT_OUT, machine.Pin.OUT, value=0)
        self._permit_in = open_input(board, board.PERMIT_IN)
        self._heartbeat = machine.Pin(board.HEARTBEAT, machine.Pin.OUT, value=0)
        self._wire = Wire(board)
        self._firmware_sha256 = firmware_sha256
        self._schema_sha256 = loaded.schema_sha256()
        self._configuration_sha256 = bytes(32)
        self._boot_id = int.from_bytes(entropy(4), "big")
        self._device_id = bytes(machine.unique_id())[:8]
        self._image = new_image()
        self._ports = Ports(board)
        self._keys = KeyStore()
        self._kept = Kept(self._schema_sha256)
        self._ring_of_events = EventRing(open_events(board, self._ports.i2c), self._boot_id)
        self._events = Events(self._boot_id, self._ring_of_events)
        self._wrote = 0  # 1: behind the last scan something was written
        self._at_us, self._ticks_us = 0, time.ticks_us()
        self._trial = Trial(on_trial)
        self._safe_pin = machine.Pin(board.SAFE_PIN, machine.Pin.IN, machine.Pin.PULL_UP)
        bus_device_id = self._device_id if self._wire.on_bus else b""
        told = (self._hello, entropy, self._keys, self._now_us)
        self._link = DeviceLink(self._wire.address, *told, bus_device_id)
        self._transaction = loaded.nothing()
        self._transfer = loaded.nothing()
        self._slot = slot
        self._updates = loaded.nothing()
        self._restart_at = 0  # scan in which the node starts anew; 0: none
        self._node: "Scan | None" = None
        self._publisher: "Publisher | None" = None
        self._scans_n = self._opened_n = 0
        self._collect_scans = COLLECT_SCANS + COLLECT_MS // BARE_SCAN_MS
        self._start(self._reset_cause)

    def _start(self, reset_cause: int) -> None:
        """Count the start, tell what was spoiled, run what was kept.

        Not behind a watchdog's reset: what made the node hang may be its configuration, and a host is to look first.
        """
        boots_n = self._kept.number(BOOTS) + 1
        self._kept.put_number(BOOTS, boots_n)
        self._event(EVT_BOOT, reset_cause, boots_n, 0)
        if self._keys.record.spoiled_n:
            self._event(EVT_STORE, KEPT_KEYS, errors.HASH, self._keys.record.spoiled_n)
        code = errors.GONE
        if reset_cause != WATCHDOG_RESET:
            try:
                self._transaction = loaded.configuring(False)
                code = self._kept.load(self._transaction)
                code = code or self._rebuild(self._transaction.tables)
            except Exception as error:  # a board that starts without a configuration can be helped
                sys.print_exception(error)  # type: ignore[attr-defined]
                code = errors.INTERNAL
        if self._kept.spoiled_n or code not in (errors.OK, errors.GONE):
            self._event(EVT_STORE, KEPT_TABLES, code, self._kept.spoiled_n)
        if code == errors.OK and self._node:
            self._node.held_open = PERMIT_OPEN_MS // self._node.scan_ms
            self._configured(1)
        self._cancel()

    def _now_us(self) -> int:
        """Time since the start in us; the ticks behind it wrap every 17 minutes, and every scan asks."""
        ticks_us = time.ticks_us()
        self._at_us += time.ticks_diff(ticks_us, self._ticks_us)
        self._ticks_us = ticks_us
        return self._at_us

    def _event(self, code: int, source: int, got: int, limit: int) -> None:
        if code != EVT_SCAN_OVERRUN or not source:
            self._trial.note(code, self._at_us)
        self._events.add(self._node.recorder.next_scan if self._node else 0, code, source, got, limit)

    def _hello(self, host_nonce: bytes, device_nonce: bytes, session: int) -> "tuple[int | bytes, ...]":
        """What this node says of itself: the fields of HELLO_ACK in order."""
        node = self._node
        return (
            messages.VERSION_MAJOR,
            messages.VERSION_MINOR,
            session,
            self._boot_id,
            0,
            240,
            4,
            node.recorder.oldest_scan() if node else 0,
            node.recorder.next_scan if node else 0,
            self._events.oldest_i(),
            self._reset_cause,
            node.state if node else IDLE,
            host_nonce,
            device_nonce,
            self._device_id,
            self._firmware_sha256,
            self._schema_sha256,
            self._configuration_sha256,
        )

    def run(self, watchdog) -> None:  # type: ignore[no-untyped-def]
        """Scan for ever at a fixed rate.  An exception is a bug of ours: outputs off, then the watchdog restarts us."""
        gc.threshold(-1)  # from now on at a known place (__init__.py had it collect while the firmware was loaded)
        due = time.ticks_ms()
        overrun = 0
        try:
            while True:
                self.scan(overrun)
                self._ports.finish()
                watchdog.feed()
                self._write()
                if self._trial.over(self._at_us) and not self._restart_at:
                    self._restart_at = self._scans_n + RESTART_SCANS
                if self._scans_n == self._restart_at:
                    self._restart()
                due = time.ticks_add(due, self._scan_ms())
                wait_ms = time.ticks_diff(due, time.ticks_ms())
                overrun = 1 if wait_ms < 0 else 0
                if overrun:
                    self._event(EVT_SCAN_OVERRUN, self._wrote, -wait_ms, self._scan_ms())
                    due = time.ticks_ms()
                else:
                    self._wire.wait(self._link, due)
        except Exception as error:
            self._ports.all_off()
            self._permit_out.value(0)
            sys.print_exception(error)  # type: ignore[attr-defined]
            raise

    def _write(self) -> None:
        """Between two scans: a piece of what waits to be kept.

        An erase of flash may make the next scan late: only where nothing moves, and not behind every scan.
        """
        self._wrote = 0
        ring, kept = self._ring_of_events, self._kept
        quiet = self._scans_n % WRITE_SCANS == 0 and self._state() in QUIET
        try:
            if ring.waits() and (quiet or ring.quick) and not self._events.telling:
                self._wrote = 1
                ring.write()
            elif quiet and kept.waits():
                self._wrote = 1
                kept.step()
        except (OSError, MemoryError):  # the line goes on, and is told
            self._event(EVT_STORE, KEPT_EVENTS if ring.failed else KEPT_TABLES, errors.TOO_LARGE, 0)

    def _restart(self) -> None:
        """Outputs off, then the selector decides which slot runs."""
        self._ports.all_off()
        self._permit_out.value(0)
        machine.reset()

    def _state(self) -> int:
        return self._node.state if self._node else IDLE

    def _scan_ms(self) -> int:
        return self._node.scan_ms if self._node else BARE_SCAN_MS

    def scan(self, overrun: int) -> None:
        """Receive, act on what was asked, scan the process, publish."""
        link = self._link
        self._now_us()
        link.next_scan = self._node.recorder.next_scan if self._node else messages.NO_SCAN
        link.jumper = self._safe_pin.value() == 0 and self._state() == IDLE
        self._wire.look(link)
        link.next_scan = messages.NO_SCAN  # what a bus brings between two scans begins none
        self._begin_session()
        while link.requests:
            sequence, message = link.requests.pop(0)
            self._serve(sequence, message)
        if self._node:
            self._node.scan(link.lease_ms_renewed, overrun)
        link.lease_ms_renewed = 0
        if self._transfer:
            self._transfer.scan(link, self._state())
        if self._updates:
            self._updates.scan(link, self._state())
        self._publish()
        self._heartbeat.value(self._scans_n & 1)
        self._scans_n += 1
        if self._scans_n % self._collect_scans == 0:
            gc.collect()  # at the end of a scan: a known place

    def _begin_session(self) -> None:
        """Before its first request, which on a bus may come in the same scan."""
        link = self._link
        if link.opened_n != self._opened_n:
            self._opened_n = link.opened_n
            self._events.restart()
            self._cancel()  # what another session had prepared is not this one's to commit
            if self._transfer:
                self._transfer.stop()
            if self._updates:
                self._updates.stop()
            if self._publisher:
                self._publisher.restart()

    def _publish(self) -> None:
        link = self._link
        self._events.publish(link)
        if self._publisher:
            self._publisher.publish(link)
        self._wire.send(link, self._bytes_a_ms * self._scan_ms())

    def _serve(self, sequence: int, message: list) -> None:  # type: ignore[type-arg]
        """Answer one request; an exception here is a fault of ours and is told as INTERNAL."""
        try:
            self._dispatch(sequence, message)
        except Exception as error:  # the line must not stop for a request: told, counted, answered
            sys.print_exception(error)  # type: ignore[attr-defined]
            self._event(EVT_INTERNAL, message[0] if isinstance(message[0], int) else 255, 0, 0)
            self._link.answer_code(sequence, errors.INTERNAL)

    def _dispatch(self, sequence: int, message: list) -> None:  # type: ignore[type-arg]
        operation, fields = message[0], message[1:]
        if not fits(operation, fields):
            self._link.answer_code(sequence, errors.BAD_ARGUMENTS)
        elif operation == messages.COMMAND:
            code = self._node.command(fields[0]) if self._node else self._bare_command(fields[0])
            self._link.answer_code(sequence, code, self._node.state if self._node else IDLE)
        elif operation in (messages.SET_SETPOINT, messages.SET_MODE, messages.PULSE):
            self._link.answer_code(sequence, *self._set(operation, fields))
        elif operation in (messages.TUNE_START, messages.TUNE_STOP):
            serve_tune(self._link, sequence, operation, fields, self._node)
        elif operation == messages.IDENTIFY:
            self._link.answer(sequence, identity(self._board_name))
        elif operation == messages.JOURNAL:
            self._link.answer_journal(sequence)
        elif operation == messages.PROVISION:
            self._link.answer_code(sequence, errors.OK if self._keys.put(*fields) else errors.RANGE)
        elif operation == messages.BACKFILL_REQUEST:
            self._link.answer_code(sequence, *self._ask_again(*fields))
        elif operation in (messages.TRANSFER_BEGIN, messages.TRANSFER_PUT, messages.TRANSFER_END):
            self._transfer = self._transfer or loaded.transfer()
            self._transfer.serve(self._link, sequence, operation, fields, self._state())
        elif messages.UPDATE_APPLY <= operation <= messages.UPDATE_FILES:
            self._serve_update(sequence, operation, fields)
        else:
            self._configure(sequence, operation, fields)

    def _set(self, operation: int, fields: list) -> "tuple[int, int, int, str]":  # type: ignore[type-arg]
        """What a person sets: code, got, limit, and the field that was refused."""
        node = self._node
        if not node:
            return errors.STATE, 0, 0, ""
        if operation == messages.PULSE:
            return node.begin_pulse(*fields)
        setpoint = operation == messages.SET_SETPOINT
        code, got, limit = node.set_setpoint(*fields) if setpoint else node.set_mode(*fields)
        return code, got, limit, "" if code != errors.RANGE else "setpoint" if setpoint else "mode"

    def _ask_again(self, stream: int, first: int, count: int) -> "tuple[int, int]":
        """Old records come beside the new ones: result code, and the oldest there is."""
        if stream == messages.STREAM_EVENTS:
            self._events.tell_earlier()
            return errors.OK, 0
        return self._publisher.ask(stream, first, count) if self._publisher else (errors.STATE, 0)

    def _serve_update(self, sequence: int, operation: int, fields: list) -> None:  # type: ignore[type-arg]
        if not self._updates:
            given = (self._slot, self._board_name, self._keys, self._trial, self._firmware_sha256)
            self._updates = loaded.update_requests(*given)
        inputs_n = len(self._node.sensors.rows) if self._node else 0
        refusal = self._trial.refusal(self._at_us, self._state(), self._image, inputs_n)
        if self._updates.serve(self._link, sequence, operation, fields, self._state(), refusal, self._at_us):
            self._restart_at = self._scans_n + RESTART_SCANS

    def _bare_command(self, command: int) -> int:
        """A node without configuration is safe already; anything else has to wait for one."""
        return errors.OK if command in (CMD_STOP, CMD_ABORT) else errors.STATE

    def _configure(self, sequence: int, operation: int, fields: list) -> None:  # type: ignore[type-arg]
        if operation in (messages.CONFIG_BEGIN, messages.CONFIG_PUT, messages.CONFIG_PREPARE):
            self._transaction = self._transaction or loaded.configuring(self._state() in ACTIVE)
            self._transaction.serve(self._link, sequence, operation, fields, self._configuration_sha256)
        elif operation == messages.CONFIG_COMMIT:
            self._link.answer_code(sequence, *self._commit(fields[0]))
        elif operation == messages.CONFIG_CANCEL:
            self._cancel()
            self._link.answer_code(sequence, errors.OK)
        else:
            self._link.answer_code(sequence, errors.UNKNOWN_OPERATION)

    def _cancel(self) -> None:
        """Forget the shadow, and what judges it."""
        if self._transaction:
            self._transaction = loaded.nothing()
            loaded.forget(*loaded.JUDGES, *loaded.TABLES)
            gc.collect()
            loaded.pack(False)

    def _commit(self, digest: bytes) -> "tuple[int, int, int, str]":
        """Swap the prepared configuration in between two scans: code, then the next scan or what was refused.

        While the node is active only numbers change, and no output moves.
        """
        transaction = self._transaction
        if (
            not transaction or not transaction.prepared or (self._node and self._node.state == ABORTING)
        ):  # its safe order goes on
            return errors.STATE, 0, 0, ""
        if digest != transaction.digest:
            return errors.HASH, 0, 0, ""
        if self._node and self._node.state in ACTIVE:
            code, got, limit = self._node.retune(transaction.tables)
            field = "loop" if code == errors.RANGE and got else ""
        else:
            code, got, limit, field = self._rebuild(transaction.tables), 0, 0, ""
            if code:
                field, got = self._ports.refused
        if code:
            return code, got, limit, field
        self._kept.keep(transaction.tables, bytes(transaction.order), digest)
        self._configured(0)
        assert self._node is not None
        return errors.OK, self._node.recorder.next_scan, 0, ""

    def _configured(self, kept: int) -> None:
        """The node runs what the transaction holds; ``kept``: 1 where that comes from before the start."""
        self._configuration_sha256 = self._transaction.digest
        self._event(EVT_CONFIGURED, kept, 0, 0)
        self._cancel()

    def _rebuild(self, tables) -> int:  # type: ignore[no-untyped-def]
        """A node made anew, IDLE: nothing of the old one but its scan numbers."""
        first_scan = self._node.recorder.next_scan if self._node else 0
        if self._ports.bind(tables[TABLE_INPUT], tables[TABLE_OUTPUT]):
            if self._node:
                self._ports.bind(self._node.sensors.rows, self._node.outputs.rows)
            return errors.RANGE
        self._node = self._publisher = None  # two nodes are more than the heap holds
        gc.collect()
        pins = (self._permit_in, self._permit_out)
        self._node = Scan(tables, self._image, self._ring, self._ports, *pins, self._event, first_scan)
        self._collect_scans = COLLECT_SCANS + COLLECT_MS // self._node.scan_ms
        bytes_a_scan = self._bytes_a_ms * self._node.scan_ms
        self._publisher = Publisher(self._node.recorder, self._node.summaries, self._node.scan_ms, bytes_a_scan)
        return errors.OK
