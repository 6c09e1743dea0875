"""Drives on a Modbus bus: speed setpoint out, speed and status in.  One request or answer a scan; no decisions.

Each drive in turn is told its setpoint, and read, by requests of their own.  What is read is the drive's own output
frequency; the speed of a godet that is controlled comes from its encoder.
"""

from spinline_protocol.portable import const

from .modbus import IDLE, READ_HOLDING, WAITING

TIMEOUT_US = const(50000)  # from the request's end: a drive begins to answer within 20 ms
FAILURES_N_MAX = const(3)  # writes and reads in a row that failed: what the drive does is not known; within a second

# bits of ``fault``, beside the drive's own error number in the lowest eight
NO_ANSWER = const(0x100)  # so often silent or spoiled, or never heard yet
REFUSED = const(0x200)  # an exception: it does not take this register or number, or is busy
NOT_REMOTE = const(0x400)  # its status says that command or setpoint do not come over the bus

# Register map: Delta MS300 user manual, group 09 of the parameters, list of communication addresses
COMMAND = const(0x2000)  # bits 1-0: 1 stop, 2 run; bits 5-4: 1 forwards; the next register is the setpoint, 0.01 Hz
STATUS = const(0x2100)  # four registers from here: error number in the lower byte,
STATE_I = const(1)  # bit 8: the setpoint comes over the bus, bit 10: the command does,
OUTPUT_FREQUENCY_I = const(3)  # (the third is the setpoint again) and the output frequency, 0.01 Hz
STATUS_N = const(4)
RUN_FORWARDS = const(0x12)
STOP = const(0x01)
REMOTE_BITS = const(0x0500)
FREQUENCY_FULL = const(5000)  # 50.00 Hz at full output; the drive's own limit (parameter 01-00) must not be lower


class Drive:
    """One drive.  ``level``: 0 to 65 536 of 50 Hz, as it is to be told; ``speed``: output frequency in 0.01 Hz."""

    def __init__(self, address: int) -> None:
        self.address = address
        self.level = 0
        self.speed = 0
        self.fault = NO_ANSWER
        self.words = [STOP, 0]
        self._refused = 0
        self._unheard = [FAILURES_N_MAX, FAILURES_N_MAX]  # exchanges in a row without an answer: writing, reading

    def tell(self, level: int) -> None:
        """What it is to be told next; 2^16 times 5000 is below 2^29."""
        self.level = level
        self.words[0] = RUN_FORWARDS if level else STOP
        self.words[1] = level * FREQUENCY_FULL >> 16

    def wrote(self, code: int) -> None:
        """How an exchange that told it something ended."""
        if code >= 0:
            self._refused = REFUSED if code else 0
            self.fault |= self._refused
        self._count(0, code)

    def was_read(self, code: int, bus) -> None:  # type: ignore[no-untyped-def]
        """How an exchange that read its status ended.  ``speed`` stays what was read last where it did not come."""
        if code == 0:
            self.speed = bus.register(OUTPUT_FREQUENCY_I)
            self.fault = bus.register(0) & 0xFF | self._refused
            if bus.register(STATE_I) & REMOTE_BITS != REMOTE_BITS:
                self.fault |= NOT_REMOTE
        elif code > 0:
            self.fault |= REFUSED
        self._count(1, code)

    def _count(self, which: int, code: int) -> None:
        unheard = self._unheard
        if code >= 0:
            unheard[which] = 0
        elif unheard[which] < FAILURES_N_MAX:
            unheard[which] += 1
        if unheard[0] + unheard[1] >= FAILURES_N_MAX:
            self.fault |= NO_ANSWER


class Drives:
    """All drives of a bus; ``add`` while the configuration is bound, then ``look`` and ``go_on`` once a scan."""

    def __init__(self, bus) -> None:  # type: ignore[no-untyped-def]
        self._bus = bus
        self._drives: "list[Drive]" = []
        self._turn = 0  # two for each drive: write, read

    def add(self, address: int) -> Drive:
        """The drive at an address of the bus."""
        for drive in self._drives:
            if drive.address == address:
                return drive
        self._drives.append(Drive(address))
        return self._drives[-1]

    def forget(self) -> None:
        """No drives: another configuration is bound.  The exchange that is under way ends unheard."""
        self._drives = []
        self._turn = 0
        self._bus.pending = False

    def look(self, now_us: int) -> None:
        """At the beginning of a scan: take the answer that has come, and go to the next exchange."""
        code = self._bus.step(now_us)
        if code == WAITING or code == IDLE or not self._drives:
            return
        drive = self._drives[self._turn >> 1]
        if self._turn & 1:
            drive.was_read(code, self._bus)
        else:
            drive.wrote(code)
        self._turn += 1
        if self._turn >= 2 * len(self._drives):
            self._turn = 0

    def go_on(self, now_us: int) -> None:
        """At the end of a scan: the request whose turn it is, where the bus is free and silent."""
        if not self._drives or self._bus.pending:
            return
        drive = self._drives[self._turn >> 1]
        if self._turn & 1:
            self._bus.read(drive.address, READ_HOLDING, STATUS, STATUS_N)
        else:
            self._bus.write_several(drive.address, COMMAND, drive.words)
        self._bus.send(now_us)

    def stop_all(self) -> None:
        """Every drive is to be told to stop; the safe routine.  The drive enable has dropped already."""
        for drive in self._drives:
            drive.tell(0)
