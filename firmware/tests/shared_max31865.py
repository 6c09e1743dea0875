"""The resistance converter's driver against its model, and its whole numbers against the equation of IEC 60751."""

from chip_bench import Select, Spi, heap_lock, heap_unlock
from max31865_model import Max31865Model

from spinline_firmware.drivers import max31865
from spinline_firmware.drivers.max31865 import CHECK_SAMPLES, Max31865, code_of, milli_celsius
from spinline_protocol.configuration import RTD_60_HZ, RTD_PT1000

REFERENCE_DOHM = 4300
ROOM_CODE = code_of(110, REFERENCE_DOHM)  # 25.7 degC
A, B, C = 3.9083e-3, -5.775e-7, -4.183e-12


def resistance_ohm(temperature_C):
    """IEC 60751, 100 Ohm at 0 degC."""
    share = 1 + A * temperature_C + B * temperature_C * temperature_C
    if temperature_C < 0:
        share += C * (temperature_C - 100) * temperature_C * temperature_C * temperature_C
    return 100 * share


class Bench:
    """A driver on its model; ``wrong`` are bits of what is wrong at the terminals."""

    def __init__(self, options=0, reference_dohm=REFERENCE_DOHM):
        self.code, self.wrong = ROOM_CODE, 0
        self.select = Select()
        self.model = Max31865Model(lambda: (self.code, self.wrong))
        self.spi = Spi(self.model, self.select)
        self.driver = Max31865(self.spi, self.select, reference_dohm, options)

    def samples(self, count):
        return [(self.driver.sample(), self.driver.fault) for _ in range(count)]


def test_every_code_is_within_five_millikelvin_of_the_equation():
    for reference_dohm in (4000, 4300):
        temperature_C = -200.0
        for code in range(code_of(19, reference_dohm), code_of(280, reference_dohm), 7):
            ohm = code * reference_dohm / 327680
            for _ in range(8):  # Newton, from the code before
                slope = 100 * (A + 2 * B * temperature_C)
                temperature_C += (ohm - resistance_ohm(temperature_C)) / slope
            assert abs(milli_celsius(code, reference_dohm) - 1000 * temperature_C) < 5, code


def test_the_numbers_stay_below_two_to_the_thirty_and_rise_with_every_code():
    before = -1 << 20
    for code in range(0, 32768):
        now = milli_celsius(code, REFERENCE_DOHM)
        assert before <= now and -210000 < now < 510000
        before = now
    assert 32767 * 8191 < 1 << 30


def test_a_converter_shows_the_temperature_in_every_scan_also_while_it_looks_for_lost_leads():
    for three_wire in (0, 1):
        bench = Bench(three_wire)
        assert bench.model.registers[0] & 0x10 == 0x10 * three_wire
        expected = milli_celsius(ROOM_CODE, REFERENCE_DOHM)
        assert bench.samples(5 * CHECK_SAMPLES) == [(expected, 0)] * (5 * CHECK_SAMPLES)


def test_an_open_element_and_a_short_are_told_in_the_same_scan_and_end_with_their_cause():
    for code, bit in ((32767, max31865.HIGH), (0, max31865.LOW)):
        bench = Bench()
        bench.samples(3)
        bench.code = code
        assert bench.samples(1)[0][1] & bit
        bench.samples(CHECK_SAMPLES)
        bench.code = ROOM_CODE
        bench.samples(3)
        assert [fault for _temperature, fault in bench.samples(2 * CHECK_SAMPLES)] == [0] * (2 * CHECK_SAMPLES)


def test_every_bit_of_a_lost_lead_is_found_by_the_next_cycle_and_ends_with_its_cause():
    for bit in (max31865.REFIN_HIGH, max31865.REFIN_LOW, max31865.RTDIN_LOW):
        bench = Bench()
        bench.wrong = bit
        told = [fault for _temperature, fault in bench.samples(CHECK_SAMPLES + 2)]
        assert bit in told, bit
        bench.wrong = 0
        bench.samples(CHECK_SAMPLES + 2)
        assert bench.samples(1)[0][1] == 0


def test_too_much_voltage_at_an_input_is_told_at_once():
    bench = Bench()
    bench.wrong = max31865.VOLTAGE
    assert bench.samples(1)[0][1] == max31865.VOLTAGE


def test_a_data_line_that_is_stuck_is_no_chip():
    for level in (0, 255):
        bench = Bench()
        bench.spi.stuck = level
        assert bench.samples(1)[0][1] == max31865.NO_CHIP
        bench.spi.stuck = -1
        bench.samples(2)
        assert bench.samples(1)[0][1] == 0


def test_a_chip_that_lost_its_settings_is_told_and_gets_them_again():
    bench = Bench()
    bench.samples(3)
    bench.model.reset()
    assert bench.samples(1)[0][1] == max31865.NO_CHIP
    bench.samples(1)
    assert bench.samples(1) == [(milli_celsius(ROOM_CODE, REFERENCE_DOHM), 0)]


def test_a_sample_allocates_nothing_with_and_without_a_fault():
    bench = Bench()
    driver = bench.driver
    driver._spi = Still(ROOM_CODE)
    heap_lock()
    try:
        for _ in range(40):
            driver.sample()
    finally:
        heap_unlock()


class Still:
    """A bus that answers without an object: a healthy chip, then a silent one."""

    def __init__(self, code):
        self._answer = bytearray(9)
        self._count = 0
        self._code = code

    def write(self, octets):
        pass

    def write_readinto(self, octets, answer):
        self._count += 1
        answer[1] = 0xC1 if self._count < 20 else 0
        answer[2] = self._code >> 7
        answer[3] = self._code << 1 & 0xFE
        answer[8] = self._count & 0x84


def test_a_pt1000_on_ten_times_the_reference_reads_as_a_pt100_and_a_filter_of_60_hz_is_set():
    plain, other = Bench(), Bench(RTD_PT1000 | RTD_60_HZ, 10 * REFERENCE_DOHM)
    assert plain.samples(1) == other.samples(1) and plain.samples(1)[0][1] == 0
    assert plain.model.registers[0] & 1 == 1 and other.model.registers[0] & 1 == 0
    other.model.reset()
    other.samples(2)
    assert other.model.registers[0] & 1 == 0 and other.samples(1)[0][1] == 0
