"""ADS1115 at register level: starts by the OS bit, gain by the PGA bits; the result saturates like the chip's."""

LSB_NV = (187500, 125000, 62500, 31250, 15625, 7812, 7812, 7812)


class Ads1115Model:
    """``sense(channel)`` gives what is at a terminal in microvolt, or None while the chip converts no more."""

    def __init__(self, sense):
        self._sense = sense
        self.code = 0

    def write_register(self, register, octets):
        if register == 1 and octets[0] & 0xC0 == 0xC0:
            microvolt = self._sense(octets[0] >> 4 & 3)
            if microvolt is not None:
                code = microvolt * 8 // (LSB_NV[octets[0] >> 1 & 7] // 125)
                self.code = 32767 if code > 32767 else -32768 if code < -32768 else code

    def read_register(self, register, answer):
        answer[0] = self.code >> 8 & 255
        answer[1] = self.code & 255
