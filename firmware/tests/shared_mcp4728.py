"""The DAC's driver against its model: what it puts out, what it will be at power-on, and a chip that is silent."""

from chip_bench import I2c, heap_lock, heap_unlock
from mcp4728_model import Mcp4728Model

from spinline_firmware.drivers.mcp4728 import DIFFERS, NO_ANSWER, PROGRAM_MS, Mcp4728

ADDRESS = 0x60


class Bench:
    """A driver on its model, with time that goes on by hand."""

    def __init__(self):
        self.now_us = 0
        self.chip = Mcp4728Model(lambda: self.now_us)
        self.bus = I2c({ADDRESS: self.chip})
        self.driver = Mcp4728(self.bus, ADDRESS)


def test_levels_come_out_in_twelve_bits_and_full_scale_is_the_last_code():
    bench = Bench()
    for level, code in ((0, 0), (15, 0), (16, 1), (32768, 2048), (65535, 4095), (65536, 4095)):
        for channel in range(4):
            bench.driver.levels[channel] = level
        bench.driver.write()
        assert [bench.chip.code(channel) for channel in range(4)] == [code] * 4 and bench.driver.fault == 0


def test_a_chip_as_delivered_is_not_safe_and_is_after_it_was_programmed_once():
    bench = Bench()
    assert not bench.driver.power_on_is_safe()
    bench.driver.make_power_on_safe()
    assert not bench.driver.power_on_is_safe(), "the EEPROM is being written"
    bench.now_us += 1000 * PROGRAM_MS
    assert bench.driver.power_on_is_safe() and bench.driver.fault == 0


def test_any_bit_of_the_power_on_value_that_is_not_safe_is_seen():
    bench = Bench()
    bench.driver.make_power_on_safe()
    bench.now_us += 1000 * PROGRAM_MS
    for place in range(8):
        for bit in range(8):
            bench.chip.eeprom[place] ^= 1 << bit
            assert not bench.driver.power_on_is_safe()
            bench.chip.eeprom[place] ^= 1 << bit
    assert bench.driver.power_on_is_safe()


def test_what_is_put_out_meanwhile_is_not_what_comes_at_power_on():
    bench = Bench()
    bench.driver.make_power_on_safe()
    bench.now_us += 1000 * PROGRAM_MS
    bench.driver.levels[2] = 40000
    bench.driver.write()
    assert bench.chip.code(2) == 2500 and bench.driver.power_on_is_safe()
    bench.chip.power_on()
    assert [bench.chip.code(channel) for channel in range(4)] == [0] * 4


def test_a_chip_that_does_not_answer_is_a_fault_of_every_call_and_ends_with_its_cause():
    bench = Bench()
    for call in (bench.driver.write, bench.driver.power_on_is_safe, bench.driver.make_power_on_safe):
        bench.bus.silent = True
        assert not call() and bench.driver.fault == 1
        bench.bus.silent = False
        call()
        assert bench.driver.fault == 0


def test_what_differs_when_it_is_read_back_twice_is_a_fault_until_it_is_written_again():
    for held, place, octet in (
        ("outputs", 3, 7),  # a code
        ("outputs", 2, 0),  # reference and gain: half of the range
        ("eeprom", 5, 1),  # the power-on value
    ):
        bench = Bench()
        bench.driver.make_power_on_safe()
        bench.now_us += 1000 * PROGRAM_MS
        bench.driver.levels[1] = 30000
        bench.driver.write()
        bench.driver.verify()
        (bench.chip.outputs if held == "outputs" else bench.chip.eeprom)[place] = octet
        bench.driver.verify()
        assert bench.driver.fault == 0, "once may be the reading"
        bench.driver.verify()
        assert bench.driver.fault == DIFFERS
        bench.driver.make_power_on_safe()
        bench.now_us += 1000 * PROGRAM_MS
        bench.driver.write()
        bench.driver.verify()
        assert bench.driver.fault == 0


def test_a_chip_that_is_silent_while_it_is_read_back_has_no_other_fault():
    bench = Bench()
    bench.driver.make_power_on_safe()
    bench.now_us += 1000 * PROGRAM_MS
    bench.driver.write()
    bench.bus.silent = True
    for _ in range(3):
        bench.driver.verify()
    assert bench.driver.fault == NO_ANSWER
    bench.bus.silent = False
    bench.driver.write()
    bench.driver.verify()
    assert bench.driver.fault == 0


class Deaf:
    """A bus that takes everything."""

    def writeto(self, address, octets):
        pass

    def readfrom_into(self, address, octets):
        pass


def test_a_write_allocates_nothing():
    driver = Mcp4728(Deaf(), ADDRESS)
    driver.levels[0] = 65536
    heap_lock()
    try:
        for _ in range(20):
            driver.write()
            driver.verify()
    finally:
        heap_unlock()
