"""Which chip is where on a node with drives on a bus: their transceiver for sockets 0 and 1, RTDs in 6 and 7."""

import bus
import layout
from chips import Ads1115, Max31856, Mcp4728
from models.max31865_model import Max31865Model

FRAM_ADDRESS, FRAM_BYTES = 0x50, 8192


class Rtd(Max31865Model):
    """A resistance converter in a socket; its data line may be stuck, or it has lost its settings."""

    def __init__(self, index):
        self._at, self._dead = index, layout.SPI_DEAD + 6 + index
        Max31865Model.__init__(self, self._terminals)

    def _terminals(self):
        return bus.words[layout.RTD + self._at], bus.words[layout.RTD_WRONG + self._at]

    def write_readinto(self, octets, answer):
        dead = bus.words[self._dead]
        if dead == 3:
            self.reset()
        Max31865Model.write_readinto(self, octets, answer)
        if dead in (1, 2):
            for i in range(len(answer)):
                answer[i] = 255 if dead == 2 else 0


class Fram:
    """Eight kilobytes in a file of the board's folder: they outlive its process, and its heap holds none of them."""

    def __init__(self):
        try:
            self._file = open("fram.bin", "r+b")
        except OSError:
            self._file = open("fram.bin", "w+b")
            self._file.write(bytes(FRAM_BYTES))

    def write_register(self, place, octets):
        self._file.seek(place)
        self._file.write(octets)
        self._file.flush()

    def read_register(self, place, answer):
        self._file.seek(place)
        self._file.readinto(answer)


by_select = {pin: Max31856(pin - 8) for pin in range(10, 14)}
by_select[14], by_select[15] = Rtd(0), Rtd(1)
_chips = (Ads1115(0), Ads1115(1), Ads1115(2), Mcp4728(0), Mcp4728(1))
by_bus = {1: dict(zip(layout.I2C_ADDRESSES, _chips))}
by_bus[1][FRAM_ADDRESS] = Fram()
dead_bit = {layout.I2C_ADDRESSES[i]: 1 << i for i in range(len(layout.I2C_ADDRESSES))}
