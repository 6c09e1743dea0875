"""An FRAM with two address bytes at byte level: every byte is there once acknowledged; power may go at any."""


class PowerCut(Exception):
    """The supply went: what was not written is not there."""


class FramModel:
    """``size`` bytes; ``cut_after``: so many bytes are written from now on, then the power goes (-1: never)."""

    def __init__(self, size):
        self.octets = bytearray(size)
        self.cut_after = -1

    def write_register(self, place, octets):
        for octet in octets:
            if self.cut_after == 0:
                raise PowerCut
            self.cut_after -= self.cut_after > 0
            self.octets[place % len(self.octets)] = octet
            place += 1

    def read_register(self, place, answer):
        for i in range(len(answer)):
            answer[i] = self.octets[(place + i) % len(self.octets)]
