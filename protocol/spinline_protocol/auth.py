"""Roles, keys and tags (SPEC 6).  Pure: no key is stored, made or shown here, and no clock is read."""

import hashlib

from . import messages
from .errors import BadFrame
from .framing import TAG_BYTES

# in order of power: each role may do what the ones before it may
ROLES = ("viewer", "operator", "maintenance")
(VIEWER, OPERATOR, MAINTENANCE) = range(3)
KEY_BYTES = 32
BLOCK_BYTES = 64  # of SHA-256
FAILURES_N_MAX = 5
REFUSING_US = 2000000  # a guesser gets 5 tries in two seconds, and never more of a scan than they cost

# request, the least role that may ask for it; a request that is not listed needs the highest
ROLE_NEEDED = (
    (messages.IDENTIFY, VIEWER),
    (messages.BACKFILL_REQUEST, VIEWER),
    (messages.JOURNAL, VIEWER),
    (messages.COMMAND, OPERATOR),
    (messages.SET_SETPOINT, OPERATOR),
    (messages.SET_MODE, OPERATOR),
    (messages.CONFIG_BEGIN, OPERATOR),
    (messages.CONFIG_PUT, OPERATOR),
    (messages.CONFIG_PREPARE, OPERATOR),
    (messages.CONFIG_COMMIT, OPERATOR),
    (messages.CONFIG_CANCEL, OPERATOR),
    (messages.TRANSFER_BEGIN, MAINTENANCE),
    (messages.TRANSFER_PUT, MAINTENANCE),
    (messages.TRANSFER_END, MAINTENANCE),
    (messages.PROVISION, MAINTENANCE),
    (messages.PULSE, MAINTENANCE),
    (messages.TUNE_START, MAINTENANCE),
    (messages.TUNE_STOP, OPERATOR),  # to end an experiment is always the safe side
    (messages.UPDATE_APPLY, MAINTENANCE),
    (messages.UPDATE_TRY, MAINTENANCE),
    (messages.UPDATE_CONFIRM, MAINTENANCE),
    (messages.UPDATE_STATUS, VIEWER),
    (messages.UPDATE_FILES, VIEWER),
    (messages.BENCH_SET, MAINTENANCE),
)


def role_needed(operation: int) -> int:
    """The least role that may ask for this request."""
    for number, role in ROLE_NEEDED:
        if number == operation:
            return role
    return MAINTENANCE


def role_of(name) -> int:  # type: ignore[no-untyped-def]
    """Number of a role's name.  Raises BadFrame for any other text: nothing falls back to a lower role."""
    if name not in ROLES:
        raise BadFrame("no role")
    return ROLES.index(name)


_INNER = int.from_bytes(b"\x36" * BLOCK_BYTES, "big")
_OUTER = int.from_bytes(b"\x5c" * BLOCK_BYTES, "big")


def hmac_sha256(key: bytes, message: bytes) -> bytes:
    """HMAC-SHA256 (RFC 2104): 32 bytes."""
    if len(key) > BLOCK_BYTES:
        key = hashlib.sha256(key).digest()
    block = int.from_bytes(
        key + bytes(BLOCK_BYTES - len(key)), "big"
    )  # as one number: a loop takes three times as long
    inner = hashlib.sha256((block ^ _INNER).to_bytes(BLOCK_BYTES, "big") + message).digest()
    return hashlib.sha256((block ^ _OUTER).to_bytes(BLOCK_BYTES, "big") + inner).digest()


def same(one: bytes, other: bytes) -> bool:
    """True where both are equal; takes as long for a wrong first byte as for a wrong last one."""
    if len(one) != len(other):
        return False
    different = 0
    for i in range(len(one)):
        different |= one[i] ^ other[i]
    return different == 0


def role_key(site_key: bytes, role: int) -> bytes:
    """The key of a role at a site: what a supervisor holds."""
    return hmac_sha256(site_key, b"spinline role " + ROLES[role].encode())


def device_key(of_role: bytes, device_id: bytes) -> bytes:
    """The key of a role on one node: what the node holds; it opens no other node."""
    return hmac_sha256(of_role, device_id)


def session_key(of_device: bytes, host_nonce: bytes, device_nonce: bytes, device_id: bytes, session: int) -> bytes:
    """The key of one session.  Both ends bring a fresh nonce, so that nothing of another session fits."""
    return hmac_sha256(of_device, b"S" + host_nonce + device_nonce + device_id + session.to_bytes(2, "little"))


def tag_of(key: bytes, octets: bytes, wraps: int = 0) -> bytes:
    """Tag over a frame from its length to the byte before the tag; ``wraps``: how often its numbers began anew."""
    return hmac_sha256(key, octets + (wraps & 0xFFFF).to_bytes(2, "little"))[:TAG_BYTES]


def proves(key: bytes, octets: bytes, wraps: int = 0) -> bool:
    """True where the last 8 of ``octets`` (a frame without its CRC) are the tag over the rest."""
    return same(octets[-TAG_BYTES:], tag_of(key, octets[:-TAG_BYTES], wraps))


def wraps_of(sequence: int, near: int, wraps: int) -> int:
    """How often the numbers had begun anew at ``sequence``, which is near number ``near`` of round ``wraps``."""
    ahead = sequence - near
    return wraps - 1 if ahead > 0x8000 else wraps + 1 if ahead < -0x8000 else wraps


class Guard:
    """Counts tags that prove nothing; after five of them it refuses for two seconds.  Times in us, never wrapping."""

    def __init__(self) -> None:
        self.failures_n = 0
        self._until_us = 0

    def refusing(self, now_us: int) -> bool:
        """True while nothing may be tried."""
        return now_us < self._until_us

    def failed(self, now_us: int) -> None:
        """Note one failure."""
        self.failures_n += 1
        if self.failures_n % FAILURES_N_MAX == 0:
            self._until_us = now_us + REFUSING_US
