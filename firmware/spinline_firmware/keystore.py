"""The keys of this node in a file of its own, written whole or not at all.  Never sends or prints a key."""

import binascii
import os

from spinline_protocol.auth import KEY_BYTES, MAINTENANCE, OPERATOR

FILE = "keys.bin"
DRAFT = "keys.new"
ROLES_KEPT = (OPERATOR, MAINTENANCE)  # a viewer needs no key
_BYTES = KEY_BYTES * len(ROLES_KEPT)
_NONE = bytes(KEY_BYTES)


class KeyStore:
    """Keys by role.  A file that is missing or damaged holds no key: nobody operates the node until it has one."""

    def __init__(self) -> None:
        octets = b""
        try:
            with open(FILE, "rb") as file:
                octets = file.read(_BYTES + 5)
        except OSError:
            pass  # not provisioned yet
        if len(octets) != _BYTES + 4 or octets[_BYTES:] != _check(octets[:_BYTES]):
            octets = bytes(_BYTES)
        self._keys = [octets[at : at + KEY_BYTES] for at in range(0, _BYTES, KEY_BYTES)]

    def of(self, role: int) -> bytes:
        """The key of a role; empty where there is none."""
        if role not in ROLES_KEPT:
            return b""
        key = self._keys[ROLES_KEPT.index(role)]
        return b"" if key == _NONE else key

    def put(self, role: int, key: bytes) -> bool:
        """Keep a key, also over a restart; False for what is no key of a role.  Raises OSError where the file fails."""
        if role not in ROLES_KEPT or len(key) != KEY_BYTES or key == _NONE:
            return False
        keys = self._keys[:]
        keys[ROLES_KEPT.index(role)] = key
        octets = b"".join(keys)
        with open(DRAFT, "wb") as file:
            file.write(octets + _check(octets))
        os.rename(DRAFT, FILE)
        self._keys = keys
        return True


def _check(octets: bytes) -> bytes:
    return binascii.crc32(octets).to_bytes(4, "little")
