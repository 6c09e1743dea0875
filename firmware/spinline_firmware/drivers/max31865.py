"""MAX31865 resistance converter over SPI (Maxim datasheet 19-6478, tables 1 to 7).  Reads; decides nothing.

The chip converts by itself and compares each conversion with two thresholds: an open element and a short are seen in
the same scan.  What a lost lead does to the reference voltages only a fault-detection cycle finds: one runs between
two scans every CHECK_SAMPLES samples, and the conversion before it stays readable meanwhile.
"""

from array import array

from spinline_protocol.configuration import RTD_60_HZ, RTD_PT1000, RTD_THREE_WIRE
from spinline_protocol.portable import const

_WRITE = const(0x80)
_CONFIGURATION = const(0x00)  # table 2
_HIGH_THRESHOLD = const(0x03)  # four registers to the low one's LSB, left-aligned codes
_RTD_MSB = const(1)  # places in what is read from 0x00 on, the address byte being 0
_VBIAS = const(0x80)
_AUTOMATIC = const(0x40)
_THREE_WIRE = const(0x10)
_CHECK = const(0x04)  # table 3: fault-detection cycle with automatic delay; reads 0 when it has ended
_CHECK_MASK = const(0x0C)
_CLEAR = const(0x02)
_MAINS_50_HZ = const(0x01)  # to be changed while it converts nothing only: table 2
_KEPT_BITS = (0xFF, 0xFE, 0xFF, 0xFE)  # of the thresholds: the last bit of each means nothing

# fault status, table 7
HIGH = const(0x80)  # above the high threshold: open, or hotter than any bath
LOW = const(0x40)  # below the low threshold: short
REFIN_HIGH = const(0x20)
REFIN_LOW = const(0x10)  # FORCE- open
RTDIN_LOW = const(0x08)  # FORCE- open
VOLTAGE = const(0x04)  # over- or undervoltage at an input
NO_CHIP = const(0x100)  # ours: it did not keep what was written to it

CHECK_SAMPLES = const(8)
LOW_C, HIGH_C = -200, 500
_FIRST_OHM = const(18)  # of the table below; -200 degC are 18.52 Ohm
_LAST_OHM = const(281)  # 500 degC are 280.98 Ohm

# m degC at 18, 20, ... 282 Ohm: IEC 60751, 100 Ohm at 0 degC; a straight line between two is at most 3 m degC off
_KNOTS_MC = array("i", (
    -201202, -196572, -191924, -187258, -182575, -177874, -173158, -168425, -163675, -158911, -154131, -149335,
    -144526, -139702, -134863, -130012, -125146, -120268, -115377, -110474, -105558, -100631, -95692, -90742, -85782,
    -80810, -75828, -70836, -65834, -60822, -55801, -50771, -45732, -40684, -35627, -30562, -25488, -20407, -15317,
    -10219, -5113, 0, 5121, 10250, 15387, 20532, 25684, 30844, 36013, 41189, 46374, 51566, 56767, 61975, 67192,
    72417, 77651, 82892, 88142, 93401, 98667, 103943, 109226, 114519, 119820, 125129, 130447, 135774, 141110, 146454,
    151807, 157169, 162541, 167921, 173310, 178708, 184115, 189531, 194957, 200392, 205836, 211289, 216752, 222224,
    227706, 233197, 238698, 244209, 249729, 255259, 260799, 266348, 271908, 277477, 283057, 288646, 294246, 299855,
    305475, 311106, 316746, 322397, 328059, 333731, 339413, 345106, 350810, 356525, 362250, 367986, 373734, 379492,
    385261, 391042, 396833, 402636, 408450, 414276, 420112, 425961, 431821, 437693, 443576, 449471, 455379, 461298,
    467229, 473172, 479127, 485095, 491075, 497067, 503071,
))  # fmt: skip


