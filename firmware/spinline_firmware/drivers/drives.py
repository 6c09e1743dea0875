"""Drives on a Modbus bus: speed setpoint out, speed and status in.  One request or answer a scan; no decisions.

Each drive in turn is told its setpoint, and read, by requests of their own.  What is read is what the drive says of
itself: the speed of a godet that is controlled comes from its encoder.
"""

from array import array

from spinline_protocol.configuration import DRIVE_CURRENT, DRIVE_SPEED, DRIVE_STATUS
from spinline_protocol.portable import const

from .modbus import IDLE, READ_HOLDING, WAITING

TIMEOUT_US = const(50000)  # from the request's end: a drive begins to answer within 20 ms
RELEASE_US = const(100)  # between two looks whether the last bit has left
FAILURES_N_MAX = const(3)  # writes and reads in a row that failed: what the drive does is not known; within a second

# bits of ``fault``, beside the drive's own error number in the lowest eight
NO_ANSWER = const(0x100)  # so often silent or spoiled
REFUSED = const(0x200)  # an exception: it does not take this register or number, or is busy
NOT_REMOTE = const(0x400)  # its status says that command or setpoint do not come over the bus
UNREAD = const(0x800)  # never read yet: no fault of the drive, but nothing is known
UNKNOWN = NO_ANSWER | REFUSED | NOT_REMOTE | UNREAD  # any of these: what was read last says nothing of now
FAULTY = UNKNOWN ^ UNREAD | 0xFF  # any of these: it does not do what it is told

# Register map: Delta MS300 user manual, group 09 of the parameters, list of communication addresses
COMMAND = const(0x2000)  # bits 1-0: 1 stop, 2 run; bits 5-4: 1 forwards; the next register is the setpoint, 0.01 Hz
STATUS = const(0x2100)  # four registers from here: error number in the lower byte,
STATE_I = const(1)  # bit 8: the setpoint comes over the bus, bit 10: the command does,
OUTPUT_FREQUENCY_I = const(3)  # (the third is the setpoint again), the output frequency, 0.01 Hz,
CURRENT_I = const(4)  # and the output current, 0.01 A
STATUS_N = const(5)
RUN_FORWARDS = const(0x12)
STOP = const(0x01)
REMOTE_BITS = const(0x0500)
FREQUENCY_FULL = const(5000)  # 50.00 Hz at full output; the drive's own limit (parameter 01-00) must not be lower


class Drive:
    """One drive, told 0 to 65 536 of 50 Hz.  ``errors_n``: its exchanges that failed, to 65 535.

    ``measured``: output frequency in 0.01 Hz, current in 0.01 A, its error number.
    """

    def __init__(self, address: int) -> None:
        self.address = address
        self.measured = array("i", (0, 0, 0))
        self.fault = UNREAD
        self.errors_n = 0
        self.words = [STOP, 0]
        self._refused = 0
        self._unheard = [0, 0]  # exchanges in a row without an answer: writing, reading

    def tell(self, level: int) -> None:
        """What it is to be told next; 2^16 times 5000 is below 2^29."""
        self.words[0] = RUN_FORWARDS if level else STOP
        self.words[1] = level * FREQUENCY_FULL >> 16

    def wrote(self, code: int) -> None:
        """How an exchange that told it something ended."""
        if code >= 0:
            self._refused = REFUSED if code else 0
            self.fault |= self._refused
        self._count(0, code)

    def was_read(self, code: int, bus) -> None:  # type: ignore[no-untyped-def]
        """How an exchange that read its status ended.  What did not come stays as it was."""
        if code == 0:
            measured = self.measured
            measured[DRIVE_SPEED] = bus.register(OUTPUT_FREQUENCY_I)
            measured[DRIVE_CURRENT] = bus.register(CURRENT_I)
            measured[DRIVE_STATUS] = bus.register(0) & 0xFF
            self.fault = measured[DRIVE_STATUS] | self._refused
            if bus.register(STATE_I) & REMOTE_BITS != REMOTE_BITS:
                self.fault |= NOT_REMOTE
        elif code > 0:
            self.fault |= REFUSED
        self._count(1, code)

    def _count(self, which: int, code: int) -> None:
        unheard = self._unheard
        if code and self.errors_n < 65535:
            self.errors_n += 1
        if code >= 0:
            unheard[which] = 0
        elif unheard[which] < FAILURES_N_MAX:
            unheard[which] += 1
        if unheard[0] + unheard[1] >= FAILURES_N_MAX:
            self.fault |= NO_ANSWER


class Drives:
    """All drives of a bus; ``add`` while the configuration is bound, then ``look`` and ``go_on`` once a scan each."""

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

    def close(self) -> None:
        """Another configuration is bound: the bus is let go of, and its pins are free."""
        self._bus.close()

    def let_go_us(self, now_us: int) -> int:
        """0 where the bus is free of us; else so long until it may be: call it again then."""
        return self._bus.sending_us(now_us) or (0 if self._bus.release() else RELEASE_US)

    def stop_all(self) -> None:
        """Every drive is to be told to stop; the safe routine.  The drive enable has dropped already."""
        for drive in self._drives:
            drive.tell(0)
