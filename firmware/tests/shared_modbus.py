"""The Modbus master and the drives on it, against a bus with times of bytes and drives that misbehave."""

from chip_bench import heap_lock, heap_unlock
from drive_model import (
    BUSY,
    EXCEPTION,
    LATE,
    LOCAL,
    SHORT,
    SILENT,
    SPOILED,
    TRIP_NUMBER,
    TRIPPED,
    BusUart,
    DriveModel,
    checked,
)
from plain import Chance

from spinline_firmware.drivers import drives as of_drives
from spinline_firmware.drivers import modbus
from spinline_firmware.drivers.crc16 import crc16
from spinline_firmware.drivers.drives import FAILURES_N_MAX, NO_ANSWER, NOT_REMOTE, REFUSED, TIMEOUT_US, UNREAD, Drives
from spinline_firmware.drivers.modbus import Modbus, silence_us

BAUD = 19200
CHARACTER_US = 572
SCAN_US = 50000
TICKS_N = 1 << 30


class Enable:
    """The driver's pin; remembers when it moved."""

    def __init__(self, bench):
        self._bench, self.level, self.moved = bench, 0, []
        self.value = self._pin  # the name that a pin has

    def _pin(self, level):
        self.level = level
        self.moved.append((self._bench.now_us, level))


class Bench:
    """A master with drives at addresses 1 and 2; time goes on by hand."""

    def __init__(self, enabled=False, begin_us=0):
        self.now_us = begin_us
        self.models = [DriveModel(1), DriveModel(2)]
        self.enable = Enable(self) if enabled else None
        self.uart = BusUart(self.models, self.time, CHARACTER_US, self.enable)
        self.master = Modbus(self.uart, self.enable, BAUD, TIMEOUT_US)

    def time(self):
        return self.now_us

    def ticks(self):
        return self.now_us & TICKS_N - 1

    def exchange(self):
        """Send what is ready and step every 10 ms until it has ended."""
        while not self.master.send(self.ticks()):
            self.now_us += 1000
        for _ in range(100):
            self.now_us += 10000
            code = self.master.step(self.ticks())
            if code != modbus.WAITING:
                return code
        raise AssertionError("it waits for ever")


def frame_of(ready):
    """The frame that a master puts on the wire."""
    bench = Bench(begin_us=10000)
    ready(bench.master)
    assert bench.master.send(bench.ticks())
    return "".join(["%02x" % octet for octet in bench.uart.written[-1][1]])


def test_requests_of_all_four_functions_are_those_of_the_standard():
    assert frame_of(lambda m: m.read(17, modbus.READ_HOLDING, 0x6B, 3)) == "1103006b00037687"
    assert frame_of(lambda m: m.read(17, modbus.READ_INPUT, 8, 1)) == "110400080001b298"
    assert frame_of(lambda m: m.write_one(17, 1, 3)) == "1106000100039a9b"
    assert frame_of(lambda m: m.write_several(17, 1, (10, 0x0102))) == "111000010002" + "04000a0102c6f0"


def test_the_crc_is_that_of_the_standard_and_zero_over_a_whole_frame():
    assert crc16(b"\x01\x03\x00\x00\x00\x0a", 6) == 0xCDC5
    assert crc16(b"\x01\x03\x00\x00\x00\x0a\xc5\xcd", 8) == 0
    assert crc16(b"123456789", 9) == 0x4B37


