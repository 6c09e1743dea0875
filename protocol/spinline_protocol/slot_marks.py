"""What both ends compute of a slot's files (SPEC 7.3): the proof of a manifest, and the mark of a file."""

import hashlib

from . import messages
from .auth import hmac_sha256


def proof_of(key: bytes, manifest_sha256: bytes) -> bytes:
    """HMAC-SHA256 of a manifest, by its hash, under a node's maintenance key."""
    return hmac_sha256(key, b"update" + manifest_sha256)


def mark_of(sha256: str, name: str) -> bytes:
    """Eight bytes that tell one file's content and place from another's; the whole hash is verified on the board."""
    return hashlib.sha256(("%s %s" % (sha256, name)).encode()).digest()[: messages.MARK_BYTES]
