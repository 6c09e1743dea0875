"""Modbus RTU master, one step a scan: it sends a request, and a later step finds the answer.  Never waits for a slave.

Modbus over serial line V1.02: frames 2.5.1, CRC 6.2.2; application protocol V1.1b3: functions 3, 4, 6 and 16
(6.3, 6.4, 6.6, 6.12), exceptions 7.  Times are ticks in us: a frame is over after 1.5 characters of silence, and the
next one begins after 3.5; above 19 200 baud these are 750 and 1750 us (2.5.1.1).
"""

import struct

from spinline_protocol.portable import const

from .crc16 import crc16

READ_HOLDING = const(3)
READ_INPUT = const(4)
WRITE_ONE = const(6)
WRITE_SEVERAL = const(16)
_EXCEPTION = const(0x80)
REGISTERS_N_MAX = const(8)  # of one request; the protocol has 125, a drive needs four
FRAME_BYTES_MAX = const(32)
STOP_BITS = const(2)  # eight bits without parity
CHARACTER_BITS = const(11)  # with parity or a second stop bit
FAST_BAUD = const(19200)
RECOVERY_US = const(150000)  # of silence after a failed exchange: a late answer must not meet the next request

# what ``step`` tells: the request is on its way, or how it ended; above 0 the number of the slave's exception
WAITING = const(-1)
IDLE = const(-2)
DONE = const(0)
SILENT = const(-3)  # no answer in time
SPOILED = const(-4)  # CRC, length, address or function do not fit
TICKS_MASK = const(0x3FFFFFFF)


def silence_us(baud: int) -> "tuple[int, int]":
    """Silence that ends a frame, and that which has to be before the next."""
    if baud > FAST_BAUD:
        return 750, 1750
    character_us = CHARACTER_BITS * 1000000 // baud
    return character_us * 3 // 2, character_us * 7 // 2


