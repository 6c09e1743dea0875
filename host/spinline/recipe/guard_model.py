"""What guards a node, as the line file writes it: interlocks, monitors and permissives, checked whole.

Numbers are in the screen unit of the channel's quantity, times in seconds, shares in parts of full output.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from spinline_protocol.configuration import CYCLES_N_MAX
from spinline_protocol.states import STATES

StateName = Literal["IDLE", "STARTING", "EXECUTE", "HOLDING", "HELD", "STOPPING", "ABORTING", "COMPLETING", "COMPLETE"]
assert set(StateName.__args__) <= set(STATES)  # type: ignore[attr-defined]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
NotNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Finite = Annotated[float, Field(allow_inf_nan=False)]
Share = Annotated[float, Field(ge=0, le=1)]
Action = Literal["alarm", "hold", "stop", "abort"]


class Strict(BaseModel):
    """A table of the line file: unknown keys are refused, nothing changes afterwards."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class ProcessModel(Strict):
    """An identified loop: gain K in screen units for full output, time constant and dead time in seconds."""

    K: Positive
    tau_s: Positive
    theta_s: Annotated[float, Field(ge=0, le=127)]


class Interlock(Strict):
    """One row of the cause-and-effect table that the node itself acts on; ``row`` is its number there.

    The limit counts from nothing, from the working setpoint of ``of_setpoint``, from ``share`` of another input
    ``of_input``, or from what the output of ``of_output`` asks for (``full_scale`` at full output).
    ``above_draw_down`` is the take-up speed that gives this draw-down ratio with what the recipe extrudes.  With
    ``mean_min`` the mean of so many minutes is judged, with ``change_min`` the change over so many.  With ``swing_s``
    the limit is a part of the mean: half of highest less lowest of each of ``cycles_n`` cycles in a row, each within
    these times.  ``eases`` names a loop whose setpoint a trip takes down once, to ``eased_to`` of it, and no higher one
    is taken while the row stands; ``slows`` one that goes to ``slowed_to`` of its setpoint while the row stands, by its
    stop ramp.  Of rows that trip in one scan the one of the highest ``priority`` is told first.
    """

    name: str
    row: Annotated[str, Field(pattern=r"^I\d+a?$")] = "I0"
    input: str
    above: Finite | None = None
    below: Finite | None = None
    above_draw_down: Positive | None = None
    apart: NotNegative | None = None
    apart_share: Share = 0.0
    of_setpoint: str | None = None
    of_input: str | None = None
    of_output: str | None = None
    share: Annotated[float, Field(gt=0, lt=16)] = 1.0
    full_scale: Positive | None = None
    least_reference: NotNegative = 0.0
    arms: bool = False
    delay_s: NotNegative
    action: Action
    reset: Literal["latched", "auto"] = "latched"
    off: tuple[str, ...] = ()
    mean_min: Annotated[float, Field(ge=0, le=60)] = 0.0
    change_min: Annotated[float, Field(ge=0, le=60)] = 0.0
    swing_s: tuple[Positive, Positive] | None = None
    cycles_n: Annotated[int, Field(ge=1, le=CYCLES_N_MAX)] = 5
    eases: str | None = None
    eased_to: Annotated[float, Field(gt=0, le=1)] = 0.95
    slows: str | None = None
    slowed_to: Annotated[float, Field(gt=0, lt=1)] = 0.7
    priority: Literal["high", "medium", "low"] = "high"
    during: tuple[StateName, ...]
    bad_sensor: Literal["trips", "left to its loop"] = "trips"

    @model_validator(mode="after")
    def _one_side(self) -> Interlock:
        limits = (self.above, self.below, self.apart, self.above_draw_down)
        if sum(limit is not None for limit in limits) != 1:
            raise ValueError("exactly one of above, below, apart and above_draw_down")
        references = [name for name in (self.of_setpoint, self.of_input, self.of_output) if name is not None]
        if len(references) > 1:
            raise ValueError("at most one of of_setpoint, of_input and of_output")
        if self.apart is not None and not references:
            raise ValueError("apart needs one of of_setpoint, of_input and of_output")
        if (self.of_output is None) != (self.full_scale is None):
            raise ValueError("full_scale belongs to of_output, and it needs it")
        if self.above_draw_down is not None and references:
            raise ValueError("above_draw_down counts from nothing else")
        return self

    @model_validator(mode="after")
    def _one_judge(self) -> Interlock:
        judges = [name for name in ("mean_min", "change_min", "swing_s") if getattr(self, name)]
        if len(judges) > 1:
            raise ValueError(f"at most one of mean_min, change_min and swing_s, not {' and '.join(judges)}")
        if judges and self.above is None and self.below is None:
            raise ValueError(f"{judges[0]} needs a limit of its own: above or below")
        if judges and (self.of_setpoint or self.of_input or self.of_output):
            raise ValueError(f"{judges[0]} counts from nothing: no of_setpoint, of_input or of_output")
        if self.swing_s is not None and (self.above is None or self.above >= 1):
            raise ValueError("swing_s needs above: the allowed part of the mean, below 1")
        if self.swing_s is not None and self.swing_s[0] >= self.swing_s[1]:
            raise ValueError(f"swing_s {list(self.swing_s)}: the shortest cycle is not below the longest")
        if self.eases is not None and self.slows is not None:
            raise ValueError("at most one of eases and slows")
        return self


