"""A node's serial line through pyserial.  Never waits, never raises: a lost device is an event, and is opened anew."""

from __future__ import annotations

import select
import termios
from collections.abc import Callable, Iterable

import serial

BAUD = 115200
READ_BYTES_MAX = 65536
UNSENT_BYTES_MAX = 16384
_CONTROL_FLAGS = 2  # place of the control modes in what termios returns
REOPEN_READS_N = 10  # reads that find the device gone before it is tried again


def _keep_lines(descriptor: int) -> None:
    """Leave DTR and RTS as they are when the port is closed.

    Opening asserts both, which no board takes for an order; what resets an ESP32 is a difference between them, as there
    is for an instant when both are dropped one after the other.
    """
    attributes = termios.tcgetattr(descriptor)
    attributes[_CONTROL_FLAGS] &= ~termios.HUPCL
    termios.tcsetattr(descriptor, termios.TCSANOW, attributes)


class SerialPort:
    """One device, opened exclusively.  ``problem`` says in words why it is down, or is empty."""

    def __init__(self, device: str, baud: int = BAUD) -> None:
        self.device = device
        self.problem = ""
        self.losses_n = 0
        self._baud = baud
        self._port: serial.Serial | None = None
        self._unsent = b""
        self._reads_until_open = 0

    def _open(self) -> serial.Serial | None:
        if self._port is not None:
            return self._port
        if self._reads_until_open > 0:
            self._reads_until_open -= 1
            return None
        try:
            self._port = serial.Serial(self.device, self._baud, timeout=0, write_timeout=0, exclusive=True)
            _keep_lines(self._port.fileno())
            self.problem = ""
        except (serial.SerialException, termios.error, OSError, ValueError) as error:
            self._lose(error)
        return self._port

    def _lose(self, error: Exception) -> None:
        """The device is gone or taken: forget the object, never use it again."""
        self.problem = f"{self.device}: {error}"
        self.losses_n += 1
        self._reads_until_open = REOPEN_READS_N
        self._unsent = b""
        if self._port is not None:
            try:
                self._port.close()
            except OSError:
                pass  # it is gone already; there is nothing left to close
            self._port = None

    @property
    def descriptor(self) -> int | None:
        """Of the open device; None while it is down."""
        return None if self._port is None else int(self._port.fileno())

    def read(self) -> bytes:
        """Bytes that have arrived; empty where there are none or the device is down."""
        port = self._open()
        if port is None:
            return b""
        try:
            octets: bytes = port.read(READ_BYTES_MAX)
        except (serial.SerialException, OSError, TypeError) as error:  # pyserial: TypeError after a close under us
            self._lose(error)
            return b""
        self.write(b"")
        return octets

    def write(self, octets: bytes) -> None:
        """Send what the device takes now; the rest waits for the next call, beyond a limit the oldest is dropped."""
        self._unsent = (self._unsent + octets)[-UNSENT_BYTES_MAX:]
        if self._port is None or not self._unsent:
            return
        try:
            sent = self._port.write(self._unsent)
        except serial.SerialTimeoutException:
            return  # nothing was taken this time
        except (serial.SerialException, OSError, TypeError) as error:
            self._lose(error)
            return
        self._unsent = self._unsent[sent or 0 :]

    def close(self) -> None:
        """Give the device back."""
        if self._port is not None:
            self._port.close()
            self._port = None


class TimedPort:
    """A serial line whose bytes get the time at which they were heard: `listen` often while the supervisor rests.

    ``now_us`` is the supervisor's monotonic clock.
    """

    def __init__(self, port: SerialPort, now_us: Callable[[], int]) -> None:
        self._port = port
        self._now_us = now_us
        self._heard: list[tuple[int, bytes]] = []

    def listen(self) -> None:
        """Note what has arrived.  Never waits."""
        octets = self._port.read()
        if octets:
            self._heard.append((self._now_us(), octets))

    def arrivals(self) -> list[tuple[int, bytes]]:
        """What was heard since the last call, in pieces with the time of each."""
        self.listen()
        heard, self._heard = self._heard, []
        return heard

    def write(self, octets: bytes) -> None:
        """Send bytes; see `SerialPort.write`."""
        self._port.write(octets)

    @property
    def descriptor(self) -> int | None:
        """See `SerialPort.descriptor`."""
        return self._port.descriptor

    def close(self) -> None:
        """Give the device back."""
        self._port.close()


def wait_for_bytes(ports: Iterable[TimedPort], wait_us: int) -> None:
    """Let the machine rest until one of the ports has bytes, or ``wait_us`` have passed."""
    if wait_us > 0:
        descriptors = [port.descriptor for port in ports]
        select.select([one for one in descriptors if one is not None], [], [], wait_us / 1e6)
