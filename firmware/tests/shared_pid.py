"""The PID kernel: the golden trace, bit for bit, as machine code, as bytecode and as plain Python; and its promises."""

import binascii
import struct
from array import array

from plain import Chance, lines_of
from rows import loop_row

from spinline_firmware.control import pid
from spinline_protocol.configuration import LOOP, field_index

TRACE = __file__.replace("\\", "/").rpartition("/")[0] + "/../golden/pid_trace.csv"
SHOWN = (pid.SETPOINT, pid.ERROR, pid.P_TERM, pid.INTEGRAL, pid.D_TERM, pid.BEFORE_LIMITS, pid.OUTPUT, pid.SOAKED)
KERNEL = LOOP[field_index(LOOP, "action") : field_index(LOOP, "out_rate") + 1]
ENDS = (-200000, 500000)


def plain_kernel():
    """The kernel from the same text without its decorator: bytecode on MicroPython, plain Python on CPython."""
    with open(pid.__file__) as file:
        text = file.read()
    assert text.count("\n@micropython.viper\n") == 1
    names = {"__name__": "plain"}
    exec(text.replace("\n@micropython.viper\n", "\n"), names)
    return names["scan_pid"]


def block(**named):
    """A loop block with the parameters of a quiet loop and those named."""
    row = loop_row(**named)
    image = array("i", [0] * pid.BLOCK_WORDS)
    for i in range(len(KERNEL)):
        image[pid.ACTION + i] = row[field_index(LOOP, KERNEL[i][0])]
    image[pid.RAMP_256] = row[field_index(LOOP, "ramp_256")]
    image[pid.HOLDBACK] = row[field_index(LOOP, "holdback")]
    image[pid.MODE] = pid.AUTO
    return image


def scan(image, pv, target, mode=pid.AUTO):
    image[pid.PV], image[pid.TARGET], image[pid.MODE] = pv, target, mode
    pid.scan_pid(image, 0)
    return image[pid.OUTPUT]


def replay(kernel):
    """Run every case of the golden trace; returns the cases whose numbers or CRC differ, and how many scans it had."""
    wrong, scans, name, crc = [], 0, "", 0
    image = array("i", [0] * pid.BLOCK_WORDS)
    for line in lines_of(TRACE):
        if line.startswith("case: "):
            name, _, named = line[6:].rpartition(": ")
            crc = 0
            parameters = [int(pair.split("=")[1]) for pair in named.split()]
            image = array("i", [0] * pid.ACTION + parameters + [0] * (pid.BLOCK_WORDS - pid.ACTION - len(parameters)))
        elif line.startswith("crc: "):
            if "crc: %08x" % crc != line:
                wrong.append(name + " crc")
        elif " | " in line and line[0] != "#":
            commands, shown = line.split(" | ")
            words = [int(word) for word in commands.split(",")]
            for i in range(len(words)):
                image[i] = words[i]
            kernel(image, 0)
            crc = binascii.crc32(struct.pack("<%di" % pid.BLOCK_WORDS, *image), crc)
            scans += 1
            if [image[at] for at in SHOWN] != [int(word) for word in shown.split(",")]:
                wrong.append("%s: %s -> %s" % (name, line, [image[at] for at in SHOWN]))
    return wrong, scans


def test_the_kernel_gives_the_golden_trace():
    wrong, scans = replay(pid.scan_pid)
    assert wrong == [] and scans > 800


def test_the_text_without_its_decorator_gives_the_golden_trace():
    wrong, _scans = replay(plain_kernel())
    assert wrong == []


def test_machine_code_and_plain_text_agree_on_blocks_of_chance():
    chance = Chance(21)
    plain = plain_kernel()
    for _ in range(60):
        image = block()
        for i in range(len(KERNEL)):
            image[pid.ACTION + i] = chance.between(KERNEL[i][1], KERNEL[i][2])
        image[pid.RAMP_256] = chance.between(0, 1 << 28)
        other = array("i", list(image))
        for _ in range(40):
            words = (chance.below(7), chance.between(*ENDS), chance.between(*ENDS), chance.between(-65536, 65536))
            words += (chance.between(-131072, 131072), chance.below(2))
            for i in range(6):
                image[i] = other[i] = words[i]
            pid.scan_pid(image, 0)
            plain(other, 0)
            assert list(image) == list(other)


