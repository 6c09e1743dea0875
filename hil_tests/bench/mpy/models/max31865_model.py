"""MAX31865 at register level: settings, thresholds, latched faults, and a cycle that alone finds a lost lead."""

VBIAS, AUTOMATIC, CYCLE, CLEAR = 0x80, 0x40, 0x0C, 0x02
LEADS, VOLTAGE = 0x38, 0x04
HIGH, LOW = 0x80, 0x40


class Max31865Model:
    """``sense()`` gives the code at the terminals (0 to 32 767) and the bits of what is wrong there."""

    def __init__(self, sense):
        self._sense = sense
        self.registers = bytearray(8)
        self.reset()

    def reset(self):
        """As after power-on: it converts nothing."""
        for i in range(8):
            self.registers[i] = 0
        self.registers[3] = self.registers[4] = 0xFF

    def write(self, octets):
        register = octets[0] & 0x7F
        if not octets[0] & 0x80:
            return
        for i in range(1, len(octets)):
            if register == 0:
                self._configure(octets[i])
            elif 3 <= register <= 6:
                self.registers[register] = octets[i]
            register += 1

    def _configure(self, octet):
        if octet & CLEAR and not octet & (CYCLE | 0x20):
            self.registers[7] = 0
        if octet & CYCLE and octet & VBIAS:
            self.registers[7] |= self._sense()[1] & (LEADS | VOLTAGE)
        self.registers[0] = octet & ~(CYCLE | CLEAR | 0x20) & 0xFF

    def write_readinto(self, octets, answer):
        self._convert()
        for i in range(1, len(answer)):
            answer[i] = self.registers[(octets[0] + i - 1) & 7]

    def _convert(self):
        registers = self.registers
        if registers[0] & (VBIAS | AUTOMATIC) == VBIAS | AUTOMATIC:
            code, wrong = self._sense()
            if wrong & VOLTAGE:
                registers[7] |= VOLTAGE  # conversions stand while it lasts
            else:
                registers[1] = code >> 7
                registers[2] = code << 1 & 0xFE
                if code << 1 >= registers[3] << 8 | registers[4]:
                    registers[7] |= HIGH
                if code << 1 <= registers[5] << 8 | registers[6]:
                    registers[7] |= LOW
        registers[2] = registers[2] & 0xFE | (1 if registers[7] else 0)
