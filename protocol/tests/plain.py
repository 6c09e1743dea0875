"""What a test needs that runs on CPython and MicroPython alike: chance, keys, refusals.  Tests nothing itself."""

from spinline_protocol import auth

SITE_KEY = bytes(range(100, 132))
DEVICE_ID = b"id"


class Chance:
    """Numbers that look random and are the same on every interpreter: 31-bit words of a xorshift generator."""

    def __init__(self, seed: int) -> None:
        self._word = seed * 2654435761 & 0x7FFFFFFF or 1

    def below(self, most: int) -> int:
        """A number from 0 to ``most`` - 1."""
        word = self._word
        word ^= word << 13 & 0xFFFFFFFF
        word ^= word >> 17
        word ^= word << 5 & 0xFFFFFFFF
        self._word = word
        return (word >> 1) % most

    def between(self, low: int, high: int) -> int:
        """A number from ``low`` to ``high``, both included; one in eight is an end of the range."""
        if self.below(8) == 0:
            return low if self.below(2) else high
        return low + self.below(high - low + 1)

    def octets(self, count: int) -> bytes:
        """``count`` bytes; many of them are flags and escapes, which is where a framing would break."""
        awkward = b"~}^]\x00\xff"
        return bytes([awkward[self.below(6)] if self.below(4) == 0 else self.below(256) for _ in range(count)])


class Keys:
    """The keys of a board of the site, or of one that has none; ``put`` and ``of`` as the board's own store."""

    def __init__(self, roles: "tuple[int, ...]" = (1, 2)) -> None:
        self._keys = {role: auth.device_key(auth.role_key(SITE_KEY, role), DEVICE_ID) for role in roles}

    def of(self, role: int) -> bytes:
        """The key of a role; empty where there is none."""
        return self._keys.get(role, b"")


def refused(exception: type, function, *arguments) -> bool:  # type: ignore[no-untyped-def]
    """True where the call raises this exception; any other one is a failure of the test and passes through."""
    try:
        function(*arguments)
    except exception:
        return True
    return False


def lines_of(path: str) -> "list[str]":
    """The lines of a golden file."""
    with open(path) as file:
        return file.read().split("\n")
