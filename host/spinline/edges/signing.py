"""Ed25519 keys of who releases firmware: the secret one in its owner's file, the public one on every PC that flashes.

RFC 8032; the files hold 32 bytes as hexadecimal digits.
"""

from __future__ import annotations

from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from spinline.edges.keys import load_key_file, new_key_file
from spinline.errors import BadFile

KEY_BYTES = 32
SIGNATURE_BYTES = 64
FILE_BYTES_MAX = 1024


def new_release_key(path: Path) -> Path:
    """Make the secret key in a file, and its public key beside it, which is returned.  Raises BadFile."""
    public = path.with_name(path.name + ".pub")
    if public.exists():
        raise BadFile(public, ["exists; a key is not overwritten, since bundles are checked with it"])
    secret = Ed25519PrivateKey.from_private_bytes(new_key_file(path))
    try:
        public.write_text(secret.public_key().public_bytes_raw().hex() + "\n", encoding="ascii")
    except OSError as error:
        raise BadFile(public, [f"cannot be made: {error.strerror}"]) from None
    return public


def load_secret_key(path: Path) -> Ed25519PrivateKey:
    """The secret key in a file that only its owner can read.  Raises BadFile."""
    return Ed25519PrivateKey.from_private_bytes(load_key_file(path))


def load_public_key(path: Path) -> bytes:
    """The public key in a file: 32 bytes.  Raises BadFile."""
    try:
        with open(path, "rb") as file:
            octets = bytes.fromhex(file.read(FILE_BYTES_MAX).decode("ascii").strip())
    except OSError as error:
        raise BadFile(path, [f"cannot be read: {error.strerror}"]) from None
    except ValueError:
        octets = b""
    if len(octets) != KEY_BYTES:
        raise BadFile(path, [f"is no public key: {2 * KEY_BYTES} hexadecimal digits expected"])
    return octets


def is_signed(public_key: bytes, signature: bytes, octets: bytes) -> bool:
    """True where the signature is that key's, over these octets."""
    try:
        Ed25519PublicKey.from_public_bytes(public_key).verify(signature, octets)
    except (InvalidSignature, ValueError):
        return False
    return True
