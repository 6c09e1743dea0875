"""The analog converter's driver against its model, and NAMUR NE 43 from the current in the loop to the quality."""

from array import array

from chip_bench import I2c, heap_lock, heap_unlock

# isort: split
from ads1115_model import Ads1115Model
from rows import input_row

from spinline_firmware.control.image import INPUT_WORDS, QUALITY
from spinline_firmware.control.sensors import Sensors
from spinline_firmware.drivers.ads1115 import LSB_UV, Ads1115
from spinline_protocol.configuration import ANALOG
from spinline_protocol.quantities import BAD, GOOD, UNCERTAIN

ADDRESS, SHUNT_OHM = 0x48, 150


def code_of(current_ua):
    """As the host compiles a limit."""
    return current_ua * SHUNT_OHM // LSB_UV


class Bench:
    """A driver on its model, a current in each loop, and the sensor behind channel 2."""

    def __init__(self):
        self.current_ua = [12000] * 4
        self.stands = False
        self.bus = I2c({ADDRESS: Ads1115Model(self._sense)})
        self.driver = Ads1115(self.bus, ADDRESS)
        limits = {"raw_low": 3600, "raw_high": 21000, "warn_low": 3800, "warn_high": 20500}
        row = input_row(kind=ANALOG, port=0, channel=2, **{name: code_of(limits[name]) for name in limits})
        self.image = array("i", [0] * INPUT_WORDS)
        self.sensors = Sensors([row], self.image)

    def _sense(self, channel):
        return None if self.stands else self.current_ua[channel] * SHUNT_OHM

    def read(self, channel):
        self.driver.start(channel)
        return self.driver.read()

    def quality(self, current_ua, scans=1):
        """Of channel 2 with this current in its loop."""
        self.current_ua[2] = current_ua
        for _ in range(scans):
            self.sensors.take(0, self.read(2), self.driver.fault)
            self.sensors.doubt(None)
        return self.image[QUALITY]


def test_every_channel_is_converted_by_itself_to_within_one_code():
    bench = Bench()
    bench.current_ua = [4000, 8000, 16000, 20000]
    for channel in (2, 0, 3, 1):
        assert bench.read(channel) == code_of(bench.current_ua[channel])
    bench.current_ua[0] = -40000
    assert bench.read(0) == -32768, "at the end of its range, with its sign"


def test_the_borders_of_ne_43_are_where_they_are_said_to_be():
    for current_ua, quality in (
        (3599, BAD),
        (3600, UNCERTAIN),
        (3799, UNCERTAIN),
        (3800, GOOD),
        (4000, GOOD),
        (20000, GOOD),
        (20500, GOOD),
        (20501, UNCERTAIN),
        (21000, UNCERTAIN),
        (21001, BAD),
    ):
        bench = Bench()
        bench.quality(12000)
        assert bench.quality(current_ua) == quality, current_ua


def test_an_open_loop_a_supply_and_a_chip_that_is_silent_are_bad_in_the_same_scan_and_good_after_eight_clean_ones():
    for current_ua, silent in ((0, False), (33000, False), (12000, True)):
        bench = Bench()
        assert bench.quality(12000) == GOOD
        bench.bus.silent = silent
        assert bench.quality(current_ua) == BAD
        assert bench.driver.fault == int(silent)
        bench.bus.silent = False
        assert bench.quality(12000, 7) == BAD and bench.quality(12000, 1) == GOOD


def test_a_chip_that_converts_no_more_shows_its_last_number_for_every_channel():
    bench = Bench()
    bench.current_ua = [5000, 6000, 7000, 8000]
    last = bench.read(3)
    bench.stands = True
    assert [bench.read(channel) for channel in range(4)] == [last] * 4 and bench.driver.fault == 0


class Deaf:
    """A bus without an object of its own."""

    def writeto_mem(self, address, register, octets):
        pass

    def readfrom_mem_into(self, address, register, answer):
        answer[0] = 0x80


def test_a_conversion_allocates_nothing():
    driver = Ads1115(Deaf(), ADDRESS)
    heap_lock()
    try:
        for channel in (0, 1, 2, 3):
            driver.start(channel)
            driver.read()
    finally:
        heap_unlock()
    assert driver.read() < 0
