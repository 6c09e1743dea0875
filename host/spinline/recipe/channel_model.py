"""The channels of a node, as the line file writes them: its inputs and outputs, each checked by itself.

Numbers of a channel are in the screen unit of its quantity (spinline_protocol.quantities), which the file must name.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from spinline.recipe.guard_model import Finite, NotNegative, Positive, StateName, Strict
from spinline_protocol.quantities import QUANTITIES

CALIBRATED = ("thermocouple", "analog", "rtd")  # kinds of inputs that a reference instrument can stand beside
DRIVE_ADDRESS_MAX = 31
QUANTITY_BY_NAME = {row[1]: row for row in QUANTITIES}


class Input(Strict):
    """One measured channel.  An analog one names its values at 4 and 20 mA, a counter its counts per metre.

    An rtd names its element and its wires; a drive, whose port is its address on the bus (1 to 31), what it measures:
    its speed (of any quantity, ``per_Hz`` of its output frequency), its current, or its status (the number of its own
    error as a state, 0 for none).
    """

    name: str
    kind: Literal["thermocouple", "analog", "switch", "counter", "rtd", "drive"]
    port: int
    channel: int = 0
    quantity: str
    unit: str
    low: Finite
    high: Finite
    at_4_mA: Finite | None = None
    at_20_mA: Finite | None = None
    counts_per_m: Positive | None = None
    element: Literal["Pt100", "Pt1000"] | None = None
    wires: Literal[2, 3, 4] | None = None
    mains_Hz: Literal[50, 60] | None = None  # that its filter takes away; 50 where it is not said
    measures: Literal["speed", "current", "status"] | None = None
    per_Hz: Positive | None = None
    slew_per_s: NotNegative = 0.0
    filter_k: Annotated[int, Field(ge=0, le=7)] = 0
    frozen_s: NotNegative = 0.0  # bad when the raw number stood for so long, uncertain after a third; 0: not checked
    partner: str | None = None  # an input of the same quantity that measures the same
    partner_limit: Positive | None = None
    partner_s: NotNegative = 5.0

    @model_validator(mode="after")
    def _watched(self) -> Input:
        if self.frozen_s and self.kind not in CALIBRATED:
            raise ValueError(f"frozen_s is for {', '.join(CALIBRATED)}: a {self.kind} may well stand still")
        if (self.partner is None) != (self.partner_limit is None):
            raise ValueError("partner and partner_limit belong together")
        return self

    @model_validator(mode="after")
    def _consistent(self) -> Input:
        row = QUANTITY_BY_NAME.get(self.quantity)
        if row is None:
            raise ValueError(f"quantity {self.quantity!r} is unknown; allowed: {', '.join(QUANTITY_BY_NAME)}")
        if self.unit != row[6]:
            raise ValueError(f"unit of {self.quantity} is {row[6]!r}, not {self.unit!r}")
        if self.low >= self.high:
            raise ValueError(f"low {self.low} is not below high {self.high}")
        if (self.kind == "analog") != (self.at_4_mA is not None and self.at_20_mA is not None):
            raise ValueError("at_4_mA and at_20_mA belong to an analog input, and it needs both")
        if (self.kind == "counter") != (self.counts_per_m is not None):
            raise ValueError("counts_per_m belongs to a counter, and it needs it")
        return self

    @model_validator(mode="after")
    def _resistance_thermometer(self) -> Input:
        rtd = self.kind == "rtd"
        if rtd != (self.element is not None) or rtd != (self.wires is not None):
            raise ValueError("element (Pt100, Pt1000) and wires (2, 3, 4) belong to an rtd, and it needs both")
        if self.mains_Hz is not None and not rtd:
            raise ValueError("mains_Hz belongs to an rtd")
        if rtd and (self.quantity != "temperature" or self.channel):
            raise ValueError("an rtd measures temperature and has no channel")
        return self

    @model_validator(mode="after")
    def _drive(self) -> Input:
        if (self.kind == "drive") != (self.measures is not None):
            raise ValueError("measures (speed, current, status) belongs to a drive, and it needs it")
        if (self.measures == "speed") != (self.per_Hz is not None):
            raise ValueError("per_Hz belongs to a drive that measures speed, and it needs it")
        wanted = {"current": "current", "status": "state"}.get(self.measures or "")
        if wanted and self.quantity != wanted:
            raise ValueError(f"quantity of a drive's {self.measures} is {wanted}, not {self.quantity}")
        if self.kind == "drive":
            _refuse_address(self.port, self.channel)
        return self


def _refuse_address(port: int, channel: int) -> None:
    """A drive has an address and no channel."""
    if not 1 <= port <= DRIVE_ADDRESS_MAX:
        raise ValueError(f"port {port} of a drive is its address on the bus: 1 to {DRIVE_ADDRESS_MAX}")
    if channel:
        raise ValueError(f"a drive has no channel: {channel}")


class Output(Strict):
    """One actuator.  With a loop it takes the positive or negative side of its output; without, it is on in ``on``.

    A drive's port is its address on the bus; its full scale is 50 Hz.
    """

    name: str
    kind: Literal["ssr", "dac", "switch", "drive"]
    port: int
    channel: int = 0
    loop: str | None = None
    side: Literal["positive", "negative"] = "positive"
    gain: Positive = 1.0
    dead_band: Annotated[float, Field(ge=0, lt=1)] = 0.0  # so much of the loop's output on this side does nothing
    on: tuple[StateName, ...] = ()
    safe: Annotated[float, Field(ge=0, le=1)] = 0.0
    safe_delay_s: NotNegative = 0.0

    @model_validator(mode="after")
    def _address(self) -> Output:
        if self.kind == "drive":
            _refuse_address(self.port, self.channel)
        return self
