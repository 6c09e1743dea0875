"""Two-phase configuration: rows go to a shadow, all violations are told at once, and only a commit changes the line."""

from spinline_protocol import errors
from spinline_protocol.configuration import (
    CASCADE_LOOP,
    COUNTER,
    DRIVE_IN,
    GAIN_SETS_N_MAX,
    GAINS,
    INPUT,
    LOOP,
    NODE,
    OF_INPUT,
    OF_MODE,
    OF_OUTPUT,
    OF_RAW,
    OF_RECORD_BYTES,
    OF_RING_BYTES,
    SINGLE,
    SWITCH_IN,
    TABLE_GAINS,
    TABLE_INPUT,
    TABLE_LOOP,
    TABLE_NODE,
    TABLE_OUTPUT,
    TABLE_RECORD,
    TABLES,
    field_index,
    range_violations,
    setpoint_hard_limits,
)
from spinline_protocol.packer import BIN_BYTES_MAX
from spinline_protocol.quantities import OUTPUT as OUTPUT_QUANTITY
from spinline_protocol.quantities import QUANTITIES
from spinline_protocol.quantities import STATE as STATE_QUANTITY
from spinline_protocol.words import ConfigurationDigest, unpack_words

from .control.guard_places import unknown_guard_places
from .control.recorder import scan_bytes
from .control.summary import RING_BYTES, SCAN_RING_BYTES_MIN, ring_bytes, summary_bytes

assert field_index(INPUT, "quantity") == 3 and field_index(LOOP, "quantity") == 4

ROWS_N_MAX = 200
SMALL = 1 << 30


def _loop_field(row: "tuple[int, ...]", name: str) -> int:
    return row[field_index(LOOP, name)]


def _input_field(row: "tuple[int, ...]", name: str) -> int:
    return row[field_index(INPUT, name)]