def test_a_block_is_scanned_in_its_place_and_no_other_word_changes():
    alone = block(setpoint=1)
    image = array("i", [7] * 10 + list(alone) + [9] * 10)
    image[10 + pid.TARGET] = alone[pid.TARGET] = 5000
    pid.scan_pid(alone, 0)
    pid.scan_pid(image, 10)
    assert list(image[:10]) == [7] * 10 and list(image[-10:]) == [9] * 10
    assert list(image[10:-10]) == list(alone)


def test_off_is_output_zero_in_the_same_scan_whatever_the_limits_say():
    image = block(out_low=1000)
    assert scan(image, 0, 50000) > 0 and scan(image, 0, 50000, pid.OFF) == 0


def test_manual_gives_the_output_asked_for_within_the_limits():
    image = block(out_low=-100, out_high=50000)
    for asked, given in ((0, 0), (50001, 50000), (-101, -100), (12345, 12345)):
        image[pid.MANUAL] = asked
        assert scan(image, 0, 99999, pid.MANUAL_MODE) == given


def test_from_manual_to_automatic_there_is_no_bump():
    for manual in (0, 1, 20000, 65536):
        image = block(b_256=256, mi=1, si=8)
        image[pid.MANUAL] = manual
        for _ in range(30):
            scan(image, 30000, 90000, pid.MANUAL_MODE)
        assert abs(scan(image, 30000, 30000) - manual) <= 1


def test_from_automatic_to_manual_and_back_the_setpoint_begins_at_the_pv():
    image = block(ramp_256=256)
    scan(image, 1000, 9000)
    scan(image, 1500, 9000, pid.MANUAL_MODE)
    scan(image, 1500, 9000)
    assert image[pid.SETPOINT] == 1501


def test_the_output_stays_within_its_rate():
    chance = Chance(22)
    image = block(out_rate=500, out_low=-65536)
    last = 0
    for _ in range(500):
        output = scan(image, chance.between(*ENDS), chance.between(*ENDS))
        assert -500 <= output - last <= 500
        last = output


def test_a_constant_error_is_integrated_without_losing_a_count():
    image = block(mp=0, mi=1, si=10, mt=0)
    for _ in range(1024):
        scan(image, 0, 3)
    assert image[pid.INTEGRAL] == 3


def test_an_output_at_its_limit_does_not_wind_up():
    image = block(mp=256, sp=8, mi=256, si=12, mt=4096 >> 2, st=12)
    for _ in range(5000):
        scan(image, 0, 100000)
    scans = 0
    while scan(image, 100100, 100000) > 0:
        scans += 1
    assert scans < 100


def test_direct_and_reverse_action_are_mirror_images():
    # the mirror holds for proportional action; the shift of an odd product rounds down on either side
    for pv, target in ((0, 1000), (1000, 0), (-7000, 30000)):
        raises = scan(block(mi=0, md=0, sp=0, out_low=-65536), pv, target)
        lowers = scan(block(mi=0, md=0, sp=0, out_low=-65536, action=-1), pv, target)
        assert raises == -lowers


def test_a_ramp_moves_its_rate_and_stops_at_the_target():
    for ramp, scans, target in ((256, 10, 10), (128, 20, 10), (300, 9, 10), (256, 10, -10), (1 << 28, 1, 500000)):
        image = block(ramp_256=ramp)
        for _ in range(scans - 1):
            scan(image, 0, target)
            assert abs(image[pid.SETPOINT]) < abs(target)
        scan(image, 0, target)
        assert image[pid.SETPOINT] == target


def test_a_ramp_waits_while_the_pv_is_farther_away_than_the_holdback():
    image = block(ramp_256=25600, holdback=250)
    seen = []
    for pv in (0, 0, 0, 0, 0, 60, 60, 200):
        scan(image, pv, 1000)
        seen.append(image[pid.SETPOINT])
    assert seen == [100, 200, 300, 300, 300, 400, 400, 500]


def test_a_ramp_with_setpoint_weight_nothing_does_not_stall():
    # the weighted setpoint lags behind the ramp: the holdback measures from there
    image = block(b_256=0, kz=10, ramp_256=25600, holdback=250)
    pv = 0
    for _ in range(20000):
        scan(image, pv, 30000)
        pv += image[pid.ERROR] // 64
    assert image[pid.SETPOINT] == 30000
