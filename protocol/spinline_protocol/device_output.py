"""What a board has to say and has not said yet: whole frames, in order.  Never decides who may hear it (SPEC 3, 8)."""

from . import framing

OUTPUT_BYTES_MAX = 4096


class Output:
    """Frames of one board that wait for the wire."""

    def __init__(self, address: int) -> None:
        self._address = address
        self._octets = b""
        self._inside = False  # the next byte is inside a frame

    def bytes_n(self) -> int:
        """How many bytes wait."""
        return len(self._octets)

    def frame(  # type: ignore[no-untyped-def]
        self, kind: int, session: int, sequence: int, payload: bytes, sign=None
    ) -> bytes:
        """A frame of this board to the host."""
        control = framing.FROM_DEVICE | kind
        return framing.encode(framing.MASTER, self._address, control, session, sequence, payload, sign)

    def put(self, frame: bytes) -> bool:
        """Add a frame; False (and nothing added) where too much waits already."""
        if len(self._octets) > OUTPUT_BYTES_MAX:
            return False
        self._octets += frame
        return True

    def put_first(self, frames: bytes) -> None:
        """Add frames ahead of everything that waits, at the next frame's border."""
        at = self._octets.find(framing.FLAG) + 1 if self._inside else 0
        self._octets = self._octets[:at] + frames + self._octets[at:]

    def take(self, most: int) -> bytes:
        """At most ``most`` bytes, wherever that cuts a frame."""
        if not self._octets:
            return b""
        octets = self._octets[:most]
        self._octets = self._octets[most:]
        if octets.count(framing.FLAG) & 1:
            self._inside = not self._inside
        return octets

    def take_frames(self, most: int, frames_n: int) -> bytes:
        """Whole frames, oldest first: at most ``frames_n`` of together at most ``most`` bytes."""
        end = 0
        while frames_n and end < len(self._octets):
            following = self._octets.find(framing.FLAG, end + 1) + 1
            if following > most:
                break
            end = following
            frames_n -= 1
        return self.take(end)
