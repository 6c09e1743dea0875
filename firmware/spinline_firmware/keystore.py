"""The keys of this node in a record of their own.  Never sends or prints a key."""

from spinline_protocol.auth import KEY_BYTES, MAINTENANCE, OPERATOR

from .store import Record

NAME = "keys"
ROLES_KEPT = (OPERATOR, MAINTENANCE)  # a viewer needs no key
_BYTES = KEY_BYTES * len(ROLES_KEPT)
_NONE = bytes(KEY_BYTES)


class KeyStore:
    """Keys by role.  A record that is missing or damaged holds no key: nobody operates the node until it has one."""

    def __init__(self) -> None:
        self.record = Record(NAME)
        octets = self.record.read()
        if len(octets) != _BYTES:
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
        self.record.put(b"".join(keys))
        self._keys = keys
        return True