def milli_celsius(code: int, reference_dohm: int) -> int:
    """Temperature in m degC of a 15-bit code: -200 to 500 degC, at its end beyond.

    Reference resistor in 0.1 Ohm, below 2^13: the product stays below 2^28.  Resistance in 1/4096 Ohm; 8192 of them are
    from one knot to the next, and what is between is at most 6100 m degC times 2^13, below 2^26.
    """
    resistance = code * reference_dohm // 80
    if resistance < _FIRST_OHM << 12:
        return _KNOTS_MC[0]
    if resistance > _LAST_OHM << 12:
        return _KNOTS_MC[-1]
    above = resistance - (_FIRST_OHM << 12)
    i = above >> 13
    low = _KNOTS_MC[i]
    return low + ((_KNOTS_MC[i + 1] - low) * (above & 8191) >> 13)


def code_of(resistance_ohm: int, reference_dohm: int) -> int:
    """The 15-bit code of a resistance, rounded down."""
    return resistance_ohm * 327680 // reference_dohm


class Max31865:
    """One converter.  ``sample()`` gives m degC and sets ``fault``.

    ``options`` are the bits of an RTD's channel: three wires, Pt1000, mains of 60 Hz.  A Pt1000 on a reference ten
    times as large gives the codes of a Pt100.
    """

    def __init__(self, spi, select, reference_dohm: int, options: int) -> None:  # type: ignore[no-untyped-def]
        self._spi = spi
        self._select = select
        if options & RTD_PT1000:
            reference_dohm //= 10
        self._reference_dohm = reference_dohm
        self._always = (_THREE_WIRE if options & RTD_THREE_WIRE else 0) | (0 if options & RTD_60_HZ else _MAINS_50_HZ)
        self._running = _VBIAS | _AUTOMATIC | self._always
        self._samples_n = 0
        self._checking = False
        self._command = bytearray(9)
        self._answer = bytearray(9)
        self._two = bytearray(2)
        self.fault = 0
        select.value(1)
        high = code_of(_LAST_OHM, reference_dohm) << 1
        low = code_of(_FIRST_OHM, reference_dohm) << 1
        self._thresholds = (high >> 8, high & 255, low >> 8, low & 255)
        self._set_up()
        self._write(_CONFIGURATION, self._running | _CLEAR)

    def _set_up(self) -> None:
        """Thresholds, and the filter while nothing is converted."""
        self._write(_CONFIGURATION, self._always)
        for i in range(4):
            self._write(_HIGH_THRESHOLD + i, self._thresholds[i])

    def _write(self, register: int, octet: int) -> None:
        two = self._two
        two[0] = register | _WRITE
        two[1] = octet
        self._select.value(0)
        self._spi.write(two)
        self._select.value(1)

    def sample(self) -> int:
        """Temperature in m degC, -200 000 to 500 000; meaningless where ``fault`` is not 0.  Allocates nothing.

        Every register is read at once: a chip that lost its settings, or does not answer, is NO_CHIP in this scan.
        """
        answer = self._answer
        self._select.value(0)
        self._spi.write_readinto(self._command, answer)
        self._select.value(1)
        self.fault = answer[8] & 0xFC if self._kept(answer) else NO_CHIP
        self._go_on()
        return milli_celsius((answer[_RTD_MSB + 1] << 8 | answer[_RTD_MSB + 2]) >> 1, self._reference_dohm)

    def _kept(self, answer) -> bool:  # type: ignore[no-untyped-def]
        """The settings are those that were written; a cycle that has ended leaves the chip without conversions."""
        wanted = self._running ^ _AUTOMATIC if self._checking else self._running
        if answer[1] & ~(_CHECK_MASK | _CLEAR) != wanted:
            return False
        for i in range(4):
            if (answer[4 + i] ^ self._thresholds[i]) & _KEPT_BITS[i]:
                return False
        return True

    def _go_on(self) -> None:
        """Begin a fault-detection cycle when it is time; else convert, with the latched fault bits cleared."""
        self._samples_n += 1
        if self.fault & NO_CHIP:
            self._samples_n = 0
            self._set_up()
        if self._samples_n >= CHECK_SAMPLES:
            self._samples_n = 0
            self._checking = True
            self._write(_CONFIGURATION, _VBIAS | self._always | _CHECK)
        elif self._checking or self.fault:
            self._checking = False
            self._write(_CONFIGURATION, self._running | _CLEAR)
