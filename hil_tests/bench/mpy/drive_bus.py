"""The drives' bus of a node: two drives behind its second UART.  What turns them and what harms them is the bench's."""

import bus
import layout
from models.drive_model import BusUart, DriveModel

BAUD, CHARACTER_BITS = 19200, 11
ENABLE = 31  # GPIO of the driver
LOST_US = 1000000  # a drive that is not spoken to for so long comes to a stand (MS300 parameters 09-02 and 09-03)


def now_us():
    """Virtual time without a wrap."""
    return bus.now_ms * 1000 + bus.spent_us


class Enable:
    """The driver's pin, as the firmware has set it."""

    @property
    def level(self):
        return bus.pins[ENABLE]


class BenchDrive(DriveModel):
    """A drive that turns what the plant turns."""

    def __init__(self, index):
        DriveModel.__init__(self, index + 1)
        self._i = index
        self._heard_us = now_us()

    def answer(self, frame):
        words, before = bus.words, self.requests_n
        self.harm = words[layout.DRIVE_HARM + self._i]
        self.frequency = words[layout.DRIVE_FREQUENCY + self._i]
        self.current = words[layout.DRIVE_CURRENT + self._i]
        told = DriveModel.answer(self, frame)
        if self.requests_n != before:
            self._heard_us = now_us()
        return told

    def put_out(self):
        """What it is told to turn at goes to the plant."""
        self.harm = bus.words[layout.DRIVE_HARM + self._i]
        lost = now_us() - self._heard_us > LOST_US
        wanted, at = 0 if lost else self.wanted(), 2 * (layout.DAC_N + self._i)
        bus.dacs[at] = wanted & 255
        bus.dacs[at + 1] = wanted >> 8


class DriveUart(BusUart):
    """The master's UART.  What comes while the driver is still on is lost, as on copper."""

    def __init__(self):
        self._models = [BenchDrive(i) for i in range(layout.DRIVES_N)]
        self._let_go_us = 0
        BusUart.__init__(self, self._models, now_us, CHARACTER_BITS * 1000000 // BAUD, Enable())

    def any(self):
        for drive in self._models:
            drive.put_out()
        self._lose()
        return BusUart.any(self)

    def readinto(self, buffer):
        self._lose()
        return BusUart.readinto(self, buffer)

    def txdone(self):
        done = BusUart.txdone(self)
        if done:
            self._let_go_us = now_us()
        return done

    def _lose(self):
        until_us = now_us() if bus.pins[ENABLE] else self._let_go_us
        while self._coming and self._coming[0][0] <= until_us:
            self._coming.pop(0)
