"""What the drivers' tests need on CPython and MicroPython alike: buses over the bench's chip models, a locked heap."""

import sys

HERE = __file__.rpartition("/")[0] or "."
_models = HERE + "/../../hil_tests/bench/mpy/models"
if _models not in sys.path:
    sys.path.append(_models)

try:
    from micropython import heap_lock, heap_unlock  # type: ignore[import-not-found]
except ImportError:

    def heap_lock() -> None:
        """CPython has no heap to lock; the same test runs on MicroPython."""

    def heap_unlock() -> None:
        """See above."""


class Select:
    """The select line of a chip on a bus: low while it is meant."""

    def __init__(self) -> None:
        self.level = 1
        self.value = self._pin  # the name that a pin has

    def _pin(self, level: int) -> None:
        """Set it."""
        self.level = level


class Spi:
    """A bus with one chip; talks to it only while it is selected."""

    def __init__(self, chip, select: Select) -> None:  # type: ignore[no-untyped-def]
        self._chip, self._select = chip, select
        self.stuck = -1  # 0 or 255: the data line shows that

    def write(self, octets) -> None:  # type: ignore[no-untyped-def]
        """From the master."""
        assert self._select.level == 0
        self._chip.write(octets)

    def write_readinto(self, octets, answer) -> None:  # type: ignore[no-untyped-def]
        """Both ways."""
        assert self._select.level == 0
        self._chip.write_readinto(octets, answer)
        if self.stuck >= 0:
            for i in range(len(answer)):
                answer[i] = self.stuck


class I2c:
    """A bus with chips by address; one that is silent is not acknowledged."""

    def __init__(self, chips: "dict[int, object]") -> None:
        self._chips = chips
        self.silent = False

    def _chip(self, address: int):  # type: ignore[no-untyped-def]
        if self.silent or address not in self._chips:
            raise OSError(5)
        return self._chips[address]

    def writeto(self, address: int, octets) -> None:  # type: ignore[no-untyped-def]
        """A write."""
        self._chip(address).write(octets)

    def readfrom_into(self, address: int, answer) -> None:  # type: ignore[no-untyped-def]
        """A read."""
        self._chip(address).read(answer)

    def writeto_mem(self, address: int, register: int, octets, addrsize: int = 8) -> None:  # type: ignore[no-untyped-def]
        """A write to a register or a place of a memory."""
        self._chip(address).write_register(register, octets)

    def readfrom_mem_into(self, address: int, register: int, answer, addrsize: int = 8) -> None:  # type: ignore[no-untyped-def]
        """A read of one."""
        self._chip(address).read_register(register, answer)
