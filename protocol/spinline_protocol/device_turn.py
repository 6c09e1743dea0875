"""A board's turn on a bus: which question of the host it may answer, and with what (SPEC 8).  Never speaks unasked."""

from . import framing, messages
from .errors import BadFrame
from .packer import Packer

REPLY_US_MAX = 5000  # from the last bit of a question to the first of its answer
AGE_US_MAX = (
    3000  # a question that may be older when it is read is left unanswered; the rest is for the answer's making
)
REPLY_BYTES_MAX = 960  # with POLLED behind it a turn fits the transmit buffer of 1024 bytes, so that it has no pause

_POLLED = Packer(messages.POLLED, messages.fields_of(messages.POLLED))
_FOUND = Packer(messages.FOUND, messages.fields_of(messages.FOUND))

assert AGE_US_MAX < REPLY_US_MAX


class Turn:
    """The answer to the question that was read last; empty where none may be given.

    ``device_id`` is what FIND asks for; a board on a line of its own has none here and answers neither.
    """

    def __init__(self, output, device_id: bytes) -> None:  # type: ignore[no-untyped-def]
        self.polled = len(device_id) > 0
        self.answerable = False  # what is read now is the last on the wire, and fresh
        self.late_n = 0
        self._output = output
        self._device_id = device_id
        self._answer = b""

    def listen(self, fresh: bool) -> None:
        """Bytes have come: an answer that has not left is too late.  ``fresh``: no more than AGE_US_MAX old."""
        self._answer = b""
        self.answerable = fresh

    def take(self) -> bytes:
        """The whole answer, once."""
        answer, self._answer = self._answer, b""
        return answer

    def may_answer(self, frame: "framing.Frame", address: int) -> bool:
        """True for a question to this very address that came in time."""
        if not self.polled or frame.destination != address:
            raise BadFrame("a question to nobody or to all")
        if not self.answerable:
            self.late_n += 1
        return self.answerable

    def answer_poll(self, session: int, sequence: int, credit_bytes: int, frames_n: int) -> None:
        """Whole frames as far as the credit goes, then POLLED, which ends every turn and says how much still waits."""
        frames = self._output.take_frames(min(credit_bytes, REPLY_BYTES_MAX), frames_n)
        waiting = min(self._output.bytes_n(), 0xFFFF)
        self._answer = frames + self._output.frame(framing.CONTROL, session, sequence, _POLLED.pack((waiting,)))

    def answer_find(self, sequence: int, bits: int, prefix: bytes, besides: bytes) -> None:
        """FOUND where the device's id begins with the first ``bits`` of ``prefix`` and is not one of ``besides``."""
        own, size = self._device_id, len(self._device_id)
        if bits > 8 * min(len(prefix), size):
            raise BadFrame("more bits than there are")
        whole, rest = bits >> 3, bits & 7
        if own[:whole] != prefix[:whole] or (rest and (own[whole] ^ prefix[whole]) >> (8 - rest)):
            return
        if own in [besides[at : at + size] for at in range(0, len(besides), size)]:
            return
        self._answer = self._output.frame(framing.CONTROL, 0, sequence, _FOUND.pack((own,)))
