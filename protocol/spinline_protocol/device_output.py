"""What a board has to say and has not said yet: whole frames, in order.  Never decides who may hear it (SPEC 3, 8)."""

from . import framing

OUTPUT_BYTES_MAX = 4096


class Output:
    """Frames of one board that wait for the wire, a piece each: four kilobytes in one are not to be had."""

    def __init__(self, address: int) -> None:
        self._address = address
        self._frames: "list[bytes]" = []
        self._bytes_n = 0  # of them
        self._gone_n = 0  # bytes of the first frame that have left already

    def bytes_n(self) -> int:
        """How many bytes wait."""
        return self._bytes_n

    def frame(  # type: ignore[no-untyped-def]
        self, kind: int, session: int, sequence: int, payload: bytes, sign=None
    ) -> bytes:
        """A frame of this board to the host."""
        control = framing.FROM_DEVICE | kind
        return framing.encode(framing.MASTER, self._address, control, session, sequence, payload, sign)

    def put(self, frame: bytes) -> bool:
        """Add a frame; False (and nothing added) where too much waits already."""
        if self._bytes_n > OUTPUT_BYTES_MAX:
            return False
        self._frames.append(frame)
        self._bytes_n += len(frame)
        return True

    def put_first(self, frame: bytes) -> None:
        """Add a frame ahead of everything that waits, but behind one that is on its way."""
        self._frames.insert(1 if self._gone_n else 0, frame)
        self._bytes_n += len(frame)

    def take(self, most: int) -> bytes:
        """At most ``most`` bytes, wherever that cuts a frame."""
        return self._cut(most) if self._frames else b""  # its frame is on the heap, and most scans send nothing

    def _cut(self, most: int) -> bytes:
        taken = []
        while self._frames and most > 0:
            frame, gone_n = self._frames[0], self._gone_n
            left_n = len(frame) - gone_n
            if left_n <= most:
                self._frames.pop(0)
                self._gone_n = 0
            else:
                left_n = most
                self._gone_n = gone_n + most
            taken.append(frame[gone_n : gone_n + left_n] if gone_n or self._gone_n else frame)
            most -= left_n
            self._bytes_n -= left_n
        return taken[0] if len(taken) == 1 else b"".join(taken)

    def take_frames(self, most: int, frames_n: int) -> bytes:
        """Whole frames, oldest first: at most ``frames_n`` of together at most ``most`` bytes."""
        end = 0
        for frame in self._frames[:frames_n]:
            if end + len(frame) > most:
                break
            end += len(frame)
        return self.take(end)
