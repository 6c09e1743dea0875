"""Who has an address of a bus: asks for ever fewer ids until each answer is one board's (SPEC 8.6).  Sans-I/O."""

from __future__ import annotations

ID_BITS = 64
ASKS_N_MAX = 600  # ends a search on a line that is never clean; four boards alike in 62 bits that are ones take 520
SILENT_N = 2  # a board may miss one question in its scan,
SILENT_OTHERS_N = 3  # and where some are known to be, several others may miss one each
BESIDES_N_MAX = 28  # ids that one FIND can name


class Search:
    """One search at one address.  ``ids`` are the devices found, with those that are known already."""

    def __init__(self, known: list[bytes] | None = None) -> None:
        self.ids = list(known or ())
        self.asked_n = 0
        self._silent_n = 0
        self._pending: list[tuple[int, int]] = [(0, 0)]  # bits, and the number they make

    @property
    def done(self) -> bool:
        """True where nobody is left who could answer."""
        return not self._pending or self.asked_n >= ASKS_N_MAX

    def question(self) -> tuple[int, bytes, bytes]:
        """Fields of the next FIND: ids that begin with these bits, besides those that are known."""
        bits, number = self._pending[-1]
        prefix = (number << (ID_BITS - bits)).to_bytes(ID_BITS // 8, "big")[: (bits + 7) // 8]
        return bits, prefix, b"".join(self.ids[-BESIDES_N_MAX:])

    def answered(self, ids: list[bytes], garbled: bool) -> None:
        """What came in answer to it: whole answers, and whether there was anything else on the wire."""
        self.asked_n += 1
        self._silent_n = 0 if ids or garbled else self._silent_n + 1
        self.ids += [found for found in ids if found not in self.ids]
        if garbled:
            bits, number = self._pending.pop()
            if bits < ID_BITS:
                self._pending += [(bits + 1, number << 1 | 1), (bits + 1, number << 1)]
        elif self._silent_n >= (SILENT_OTHERS_N if self.ids or self._pending[-1][0] else SILENT_N):
            self._silent_n = 0
            bits, number = self._pending.pop()  # nobody here:
            if bits and number & 1:
                self._pending = [(0, 0)]  # nor in the lower half, so all others; of a lower half the upper one is next