class Monitor(Strict):
    """A heater monitor of each loop in ``loops``; its thresholds follow from the model that the loop names.

    ``limit`` is the disturbance in parts of full output; of a current monitor, how far off the current may be.
    Under a thermocouple that slipped the loop keeps the model's output for ``freeze_s``, then it has failed.
    """

    name: str
    kind: Literal["heater", "current"] = "heater"
    loops: Annotated[tuple[str, ...], Field(min_length=1)]
    current: str | None = None
    output: str | None = None
    expected: NotNegative = 0.0
    ambient: Finite = 25.0
    limit: Annotated[float, Field(gt=0, le=4)] = 0.25
    delay_s: NotNegative = 3.0
    heat_up_share: Share = 0.5
    bias_per_min: Annotated[float, Field(gt=0, le=1)] = 0.01
    learn_s: Annotated[float, Field(ge=0, le=3600)] = 300.0
    break_band: Positive = 2.0
    rise_s: Positive = 60.0
    rise_band: Positive = 1.8
    rise_above: Positive = 5.0
    reverse_band: Positive = 3.0
    freeze_s: NotNegative = 300.0
    stuck_on: Action = "abort"
    heater_open: Action = "alarm"
    loop_break: Action = "alarm"
    sensor_lost: Action = "hold"
    off: tuple[str, ...] = ()
    during: tuple[StateName, ...]

    @model_validator(mode="after")
    def _consistent(self) -> Monitor:
        fitted = self.current is not None and self.output is not None and self.expected > 0
        if (self.kind == "current") != fitted or (fitted and len(self.loops) != 1):
            raise ValueError("a current monitor needs current, output, expected and one loop; a heater monitor none")
        return self


class Permissive(Strict):
    """A condition for commands, for outputs, or both: not met, the commands are refused and the outputs stay safe."""

    name: str
    row: Annotated[str, Field(pattern=r"^I\d+a?$")] = "I0"
    inputs: tuple[str, ...] = ()
    above: Finite | None = None
    below: Finite | None = None
    loops: tuple[str, ...] = ()
    within: Positive | None = None  # below the setpoint of each of the loops, at most
    output_on: str | None = None
    commands: tuple[Literal["START", "RUN", "RESUME"], ...] = ()
    off: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _one_condition(self) -> Permissive:
        kinds = [bool(self.inputs), bool(self.loops), self.output_on is not None]
        if sum(kinds) != 1:
            raise ValueError("exactly one of inputs, loops and output_on")
        if bool(self.inputs) != ((self.above is None) != (self.below is None)):
            raise ValueError("inputs need exactly one of above and below")
        if bool(self.loops) != (self.within is not None):
            raise ValueError("loops need within")
        if not self.commands and not self.off:
            raise ValueError("needs commands, off, or both")
        return self
