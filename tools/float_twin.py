"""The PID kernel's equations in 64-bit floats, with its limits, without words, shifts and remainders."""

from dataclasses import dataclass

ERROR_MAX = 131071.0  # the error; the speed of the pv, 1/256 unit a scan; what the limits took of the output
TERM_MAX = 524288.0
INTEGRAL_MAX = 131072.0


def limited(number: float, most: float) -> float:
    """The number within -most to most."""
    return max(-most, min(most, number))


@dataclass
class FloatTwin:
    """One loop in automatic.  ``words`` are the named parameters of a block, as the kernel takes them."""

    words: dict[str, int]
    setpoint: float
    lag: float = 0.0
    fast: float = 0.0
    slow: float = 0.0
    integral: float = 0.0

    def __post_init__(self) -> None:
        self.fast = self.slow = self.setpoint

    def _gain(self, letter: str) -> float:
        return float(self.words[f"m{letter}"] / 2.0 ** self.words[f"s{letter}"])

    def scan(self, pv: float, target: float) -> float:
        """Output in 1/65536 of full scale for a pv in units of the loop."""
        words = self.words
        step = target - self.setpoint
        if words["ramp_256"]:
            rate = words["ramp_256"] / 256
            step = max(-rate, min(rate, step))
        self.setpoint += step
        self.lag += step * (256 - words["b_256"]) / 256
        self.lag -= self.lag / 2 ** words["kz"]
        error = limited(self.setpoint - self.lag - pv, ERROR_MAX)
        self.fast += (pv - self.fast) / 2 ** words["kd"]
        speed = (self.fast - self.slow) / 2 ** words["kd"]
        self.slow += speed
        self.integral = limited(self.integral + error * self._gain("i"), INTEGRAL_MAX)
        proportional = limited(error * self._gain("p"), TERM_MAX)
        wanted = proportional + self.integral - limited(limited(256 * speed, ERROR_MAX) * self._gain("d"), TERM_MAX)
        output = max(float(words["out_low"]), min(float(words["out_high"]), wanted))
        away = limited(output - wanted, ERROR_MAX)
        self.integral = limited(self.integral + away * self._gain("t"), INTEGRAL_MAX)
        return output
