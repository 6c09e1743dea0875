"""Serves the requests of a configuration up to its commit, which is the application's (SPEC 4).

It is made when somebody asks and forgotten when nothing is under way: its code is memory that the running line needs.
"""

import struct

from spinline_protocol import errors, messages
from spinline_protocol.messages import VIOLATION_LAYOUT, VIOLATIONS_N_MAX
from spinline_protocol.packer import Packer

from .transaction import Transaction

_VIOLATIONS = Packer(messages.VIOLATIONS, messages.fields_of(messages.VIOLATIONS))


class Configuring(Transaction):
    """A transaction that answers a host."""

    def serve(self, link, sequence: int, operation: int, fields: list, running_sha256: bytes) -> None:  # type: ignore[no-untyped-def, type-arg]
        """Answer CONFIG_BEGIN, CONFIG_PUT or CONFIG_PREPARE."""
        if operation == messages.CONFIG_BEGIN:
            code = self.begin(fields[0], fields[2]) if fields[1] == running_sha256 else errors.CONFLICT
            link.answer_code(sequence, code)
        elif operation == messages.CONFIG_PUT:
            link.answer_code(sequence, self.put(fields[0], fields[1], fields[2]), fields[0])
        else:
            code, found = self.prepare()
            octets = b""
            for table, row, field, got, limit in found[:VIOLATIONS_N_MAX]:
                octets += struct.pack(VIOLATION_LAYOUT, table, row, field, 0, got, limit)
            link.answer(sequence, _VIOLATIONS.pack((code, len(found), octets)))
