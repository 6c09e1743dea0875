"""From loop outputs to actuators: split range, time proportioning, and the declared safe order.  No chips here."""

from spinline_protocol.configuration import DAC, DRIVE_OUT, FULL_SCALE, OUTPUT, SSR, field_index
from spinline_protocol.portable import micropython

from .image import loop_at
from .pid import ABSORB
from .pid import OUTPUT as LOOP_OUTPUT

_KIND = field_index(OUTPUT, "kind")
_LOOP = field_index(OUTPUT, "loop")
_SIGN = field_index(OUTPUT, "sign")
_M = field_index(OUTPUT, "gain_m")
_S = field_index(OUTPUT, "gain_s")
_SAFE = field_index(OUTPUT, "safe")
_DELAY = field_index(OUTPUT, "safe_delay_ms")
_DEAD = field_index(OUTPUT, "dead_band")
_STATES = field_index(OUTPUT, "on_states")
_ANALOG = (DAC, DRIVE_OUT)  # made once: a tuple made in the scan is an object of the heap


def _applied(row: "tuple[int, ...]") -> int:
    """The output of its loop that would put an actuator where it is safe; 0 where it is at rest there."""
    if not row[_SAFE] or not row[_M] or row[_LOOP] < 0:
        return 0
    return row[_SIGN] * min(FULL_SCALE, (row[_SAFE] << row[_S]) // row[_M] + row[_DEAD])


class Outputs:
    """Rows of the table ``output``.  ``level[i]`` is what actuator i gets: 0 to 65 536, or 0 and 1 for a switch."""

    def __init__(self, rows: "list[tuple[int, ...]]", image) -> None:  # type: ignore[no-untyped-def]
        self._image = image
        self._carry = [0] * len(rows)
        self.level = [0] * len(rows)
        self.retune(rows)

    def retune(self, rows: "list[tuple[int, ...]]") -> None:
        """Rows with another safe order; what is carried and what is on goes on."""
        self.rows = rows
        self._applied = [_applied(row) for row in rows]
        self.safe_ms = max([row[_DELAY] for row in rows] + [0])

    @micropython.native
    def scan(self, state: int) -> None:
        """Decide every actuator once for this scan; a time-proportioned one is on for the whole scan or not at all."""
        for i in range(len(self.rows)):
            row = self.rows[i]
            if row[_LOOP] < 0:
                self.level[i] = row[_STATES] >> state & 1
                continue
            share = self._share(row)
            if row[_KIND] == SSR:
                carry = self._carry[i] + share
                self.level[i] = 1 if carry >= FULL_SCALE else 0
                self._carry[i] = carry - FULL_SCALE if carry >= FULL_SCALE else carry
            else:
                self.level[i] = share if row[_KIND] in _ANALOG else 1 if share else 0

    def _share(self, row: "tuple[int, ...]") -> int:
        """This actuator's part of the loop's output: 0 to 65 536.  Output < 2^17 and gain_m < 2^12: product < 2^29."""
        output = self._image[loop_at(row[_LOOP]) + LOOP_OUTPUT] * row[_SIGN] - row[_DEAD]
        if output <= 0:
            return 0
        share = output * row[_M] >> row[_S]
        return FULL_SCALE if share > FULL_SCALE else int(share)

    def safe(self) -> None:
        """Every actuator to its safe value now."""
        for i in range(len(self.rows)):
            self._make_safe(i)

    def safe_of(self, mask: int) -> None:
        """The actuators of a mask to their safe values, whatever their loops ask for; the loops track that."""
        i = 0
        while mask:
            if mask & 1:
                self._make_safe(i)
                if self.rows[i][_LOOP] >= 0:
                    self._tell_loop(i)
            mask >>= 1
            i += 1

    def _tell_loop(self, i: int) -> None:
        """The loop's next scan begins where its actuator stands, so that its integral does not wind up behind it.

        An actuator at rest leaves the other side of a split range to its loop.
        """
        image, at, applied = self._image, loop_at(self.rows[i][_LOOP]), self._applied[i]
        if applied or image[at + LOOP_OUTPUT] * self.rows[i][_SIGN] > 0:
            image[at + LOOP_OUTPUT] = applied
            image[at + ABSORB] = 1

    def safe_after(self, elapsed_ms: int) -> None:
        """The declared safe order: actuators whose time has come go to their safe value, the others stay controlled."""
        for i in range(len(self.rows)):
            if elapsed_ms >= self.rows[i][_DELAY]:
                self._make_safe(i)

    def _make_safe(self, i: int) -> None:
        row = self.rows[i]
        self._carry[i] = 0
        safe = row[_SAFE]
        self.level[i] = safe if row[_KIND] in _ANALOG else 1 if safe else 0
