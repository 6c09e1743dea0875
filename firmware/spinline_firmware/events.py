"""Events of the node: numbered, kept until the supervisor's journal holds them, repeated until then.

A ring, where there is one, keeps them over the boot; those of earlier boots are told when they are asked for.
"""

from spinline_protocol import messages
from spinline_protocol.framing import EVENT
from spinline_protocol.packer import Packer

EVENTS_N_MAX = 16
REPEAT_SCANS = 8

_EVENT = Packer(messages.EVENT, messages.fields_of(messages.EVENT))


class Events:
    """Oldest first; when the queue is full the newest is lost, since the first cause matters most.

    A lost event uses up its number: the gap tells the host how many there were.
    """

    def __init__(self, boot_id: int = 0, ring=None) -> None:  # type: ignore[no-untyped-def]
        self._queue: "list[tuple[int, int, int, int, int, int]]" = []
        self._boot_id = boot_id
        self._ring = ring
        self._earlier: "list[tuple[int, ...]] | None" = (
            None  # of earlier boots, one after the other while they are told
        )
        self._next_earlier: "tuple[int, ...]" = ()
        self.next_i = 0
        self.lost_n = 0
        self._silent_scans = 0

    def add(self, scan: int, code: int, source: int, got: int, limit: int) -> None:
        """Note one event with the scan it belongs to."""
        event = (self.next_i, scan, code, source, got, limit)
        self.next_i += 1
        if self._ring:
            self._ring.note(event)
        if len(self._queue) >= EVENTS_N_MAX:
            self.lost_n += 1
            return
        self._queue.append(event)
        self._silent_scans = REPEAT_SCANS

    def oldest_i(self) -> int:
        """Number of the oldest event that is still here, or of the next one."""
        return self._queue[0][0] if self._queue else self.next_i

    def publish(self, link) -> None:  # type: ignore[no-untyped-def]
        """Drop what is acknowledged; send what waits when something is new and every eighth scan."""
        while self._queue and self._queue[0][0] < link.events_acknowledged:
            self._queue.pop(0)
        self._silent_scans += 1
        if self._queue and self._silent_scans > REPEAT_SCANS:
            self._silent_scans = 0
            for event in self._queue:
                link.stream(EVENT, _EVENT.pack(event + (self._boot_id,)))
        if self._earlier:
            self._publish_earlier(link)

    def tell_earlier(self) -> None:
        """Send what the ring holds of earlier boots, one a scan."""
        self._earlier = self._ring.earlier() if self._ring else None
        self._next_earlier = ()

    @property
    def telling(self) -> bool:
        """True while events of earlier boots are read: their medium must not be written."""
        return self._earlier is not None

    def _publish_earlier(self, link) -> None:  # type: ignore[no-untyped-def]
        if not self._next_earlier:
            for event in self._earlier or ():
                self._next_earlier = event
                break
            else:
                self._earlier = None
                return
        if link.stream(EVENT, _EVENT.pack(self._next_earlier)):
            self._next_earlier = ()

    def restart(self) -> None:
        """A new session acknowledges from its own beginning: send everything again."""
        self._silent_scans = REPEAT_SCANS
        self._earlier = None
