"""The file of a wired bench: which board is which by USB serial number, what it can do, its limits and calibration.

Read strictly: a key, a number or a word that is not allowed refuses the file, with what is.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from hil_tests.fixture.spinline_fixture import words
from spinline.recipe.guard_model import Finite, Strict
from spinline.recipe.reading import read_model

Feature = Literal[
    "thermocouples",
    "loops",
    "contacts",
    "encoders",
    "tc_open",
    "tc_short",
    "loop_open",
    "cable",
    "power",
    "permit",
]
NodeName = Literal["melt", "bath", "draw"]
Serial = Annotated[str, Field(min_length=4, max_length=64, pattern=r"^[A-Za-z0-9._-]+$")]
Gain = Annotated[float, Field(ge=0.9, le=1.1)]
Channel = Annotated[int, Field(ge=0, le=11)]


class Clamps(Strict):
    """Limits of what the bench puts out, besides those of the fixture's firmware.  Heaters are never on a bench."""

    max_heater_w: Annotated[int, Field(ge=0, le=0)]
    max_temperature_C: Annotated[Finite, Field(gt=0, le=480)] = 320.0
    max_current_mA: Annotated[Finite, Field(ge=4, le=22)] = 22.0


class Calibration(Strict):
    """Of one fixture, by channel: true over asked for.  The map says on which channel of the fixture a terminal is."""

    cold_junction_C: Annotated[Finite, Field(ge=0, le=60)] = 25.0
    tc_gain: Annotated[list[Gain], Field(min_length=words.TC_N, max_length=words.TC_N)] = [1.0] * words.TC_N
    loop_gain: Annotated[list[Gain], Field(min_length=words.LOOPS_N, max_length=words.LOOPS_N)] = [1.0] * words.LOOPS_N
    tc_channel: Annotated[list[Channel], Field(min_length=words.TC_N, max_length=words.TC_N)] = list(range(words.TC_N))
    loop_channel: Annotated[list[Channel], Field(min_length=words.LOOPS_N, max_length=words.LOOPS_N)] = list(
        range(words.LOOPS_N)
    )

    @model_validator(mode="after")
    def _maps(self) -> Self:
        for key, channels, n in (
            ("tc_channel", self.tc_channel, words.TC_N),
            ("loop_channel", self.loop_channel, words.LOOPS_N),
        ):
            if sorted(channels) != list(range(n)):
                raise ValueError(f"{key} = {channels} must name each of 0 to {n - 1} once")
        return self


class BenchNode(Strict):
    """One node and its fixture, by the serial numbers of their USB adapters."""

    name: NodeName
    serial: Serial
    fixture: Serial
    calibration: Calibration = Calibration()


class BenchFile(Strict):
    """One wired bench."""

    name: Annotated[str, Field(min_length=1, max_length=64)]
    site_key: str  # file with the key of the bench's site, beside this one
    ports: str = "/dev/serial/by-id"  # folder whose links end in serial numbers
    mode: Literal["bench", "simulated"] = "bench"  # simulated: interpreters stand in for its boards
    speed: Annotated[float, Field(ge=1, le=8)] = 1.0  # of its clock: boards run at 1
    features: list[Feature]
    clamps: Clamps
    node: Annotated[list[BenchNode], Field(min_length=1)]

    @model_validator(mode="after")
    def _distinct(self) -> Self:
        names = [str(node.name) for node in self.node]
        serials = [serial for node in self.node for serial in (node.serial, node.fixture)]
        for what, found in (("name", names), ("serial", serials)):
            twice = sorted({one for one in found if found.count(one) > 1})
            if twice:
                raise ValueError(f"{what} {', '.join(twice)} is given twice; each board has its own")
        if set(names) != {"melt", "bath", "draw"}:
            raise ValueError(f"nodes {', '.join(names)} must be melt, bath and draw: the permit chain joins all three")
        return self


def read_bench(path: Path) -> BenchFile:
    """The bench in the file.  Raises BadFile with every problem found."""
    return read_model(path, BenchFile)