def test_silence_between_frames_is_that_of_the_standard():
    assert silence_us(9600) == (1145 * 3 // 2, 1145 * 7 // 2)
    assert silence_us(19200) == (858, 2002)
    assert silence_us(38400) == silence_us(115200) == (750, 1750)


def test_each_function_is_answered():
    bench = Bench()
    bench.models[0].frequency = 4321
    bench.master.read(1, modbus.READ_HOLDING, 0x2100, 4)
    assert bench.exchange() == modbus.DONE and bench.master.register(3) == 4321
    bench.master.read(1, modbus.READ_INPUT, 0x2103, 1)
    assert bench.exchange() == modbus.DONE and bench.master.register(0) == 4321
    bench.master.write_one(1, 0x2001, 1234)
    assert bench.exchange() == modbus.DONE and bench.models[0].setpoint == 1234
    bench.master.write_several(2, 0x2000, (0x12, 4000))
    assert bench.exchange() == modbus.DONE and (bench.models[1].command, bench.models[1].setpoint) == (0x12, 4000)


def test_what_a_slave_does_not_take_is_told_with_its_number():
    bench = Bench()
    bench.master.read(1, modbus.READ_HOLDING, 0x3000, 1)
    assert bench.exchange() == 2
    bench.models[0].harm = EXCEPTION
    bench.master.write_several(1, 0x2000, (1, 0))
    assert bench.exchange() == BUSY


def test_an_answer_that_is_damaged_cut_or_of_another_is_never_taken():
    chance = Chance(9)
    for _ in range(300):
        bench = Bench()
        writes = chance.below(2)
        if writes:
            bench.master.write_several(1, 0x2000, (0x12, 4000))
        else:
            bench.master.read(1, modbus.READ_HOLDING, 0x2100, 4)
        bench.master.send(10000)
        coming = bench.uart._coming
        kind = chance.below(3)
        at = chance.below(len(coming))
        if kind == 0:
            coming[at] = (coming[at][0], coming[at][1] ^ 1 << chance.below(8))
        elif kind == 1:
            del coming[at]
        else:
            del coming[at:]
        codes = set()
        for _ in range(40):
            bench.now_us += 10000
            codes.add(bench.master.step(bench.ticks()))
        assert modbus.DONE not in codes and codes & {modbus.SPOILED, modbus.SILENT}, (kind, at)


def test_a_late_answer_is_dropped_and_the_next_request_waits_for_silence():
    bench = Bench(begin_us=100000)
    model = bench.models[0]
    model.frequency, model.harm = 1111, LATE
    bench.master.read(1, modbus.READ_HOLDING, 0x2100, 4)
    assert bench.exchange() == modbus.SILENT
    bench.models[1].frequency = 2222
    bench.now_us += 90000  # the late answer has come, unasked for
    bench.master.read(2, modbus.READ_HOLDING, 0x2100, 4)
    assert not bench.master.send(bench.ticks()), "what came is dropped, and the wire has to be silent first"
    assert not bench.master.send(bench.ticks())
    bench.now_us += modbus.RECOVERY_US
    assert bench.master.send(bench.ticks())
    bench.now_us += 40000
    assert bench.master.step(bench.ticks()) == modbus.DONE and bench.master.register(3) == 2222


def test_a_frame_that_stops_is_over_after_a_character_and_a_half():
    bench = Bench()
    bench.models[0].harm = SHORT
    bench.master.read(1, modbus.READ_HOLDING, 0x2100, 4)
    bench.master.send(0x3FFF0000 & TICKS_N - 1)
    bench.now_us += 1000000
    at = 0x3FFF0000 + 45000 & TICKS_N - 1
    assert bench.master.step(at) == modbus.WAITING, "ten bytes of thirteen are there"
    rest_us = 3 * 572 + silence_us(BAUD)[0]
    assert bench.master.step(at + rest_us - 1 & TICKS_N - 1) == modbus.WAITING
    assert bench.master.step(at + rest_us & TICKS_N - 1) == modbus.SPOILED


def test_time_may_wrap_at_any_moment_of_an_exchange():
    for before_us in range(0, 60000, 1700):
        bench = Bench(begin_us=TICKS_N - before_us)
        bench.master.read(1, modbus.READ_HOLDING, 0x2100, 4)
        assert bench.exchange() == modbus.DONE, before_us
        bench.models[0].harm = SILENT
        bench.now_us = 2 * TICKS_N - before_us
        bench.master.read(1, modbus.READ_HOLDING, 0x2100, 4)
        assert bench.exchange() == modbus.SILENT, before_us


def test_the_driver_is_on_for_the_request_alone_and_off_before_a_slave_may_answer():
    bench = Bench(enabled=True, begin_us=50000)
    bench.master.write_several(1, 0x2000, (0x12, 4000))
    assert bench.master.send(bench.ticks()) and bench.enable.level == 1
    frame_us = 13 * CHARACTER_US
    assert bench.master.sending_us(bench.ticks()) >= frame_us
    assert not bench.master.release(), "the last bit has not left"
    bench.now_us += frame_us - 1
    assert not bench.master.release() and bench.enable.level == 1
    bench.now_us += 1
    assert bench.master.sending_us(bench.ticks()) == 0 and bench.master.release() and bench.enable.level == 0
    assert bench.enable.moved == [(50000, 1), (50000 + frame_us, 0)]
    bench.now_us += 40000
    assert bench.master.step(bench.ticks()) == modbus.DONE


class Line:
    """Drives as a node has them: a look at the begin of a scan, the next request at its end."""

    def __init__(self):
        self.bench = Bench(begin_us=100000)
        self.drives = Drives(self.bench.master)
        self.drive = [self.drives.add(1), self.drives.add(2)]

    def scans(self, count):
        for _ in range(count):
            self.drives.look(self.bench.ticks())
            self.drives.go_on(self.bench.ticks() + 2000)
            for model in self.bench.models:
                model.frequency = model.wanted()
            self.bench.now_us += SCAN_US


def test_each_drive_gets_its_setpoint_and_tells_its_speed():
    line = Line()
    assert [drive.fault for drive in line.drive] == [UNREAD, UNREAD], "never heard yet"
    line.drive[0].tell(65536)
    line.drive[1].tell(32768)
    line.scans(12)
    assert [model.setpoint for model in line.bench.models] == [5000, 2500]
    assert [(drive.measured[0], drive.fault) for drive in line.drive] == [(5000, 0), (2500, 0)]
    line.drives.stop_all()
    line.scans(8)
    assert [model.command for model in line.bench.models] == [of_drives.STOP] * 2
    assert [drive.measured[0] for drive in line.drive] == [0, 0]


def test_every_way_in_which_a_drive_misbehaves_is_a_fault_of_that_drive_alone_and_ends_with_its_cause():
    expected = {
        SILENT: NO_ANSWER,
        SPOILED: NO_ANSWER,
        SHORT: NO_ANSWER,
        LATE: NO_ANSWER,
        EXCEPTION: REFUSED,
        LOCAL: NOT_REMOTE,
        TRIPPED: TRIP_NUMBER,
    }
    for harm, fault in expected.items():
        line = Line()
        line.scans(12)
        line.bench.models[0].harm = harm
        line.scans(10 * FAILURES_N_MAX)
        assert line.drive[0].fault & fault == fault, harm
        assert line.drive[1].fault == 0, harm
        line.bench.models[0].harm = 0
        line.scans(16)
        assert [drive.fault for drive in line.drive] == [0, 0], harm


def test_one_lost_answer_is_no_fault():
    line = Line()
    line.scans(12)
    line.bench.models[0].harm = SILENT
    line.scans(4)
    line.bench.models[0].harm = 0
    line.scans(1)
    assert line.drive[0].fault == 0
    line.scans(12)
    assert line.drive[0].fault == 0


def test_at_most_one_request_is_on_the_bus_and_a_scan_of_any_length_does():
    for scan_us in (10000, 20000, 50000, 250000):
        line = Line()
        line.drive[0].tell(65536)
        for _ in range(80):
            line.drives.look(line.bench.ticks())
            line.drives.go_on(line.bench.ticks() + 1)
            line.bench.now_us += scan_us
        assert line.bench.models[0].setpoint == 5000 and line.drive[1].fault == 0, scan_us


class Quiet:
    """A UART that allocates nothing: silent, or with a good answer to a read."""

    def __init__(self, octets):
        self._octets, self._count = octets, len(octets)
        self.left = 0

    def write(self, octets):
        self.left = self._count

    def any(self):
        return self.left

    def readinto(self, buffer):
        i = 0
        while i < self._count:
            buffer[i] = self._octets[i]
            i += 1
        self.left = 0
        return i

    def txdone(self):
        return True


def test_no_scan_allocates_whatever_the_drives_answer():
    answer = DriveModel(1)
    for octets in (b"", answer.answer(checked(b"\x01\x03\x21\x00\x00\x05"))[1], bytes((1, 0x83, 2, 0xC0, 0xF1))):
        drives = Drives(Modbus(Quiet(octets), None, BAUD, TIMEOUT_US))
        drives.add(1).tell(30000)
        now_us, scans = 1000, 0
        heap_lock()
        try:
            while scans < 60:
                drives.look(now_us)
                drives.go_on(now_us + 3000)
                drives.let_go_us(now_us + 3000)
                now_us += SCAN_US
                scans += 1
        finally:
            heap_unlock()