class Transaction:
    """The shadow of one configuration.  ``begin``, ``put`` in order, ``prepare``, then the caller swaps ``tables``."""

    def __init__(self) -> None:
        self.tables: "list[list[tuple[int, ...]]]" = []
        self.order = bytearray()  # table of each row as it came
        self._rows_n = 0
        self._taken_n = 0
        self._announced = b""
        self._digest = ConfigurationDigest()
        self.digest = b""
        self.prepared = False
        self.open = False

    def begin(self, rows_n: int, announced: bytes) -> int:
        """Start a shadow of ``rows_n`` rows whose hash will be ``announced``; returns a result code."""
        if rows_n < 1 or rows_n > ROWS_N_MAX:
            return errors.TOO_LARGE
        self.cancel()
        self.tables = [[] for _ in TABLES]
        self._rows_n = rows_n
        self._announced = announced
        self.open = True
        return errors.OK

    def cancel(self) -> None:
        """Forget the shadow; the running configuration is untouched."""
        self.__init__()  # type: ignore[misc]

    def put(self, row_i: int, table: int, octets: bytes) -> int:
        """Take row ``row_i`` of the download; rows come in order.  Ranges are judged in ``prepare``."""
        if not self.open or self.prepared:
            return errors.STATE
        if row_i != self._taken_n or row_i >= self._rows_n:
            return errors.SEQUENCE
        words = unpack_words(octets)
        if table >= len(TABLES) or not words:
            return errors.BAD_ARGUMENTS
        if len(self.tables[table]) >= TABLES[table][3]:
            return errors.TOO_LARGE
        self._digest.add(table, octets)
        self.tables[table].append(words)
        self.order.append(table)
        self._taken_n += 1
        return errors.OK

    def prepare(self) -> "tuple[int, list[tuple[int, int, int, int, int]]]":
        """Judge the whole set: a result code and all violations as (table, row, field, got, limit)."""
        if not self.open:
            return errors.STATE, []
        if self._taken_n != self._rows_n:
            return errors.SEQUENCE, []
        if not self.digest:
            self.digest = self._digest.digest()
        if self.digest != self._announced:
            return errors.HASH, []
        found = self._out_of_range()
        if not found:
            found = self._unknown_places() + self._unfit_cascades() + self._unfit_gains() + self._beyond_hard_limits()
            found += self._unfit_inputs() + self._unfit_partners() + self._unfit_records() + self._too_large_products()
            found += self._too_much_to_keep()
        self.prepared = not found
        return errors.RANGE if found else errors.OK, found

    def _out_of_range(self) -> "list[tuple[int, int, int, int, int]]":
        found = []
        for table in range(len(self.tables)):
            for i in range(len(self.tables[table])):
                for field, got, limit in range_violations(table, self.tables[table][i]):
                    found.append((table, i, field, got, limit))
        for table in (TABLE_NODE, TABLE_RECORD):
            if not self.tables[table]:
                found.append((table, 0, 255, 0, 1))
        return found

    def _unknown_places(self) -> "list[tuple[int, int, int, int, int]]":
        """Indices that point at rows which are not there; a slave must stand behind its feed-forward loop."""
        found = []
        inputs_n, loops_n = len(self.tables[TABLE_INPUT]), len(self.tables[TABLE_LOOP])
        for i in range(loops_n):
            row = self.tables[TABLE_LOOP][i]
            for name, most in (("input", inputs_n - 1), ("master", inputs_n - 1), ("ff_loop", i)):
                if _loop_field(row, name) > most:
                    found.append((TABLE_LOOP, i, field_index(LOOP, name), _loop_field(row, name), most))
            if _loop_field(row, "kind") != SINGLE and _loop_field(row, "master") < 0:
                found.append((TABLE_LOOP, i, field_index(LOOP, "master"), -1, 0))
        for i in range(len(self.tables[TABLE_OUTPUT])):
            if self.tables[TABLE_OUTPUT][i][3] >= loops_n:
                found.append((TABLE_OUTPUT, i, 3, self.tables[TABLE_OUTPUT][i][3], loops_n - 1))
        found += unknown_guard_places(self.tables)
        for i in range(len(self.tables[TABLE_RECORD])):
            row = self.tables[TABLE_RECORD][i]
            most = inputs_n if row[0] in (0, 3) else loops_n
            if row[1] >= most:
                found.append((TABLE_RECORD, i, 1, row[1], most - 1))
        return found

    def _unfit_cascades(self) -> "list[tuple[int, int, int, int, int]]":
        """Inner loops whose outer loop does not stand before them, has another inner one, or has an output below 0."""
        found, outers = [], []
        master, out_low = field_index(LOOP, "master"), field_index(LOOP, "out_low")
        loops = self.tables[TABLE_LOOP]
        for i in range(len(loops)):
            outer = loops[i][master]
            if _loop_field(loops[i], "kind") != CASCADE_LOOP or outer < 0:
                continue
            if outer >= i or outer in outers:
                found.append((TABLE_LOOP, i, master, outer, i - 1))
            elif loops[outer][out_low] < 0:
                found.append((TABLE_LOOP, outer, out_low, loops[outer][out_low], 0))
            outers.append(outer)
        return found

    def _unfit_gains(self) -> "list[tuple[int, int, int, int, int]]":
        """Gain sets of no loop, of no input, too many of one loop, or not in rising order."""
        found = []
        loop, source, begins = [field_index(GAINS, name) for name in ("loop", "input", "from")]
        last: "dict[int, tuple[int, ...]]" = {}
        sets_n: "dict[int, int]" = {}
        for i in range(len(self.tables[TABLE_GAINS])):
            row = self.tables[TABLE_GAINS][i]
            of = row[loop]
            before = last.get(of, row)
            sets_n[of] = sets_n.get(of, 1) + 1
            for field, most in ((loop, len(self.tables[TABLE_LOOP]) - 1), (source, len(self.tables[TABLE_INPUT]) - 1)):
                if row[field] > most:
                    found.append((TABLE_GAINS, i, field, row[field], most))
            if sets_n[of] > GAIN_SETS_N_MAX:
                found.append((TABLE_GAINS, i, loop, sets_n[of], GAIN_SETS_N_MAX))
            if of in last and row[begins] <= before[begins]:
                found.append((TABLE_GAINS, i, begins, row[begins], before[begins] + 1))
            if row[source] != before[source]:
                found.append((TABLE_GAINS, i, source, row[source], before[source]))
            last[of] = row
        return found

    def _beyond_hard_limits(self) -> "list[tuple[int, int, int, int, int]]":
        """Setpoint ranges beyond the node's own hard limits, and setpoints beyond their range."""
        found = []
        for i in range(len(self.tables[TABLE_LOOP])):
            row = self.tables[TABLE_LOOP][i]
            low, high = setpoint_hard_limits(_loop_field(row, "quantity"))
            set_low, set_high = _loop_field(row, "setpoint_low"), _loop_field(row, "setpoint_high")
            setpoint = _loop_field(row, "setpoint")
            if set_low < low:
                found.append((TABLE_LOOP, i, field_index(LOOP, "setpoint_low"), set_low, low))
            if set_high > high:
                found.append((TABLE_LOOP, i, field_index(LOOP, "setpoint_high"), set_high, high))
            if setpoint < set_low:
                found.append((TABLE_LOOP, i, field_index(LOOP, "setpoint"), setpoint, set_low))
            if setpoint > set_high:
                found.append((TABLE_LOOP, i, field_index(LOOP, "setpoint"), setpoint, set_high))
            if _loop_field(row, "out_low") >= _loop_field(row, "out_high"):
                limit = _loop_field(row, "out_high")
                found.append((TABLE_LOOP, i, field_index(LOOP, "out_low"), _loop_field(row, "out_low"), limit))
            if _loop_field(row, "action") == 0:
                found.append((TABLE_LOOP, i, field_index(LOOP, "action"), 0, 1))
        return found

    def _unfit_inputs(self) -> "list[tuple[int, int, int, int, int]]":
        """Ranges of an input that are upside down, or wider than a record of its quantity can carry."""
        found = []
        for i in range(len(self.tables[TABLE_INPUT])):
            row = self.tables[TABLE_INPUT][i]
            least, most = QUANTITIES[row[3]][3], QUANTITIES[row[3]][4]
            for name, other in (("low", "high"), ("raw_low", "raw_high"), ("warn_low", "warn_high")):
                if _input_field(row, name) > _input_field(row, other):
                    limit = _input_field(row, other)
                    found.append((TABLE_INPUT, i, field_index(INPUT, name), _input_field(row, name), limit))
            if _input_field(row, "low") < least:
                found.append((TABLE_INPUT, i, field_index(INPUT, "low"), _input_field(row, "low"), least))
            if _input_field(row, "high") > most:
                found.append((TABLE_INPUT, i, field_index(INPUT, "high"), _input_field(row, "high"), most))
            if _input_field(row, "frozen_scans") and _input_field(row, "kind") in (SWITCH_IN, COUNTER, DRIVE_IN):
                frozen = field_index(INPUT, "frozen_scans")  # a lid stays shut, a godet stands
                found.append((TABLE_INPUT, i, frozen, row[frozen], 0))
        return found

    def _unfit_partners(self) -> "list[tuple[int, int, int, int, int]]":
        """Partners that are no other input of the same quantity."""
        found = []
        partner, inputs = field_index(INPUT, "partner"), self.tables[TABLE_INPUT]
        for i in range(len(inputs)):
            of = inputs[i][partner]
            if of == i or of >= len(inputs) or of >= 0 and inputs[of][3] != inputs[i][3]:
                found.append((TABLE_INPUT, i, partner, of, len(inputs) - 1))
        return found

    def _unfit_records(self) -> "list[tuple[int, int, int, int, int]]":
        """Records whose quantity is not that of what they are of."""
        found = []
        for i in range(len(self.tables[TABLE_RECORD])):
            source, of, quantity = self.tables[TABLE_RECORD][i][:3]
            rows = self.tables[TABLE_INPUT if source == OF_INPUT else TABLE_LOOP]
            if source == OF_RAW or of >= len(rows):
                continue
            if source == OF_MODE:
                fits = STATE_QUANTITY
            else:
                fits = OUTPUT_QUANTITY if source == OF_OUTPUT else rows[of][3 if source == OF_INPUT else 4]
            if quantity != fits:
                found.append((TABLE_RECORD, i, 2, quantity, fits))
        return found

    def _too_much_to_keep(self) -> "list[tuple[int, int, int, int, int]]":
        """Records longer than a frame carries, or rings larger than their memory: told at the last row."""
        found = []
        rows = self.tables[TABLE_RECORD]
        for octets_n in (scan_bytes(rows), summary_bytes(rows)):
            if octets_n > BIN_BYTES_MAX:
                found.append((TABLE_RECORD, len(rows) - 1, OF_RECORD_BYTES, octets_n, BIN_BYTES_MAX))
        octets_n = SCAN_RING_BYTES_MIN + ring_bytes(rows, self.tables[TABLE_NODE][0][field_index(NODE, "scan_ms")])
        if octets_n > RING_BYTES:
            found.append((TABLE_RECORD, len(rows) - 1, OF_RING_BYTES, octets_n, RING_BYTES))
        return found

    def _too_large_products(self) -> "list[tuple[int, int, int, int, int]]":
        """Scalings whose product would reach 2^30 inside the range of raw numbers that are not a failure."""
        found = []
        scale = field_index(INPUT, "scale_m")
        for i in range(len(self.tables[TABLE_INPUT])):
            row = self.tables[TABLE_INPUT][i]
            zero = row[field_index(INPUT, "zero")]
            low, high = row[field_index(INPUT, "raw_low")], row[field_index(INPUT, "raw_high")]
            reach = max(abs(low - zero), abs(high - zero))
            if reach * row[scale] >= SMALL:
                found.append((TABLE_INPUT, i, scale, row[scale], (SMALL - 1) // reach))
        return found
