"""Sends a large file to a node: one request at a time, resumed after a cut where the node says.  Sans-I/O."""

from __future__ import annotations

import hashlib
from typing import Any

from spinline_protocol import errors, messages

BEGINNING, SENDING, ENDING, SENT, FAILED = "BEGINNING", "SENDING", "ENDING", "SENT", "FAILED"
FIRMWARE = 0
RETRIES_N_MAX = 3  # begins anew after a hash that was wrong or a number that was lost


class TransferSender:
    """One file.  Ask `request` for what to send, give each answer to `take`; after a lost session call `resume`."""

    def __init__(self, kind: int, octets: bytes) -> None:
        self.phase = BEGINNING
        self.problem = ""
        self.offset = 0  # the node has all before it
        self.generation = 0
        self._kind = kind
        self._octets = octets
        self._sha256 = hashlib.sha256(octets).digest()
        self._transfer = 0
        self._chunk_bytes = 1
        self._tries_n = 0

    def request(self) -> tuple[int, tuple[Any, ...]] | None:
        """Message number and values of the next request; None when it has ended."""
        if self.phase == BEGINNING:
            return messages.TRANSFER_BEGIN, (self._kind, len(self._octets), self._sha256)
        if self.phase == SENDING:
            chunk = self._octets[self.offset : self.offset + self._chunk_bytes]
            return messages.TRANSFER_PUT, (self._transfer, self.offset, chunk)
        if self.phase == ENDING:
            return messages.TRANSFER_END, (self._transfer,)
        return None

    def resume(self) -> None:
        """The session is gone: the outcome of the open request is unknown, and the node is asked where it stands."""
        if self.phase in (SENDING, ENDING):
            self.phase = BEGINNING

    def take(self, fields: dict[str, Any]) -> None:
        """The answer to the request."""
        code = fields["code"]
        if code in (errors.HASH, errors.CONFLICT, errors.SEQUENCE) and self._tries_n < RETRIES_N_MAX:
            self._tries_n += 1
            self.phase = BEGINNING
        elif code == errors.BUSY:
            return  # the same request again
        elif code != errors.OK:
            self.phase = FAILED
            self.problem = f"transfer refused at byte {self.offset}: {errors.result_name(code)}"
        elif self.phase == ENDING:
            self.phase = SENT
        elif self.phase == BEGINNING:
            self._transfer, self.generation = fields["transfer"], fields["generation"]
            self._chunk_bytes = fields["chunk_bytes"]
            self._go_on(fields["offset"])
        elif self.phase == SENDING:
            self._go_on(fields["got"])

    def _go_on(self, offset: int) -> None:
        if not 0 <= offset <= len(self._octets):
            self.phase = FAILED
            self.problem = f"the node wants byte {offset} of {len(self._octets)}"
            return
        self.offset = offset
        self.phase = ENDING if offset == len(self._octets) else SENDING