class Modbus:
    """The master of one bus.  ``uart`` never waits; ``enable`` is the driver's pin, or None where the transceiver
    finds its direction by itself (it must not hear itself: its receiver is off while it sends)."""

    def __init__(self, uart, enable, baud: int, timeout_us: int) -> None:  # type: ignore[no-untyped-def]
        self._uart = uart
        self._enable = enable
        self._character_us = CHARACTER_BITS * 1000000 // baud
        self._end_us, self._gap_us = silence_us(baud)
        self._quiet_us = self._gap_us  # silence that has to be before the next request
        self._timeout_us = timeout_us
        self._out = memoryview(bytearray(FRAME_BYTES_MAX))
        self._in = bytearray(FRAME_BYTES_MAX)
        self._places = [memoryview(self._in)[i:] for i in range(FRAME_BYTES_MAX)]  # made once: a slice is an object
        self._frames: "dict[int, memoryview]" = {8: self._out[:8]}
        for count in range(1, REGISTERS_N_MAX + 1):
            self._frames[9 + 2 * count] = self._out[: 9 + 2 * count]
        self._length = 0  # of the request
        self._got = 0
        self._wanted = 0  # bytes of the answer
        self._sent_us = 0
        self._heard_us = 0  # when a step found bytes last: silence is counted from there
        self._late_us = 0  # a frame that stands incomplete is over then
        self.pending = False
        self.enabled = False

    def read(self, slave: int, function: int, first: int, count: int) -> None:
        """Make ready a request for 1 to 8 registers; READ_HOLDING or READ_INPUT."""
        assert 1 <= count <= REGISTERS_N_MAX and not self.pending
        self._head(slave, function, first, count)
        self._finish(6, 5 + 2 * count)

    def write_one(self, slave: int, register: int, number: int) -> None:
        """Make ready a request that sets one register to 0 to 65 535."""
        assert not self.pending
        self._head(slave, WRITE_ONE, register, number)
        self._finish(6, 8)

    def write_several(self, slave: int, first: int, numbers) -> None:  # type: ignore[no-untyped-def]
        """Make ready a request that sets 1 to 8 registers in a row."""
        count = len(numbers)
        assert 1 <= count <= REGISTERS_N_MAX and not self.pending
        self._head(slave, WRITE_SEVERAL, first, count)
        out = self._out
        out[6] = 2 * count
        for i in range(count):
            out[7 + 2 * i] = numbers[i] >> 8
            out[8 + 2 * i] = numbers[i] & 255
        self._finish(7 + 2 * count, 8)

    def _head(self, slave: int, function: int, first: int, second: int) -> None:
        struct.pack_into(">BBHH", self._out, 0, slave, function, first, second)

    def _finish(self, length: int, wanted: int) -> None:
        crc = crc16(self._out, length)
        self._out[length] = crc & 255
        self._out[length + 1] = crc >> 8
        self._length = length + 2
        self._wanted = wanted

    def send(self, now_us: int) -> bool:
        """Put the request on the wire where it has been silent for long enough; False: a later step tries again."""
        if self._drain(now_us) or _since(now_us, self._heard_us) < self._quiet_us:
            return False
        if self._enable is not None:
            self._enable.value(1)
            self.enabled = True
        self._uart.write(self._frames[self._length])
        self._sent_us = now_us
        self._got = 0
        self.pending = True
        return True

    def close(self) -> None:
        """Let go of bus and UART, whatever is under way."""
        if self._enable is not None:
            self._enable.value(0)
        self._uart.deinit()

    def _drain(self, now_us: int) -> int:
        """Bytes that belong to nothing: the late answer to a request that was given up."""
        dropped = 0
        while self._uart.any() and dropped < 2 * FRAME_BYTES_MAX:
            got = self._uart.readinto(self._in)
            if not got:
                break
            dropped += got
        if dropped:
            self._heard_us = now_us
        return dropped

    def sending_us(self, now_us: int) -> int:
        """So long until the last bit of the request has left; 0 where it has."""
        if not self.enabled:
            return 0
        left_us = self._length * self._character_us - _since(now_us, self._sent_us)
        return left_us if left_us > 0 else 0

    def release(self) -> bool:
        """Let go of the bus; True where it is free.  Called when ``sending_us`` is 0: the UART has the last word."""
        if self.enabled and self._uart.txdone():
            self._enable.value(0)
            self.enabled = False
        return not self.enabled

    def step(self, now_us: int) -> int:
        """Look for the answer: WAITING, IDLE, DONE, SILENT, SPOILED, or the number of an exception (1 to 11)."""
        if not self.pending:
            return IDLE
        if self._receive(now_us):
            self._late_us = now_us + (self._missing() * self._character_us + self._end_us) & TICKS_MASK
        if self._got >= 5 and self._in[1] & _EXCEPTION:
            return self._end(self._exception(), now_us)
        if self._got >= self._wanted:
            return self._end(DONE if self._fits() else SPOILED, now_us)
        if self._got and _since(now_us, self._late_us) < TICKS_MASK >> 1:
            return self._end(SPOILED, now_us)
        if _since(now_us, self._sent_us) >= self._timeout_us + self._length * self._character_us:
            return self._end(SPOILED if self._got else SILENT, now_us)
        return WAITING

    def _receive(self, now_us: int) -> int:
        if not self._uart.any():
            return 0
        got = self._uart.readinto(self._places[self._got]) or 0
        self._got += got
        self._heard_us = now_us
        return got

    def _missing(self) -> int:
        return self._wanted - self._got if self._wanted > self._got else 0

    def _end(self, code: int, now_us: int) -> int:
        self.pending = False
        self._quiet_us = self._gap_us
        if code < 0:
            self._quiet_us = RECOVERY_US
            self._heard_us = now_us
        return code

    def _exception(self) -> int:
        """Of a whole exception frame the slave's own number, else SPOILED."""
        answer, out = self._in, self._out
        whole = self._got == 5 and crc16(answer, 5) == 0
        if whole and answer[0] == out[0] and answer[1] == out[1] | _EXCEPTION and answer[2]:
            return answer[2]
        return SPOILED

    def _fits(self) -> bool:
        """The answer is whole, and to this request: of a write it repeats what was asked."""
        answer, out = self._in, self._out
        if self._got != self._wanted or crc16(answer, self._wanted) or answer[0] != out[0] or answer[1] != out[1]:
            return False
        if out[1] == READ_HOLDING or out[1] == READ_INPUT:
            return answer[2] == self._wanted - 5
        for i in range(2, 6):
            if answer[i] != out[i]:
                return False
        return True

    def register(self, i: int) -> int:
        """Register ``i`` of the last answer to a read, 0 to 65 535."""
        return self._in[3 + 2 * i] << 8 | self._in[4 + 2 * i]


def _since(now_us: int, then_us: int) -> int:
    """Ticks from one to another, which wrap at 2^30; what lies ahead is beyond the half."""
    return now_us - then_us & TICKS_MASK
