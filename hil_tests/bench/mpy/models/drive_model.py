"""A drive on a Modbus bus at frame level, and the bus itself with times of bytes: what the master's driver talks to."""

SILENT, EXCEPTION, SPOILED, SHORT, LATE, LOCAL, TRIPPED = 1, 2, 3, 4, 5, 6, 7  # what ``harm`` may be; 0: well
ANSWER_US = 5000  # from the request's end to the answer's begin
LATE_US = 120000
BUSY = 6  # exception: server device busy
TRIP_NUMBER = 7


def checked(octets):
    """A frame with its CRC behind it, low byte first."""
    crc = 0xFFFF
    for octet in octets:
        crc ^= octet
        for _ in range(8):
            crc = crc >> 1 ^ (0xA001 if crc & 1 else 0)
    return bytes(octets) + bytes((crc & 255, crc >> 8))


class DriveModel:
    """Registers 0x2000 to 0x2001 are written, 0x2100 to 0x2104 read.

    ``frequency`` is what turns, in 0.01 Hz, ``current`` what flows, in 0.01 A.
    """

    def __init__(self, address):
        self.address = address
        self.harm = 0
        self.frequency = self.current = 0
        self.command = 1
        self.setpoint = 0
        self.requests_n = 0

    def answer(self, frame):
        """To a request: delay in us from its end and the bytes; (0, b"") for one that it does not hear."""
        if len(frame) < 4 or frame[0] != self.address or checked(frame[:-2]) != frame or self.harm == SILENT:
            return 0, b""
        self.requests_n += 1
        if self.harm == EXCEPTION:
            return ANSWER_US, checked(bytes((frame[0], frame[1] | 0x80, BUSY)))
        told = checked(self._serve(frame))
        if self.harm == SPOILED:
            told = told[:3] + bytes((told[3] ^ 16,)) + told[4:]
        elif self.harm == SHORT:
            told = told[:-3]
        return LATE_US if self.harm == LATE else ANSWER_US, told

    def _serve(self, frame):
        function, first = frame[1], frame[2] << 8 | frame[3]
        if function == 16 and first == 0x2000 and frame[5] == 2:
            self.command, self.setpoint = frame[7] << 8 | frame[8], frame[9] << 8 | frame[10]
            return frame[:6]
        if function in (3, 4) and 0x2100 <= first and first + frame[5] <= 0x2105:
            told = []
            for register in self.status()[first - 0x2100 : first - 0x2100 + frame[5]]:
                told += [register >> 8, register & 255]
            return bytes([frame[0], function, len(told)] + told)
        if function == 6 and first == 0x2001:
            self.setpoint = frame[4] << 8 | frame[5]
            return frame[:6]
        return bytes((frame[0], function | 0x80, 2))  # illegal data address

    def status(self):
        """Its five status registers."""
        remote = 0 if self.harm == LOCAL else 0x0500
        trip = TRIP_NUMBER if self.harm == TRIPPED else 0
        return trip, remote | (3 if self.command & 3 == 2 else 0), self.setpoint, self.frequency, self.current

    def wanted(self):
        """Frequency that it is told to turn at: 0 while it is stopped or has tripped."""
        return self.setpoint if self.command & 3 == 2 and self.harm != TRIPPED else 0


class BusUart:
    """The master's UART on the bus.  ``now_us()`` gives the time; an answer's bytes come one after the other."""

    def __init__(self, drives, now_us, character_us, enable=None):
        self._drives, self._now_us, self._character_us, self._enable = drives, now_us, character_us, enable
        self._coming = []  # (time, byte)
        self.free_us = 0  # when the last bit of the master has left
        self.written = []  # (time, frame)

    def write(self, octets):
        frame, now_us = bytes(octets), self._now_us()
        assert self._enable is None or self._enable.level == 1
        self.free_us = now_us + len(frame) * self._character_us
        self.written.append((now_us, frame))
        del self.written[:-8]
        for drive in self._drives:
            delay_us, told = drive.answer(frame)
            begins_us = self.free_us + delay_us
            for i in range(len(told)):
                self._coming.append((begins_us + (i + 1) * self._character_us, told[i]))
        return len(frame)

    def any(self):
        now_us, count = self._now_us(), 0
        for at_us, _octet in self._coming:
            count += at_us <= now_us
        return count

    def readinto(self, buffer):
        now_us, count = self._now_us(), 0
        while self._coming and count < len(buffer) and self._coming[0][0] <= now_us:
            buffer[count] = self._coming.pop(0)[1]
            count += 1
        return count or None

    def deinit(self):
        self._coming = []

    def txdone(self):
        return self._now_us() >= self.free_us
