"""Reads a compiled file of MicroPython (version 6) far enough to tell machine code from bytecode.

Layout: py/persistentcode.c of MicroPython 1.25, functions mp_raw_code_load, load_qstr, load_obj, load_raw_code.
"""

from __future__ import annotations

FUNCTION_TABLE, LAST_CONSTANT, BYTES, TUPLE = 0, 4, 6, 10  # kinds of constant objects
BYTECODE, NATIVE = 2, 3  # kinds of code; above NATIVE: viper and assembler
ARCHITECTURE_FLAGS = 0x40  # in the third byte of the head: a number follows


class MpyFile:
    """One compiled file.  ``machine_code_bytes`` and ``bytecode_bytes`` are what its functions take when loaded."""

    def __init__(self, octets: bytes) -> None:
        """Raises ValueError where it is no file of version 6."""
        if octets[:2] != b"M\x06":
            raise ValueError(f"no compiled file of version 6: it begins with {octets[:2]!r}")
        self._octets, self._at = octets, 4
        self.machine_code_bytes = self.bytecode_bytes = 0
        if octets[2] & ARCHITECTURE_FLAGS:
            self._number()
        names_n, constants_n = self._number(), self._number()
        for _ in range(names_n):
            length = self._number()
            if not length & 1:  # odd: one that every interpreter knows
                self._at += (length >> 1) + 1
        for _ in range(constants_n):
            self._constant()
        self._code()
        if self._at != len(octets):
            raise ValueError(f"{len(octets) - self._at} bytes behind the code")

    def _number(self) -> int:
        """Seven bits a byte, the highest first; the last byte is below 128."""
        number = 0
        while True:
            octet = self._octets[self._at]
            self._at += 1
            number = number << 7 | octet & 0x7F
            if octet < 0x80:
                return number

    def _constant(self) -> None:
        kind = self._octets[self._at]
        self._at += 1
        if kind <= LAST_CONSTANT:
            return
        length = self._number()
        if kind == TUPLE:
            for _ in range(length):
                self._constant()
        else:
            self._at += length + (kind <= BYTES)  # a zero stands behind strings and bytes

    def _code(self) -> None:
        head = self._number()
        kind, length = (head & 3) + BYTECODE, head >> 3
        self._at += length
        if kind == BYTECODE:
            self.bytecode_bytes += length
        else:
            self.machine_code_bytes += length
            self._number()  # where the prelude begins, or flags
            if kind == NATIVE + 2:
                self._number()
                self._number()
        if head & 4:
            for _ in range(self._number()):
                self._code()
