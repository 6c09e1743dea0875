"""A trial as a process engineer writes it: what is given, what is done when, what has to be seen.  Data and a runner.

Times are seconds since the precondition was met; a look is a question to the run that is asked once in each scan.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from hil_tests.bench.run import BenchRun

Act = Callable[[BenchRun], None]
Look = Callable[[BenchRun], bool]
COLD = "a cold line at the room's temperature"
PRODUCING = "a line in production for ten seconds"


@dataclass(frozen=True)
class Do:
    """What a person or the world does at ``at_s``."""

    at_s: float
    what: str
    act: Act


@dataclass(frozen=True)
class See:
    """What has to be true in one scan between ``from_s`` and ``by_s`` at the latest."""

    from_s: float
    by_s: float
    what: str
    true: Look


@dataclass(frozen=True)
class Keep:
    """What has to be true in every scan from ``from_s`` to ``to_s``."""

    from_s: float
    to_s: float
    what: str
    true: Look


@dataclass(frozen=True)
class Trial:
    """One trial.  ``production_min`` and ``threading_min`` are the programme of its recipe, 0: the recipe's own."""

    title: str
    precondition: str
    steps: tuple[Do | See | Keep, ...]
    production_min: int = 60
    threading_min: int = 4
    seed: int = 1
    marks: tuple[str, ...] = ()

    @property
    def end_s(self) -> float:
        """When the last step is over."""
        return max(_end_s(step) for step in self.steps)

    def protocol(self) -> str:
        """The trial on paper."""
        lines = [self.title, f"  given   {self.precondition}"]
        for step in sorted(self.steps, key=_begin_s):
            if isinstance(step, Do):
                lines.append(f"  {step.at_s:6.0f} s           do    {step.what}")
            else:
                word = "see " if isinstance(step, See) else "keep"
                lines.append(f"  {step.from_s:6.0f} .. {_end_s(step):5.0f} s  {word}  {step.what}")
        return "\n".join(lines)


class TrialFailed(AssertionError):
    """What was not seen, or not kept, and when."""


@dataclass
class _Course:
    """One run of a trial: what is still to be done and to be seen."""

    trial: Trial
    run: BenchRun
    began_us: int
    to_do: list[Do] = field(default_factory=list)
    to_see: list[See] = field(default_factory=list)

    @property
    def now_s(self) -> float:
        return (self.run.bench.now_us - self.began_us) / 1e6

    def fail(self, why: str) -> TrialFailed:
        return TrialFailed(f"{self.trial.title}, at {self.now_s:.1f} s: {why}\n{self.trial.protocol()}")

    def scan(self) -> None:
        """What is due is done, what should be true is looked at."""
        while self.to_do and self.to_do[0].at_s <= self.now_s:
            self.to_do.pop(0).act(self.run)
        now_s = self.now_s
        for keep in self.trial.steps:
            if isinstance(keep, Keep) and keep.from_s <= now_s <= keep.to_s and not keep.true(self.run):
                raise self.fail(f"not kept: {keep.what}")
        for see in [see for see in self.to_see if see.from_s <= now_s]:
            if see.true(self.run):
                self.to_see.remove(see)
            elif now_s > see.by_s:
                raise self.fail(f"not seen by {see.by_s:.0f} s: {see.what}")


def carry_out(trial: Trial, run: BenchRun) -> None:
    """Do and see everything of a trial on a run that meets its precondition.  Raises TrialFailed at the first miss."""
    course = _Course(trial, run, run.bench.now_us)
    course.to_do = sorted((step for step in trial.steps if isinstance(step, Do)), key=_begin_s)
    course.to_see = [step for step in trial.steps if isinstance(step, See)]
    course.scan()
    while course.now_s < trial.end_s:
        run.step()
        course.scan()
    if course.to_see:
        raise course.fail(f"not seen: {course.to_see[0].what}")


def _begin_s(step: Do | See | Keep) -> float:
    return step.at_s if isinstance(step, Do) else step.from_s


def _end_s(step: Do | See | Keep) -> float:
    return step.at_s if isinstance(step, Do) else step.by_s if isinstance(step, See) else step.to_s
