"""What the node sends of its own accord from its two rings: live records first, then old ones the host asked for.

Decides nothing about the line.  A stream's ring has ``span()``, ``following()``, ``read()`` and ``record_bytes``.
"""

from spinline_protocol import errors, messages
from spinline_protocol.framing import TELEMETRY
from spinline_protocol.messages import STREAM_SCANS, STREAM_SUMMARIES
from spinline_protocol.packer import BIN_BYTES_MAX, Packer

BATCH_MS = 1000  # scans of this time travel together
OLD_RECORDS_N_MAX = 20000  # that one request may ask for
OLD_SHARE = 4  # old records take at most a quarter of what the link carries, but one record a scan

_PACKERS = (
    Packer(messages.SCANS, messages.fields_of(messages.SCANS)),
    Packer(messages.SUMMARIES, messages.fields_of(messages.SUMMARIES)),
)


class _Stream:
    """Where one stream stands: the next live record to send, and the interval of old ones that is asked for."""

    def __init__(self, packer: Packer, ring, batch: int) -> None:  # type: ignore[no-untyped-def]
        self.packer = packer
        self.ring = ring
        self.fits = BIN_BYTES_MAX // ring.record_bytes
        self.batch = max(1, min(self.fits, batch))
        self.sent_to = ring.following()
        self.old, self.old_end = 0, 0

    def restart(self) -> None:
        """A new session: live records from here on, old ones when it asks."""
        self.sent_to = self.ring.following()
        self.old, self.old_end = 0, 0

    def publish_live(self, link) -> None:  # type: ignore[no-untyped-def]
        """A batch of the newest records when it is full."""
        following = self.ring.following()
        if following - self.sent_to >= self.batch:
            first = max(self.sent_to, following - self.batch)
            if self._send(link, first, following - first):
                self.sent_to = following

    def publish_old(self, link, most_bytes: int) -> None:  # type: ignore[no-untyped-def]
        """One frame of what was asked for, as many records as ``most_bytes`` allow."""
        first = max(self.old, self.ring.span()[0])
        count = min(self.old_end - first, self.fits, max(1, most_bytes // self.ring.record_bytes))
        if count <= 0:
            self.old_end = 0
        elif self._send(link, first, count):
            self.old = first + count

    def _send(self, link, first: int, count: int) -> bool:  # type: ignore[no-untyped-def]
        payload = self.packer.pack((first, self.ring.span()[0], self.ring.read(first, count)))
        return bool(link.stream(TELEMETRY, payload))


class Publisher:
    """Both streams of a configured node.  ``scan_bytes`` is what the link carries during one scan."""

    def __init__(self, recorder, summaries, scan_ms: int, scan_bytes: int) -> None:  # type: ignore[no-untyped-def]
        self._streams = (
            _Stream(_PACKERS[STREAM_SCANS], recorder, BATCH_MS // scan_ms),
            _Stream(_PACKERS[STREAM_SUMMARIES], summaries, 1),
        )
        self._old_bytes = scan_bytes // OLD_SHARE

    def restart(self) -> None:
        """A new session opened."""
        for stream in self._streams:
            stream.restart()

    def publish(self, link) -> None:  # type: ignore[no-untyped-def]
        """Once a scan: what is live, then one frame of old records of each stream that still owes some."""
        scans, summaries = self._streams
        scans.publish_live(link)
        summaries.publish_live(link)
        owing_n = int(scans.old < scans.old_end) + int(summaries.old < summaries.old_end)
        if owing_n:
            scans.publish_old(link, self._old_bytes // owing_n)
            summaries.publish_old(link, self._old_bytes // owing_n)

    def ask(self, number: int, first: int, count: int) -> "tuple[int, int]":
        """Note which records to send again; result code and the oldest there is."""
        if number >= len(self._streams):
            return errors.BAD_ARGUMENTS, 0
        stream = self._streams[number]
        stream.old, stream.old_end = first, first + min(count, OLD_RECORDS_N_MAX)
        oldest = stream.ring.span()[0]
        return (errors.GONE if first < oldest else errors.OK), oldest
