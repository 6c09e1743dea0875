"""What `spinline tune` does between a port and a report: connect, start, tune, apply, and leave the node as it was."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

from spinline.errors import BadInput
from spinline.line.ports import Port
from spinline.recipe.line_model import Line
from spinline.recipe.models import Recipe
from spinline.tuning.experiment import STEP_FIRST, WATCH_SCANS, Refusal, plan_of, settled
from spinline.tuning.node_line import NodeLine
from spinline.tuning.report import before_after, write_report
from spinline.tuning.session import (
    Request,
    Tuned,
    find_loop,
    limits_of,
    node_line,
    toml_lines,
    tune_loop,
    with_gains,
)
from spinline_protocol.states import STATES

__all__ = ["Done", "Refusal", "before_after", "request", "run", "toml_lines", "write_report"]


@dataclass(frozen=True)
class Done:
    """What became of it: a reason, or a plan (dry run), or new gains, perhaps applied."""

    refused: str = ""
    plan: dict[str, Any] | None = None
    tuned: Tuned | None = None
    applied: bool = False


def request(
    line: Line, recipe: Recipe, name: str, hysteresis: float, pv_away: float,
    while_running: bool, start: bool, download: bool, wait_s: float,
) -> Request:  # fmt: skip
    """What a person asks for, judged as far as the files say.  BadInput with the reason."""
    node, loop = find_loop(line, name)
    if 0 < pv_away <= 2 * hysteresis:
        raise BadInput([f"--pv-away {pv_away:g} leaves no room for --hysteresis {hysteresis:g}"])
    watches_n = 1 + round(wait_s / (WATCH_SCANS * node.scan_ms / 1000))
    return Request(line, recipe, node, loop, hysteresis, pv_away, while_running, start, download, watches_n)


def run(
    asked: Request, port: Port, turn: Callable[[], int], entropy: Callable[[int], bytes], site_key: bytes,
    dry_run: bool, apply: bool, told: Callable[[str], None],
) -> Done:  # fmt: skip
    """The whole command.  An interrupt ends the experiment on the node before it goes on."""
    line = node_line(asked, port, turn, entropy, site_key, told)
    started = False
    try:
        line.connect()
        started = line.judge_state(asked.while_running, asked.start and not dry_run)  # a dry run moves nothing
        state = STATES[line.session.state]
        if dry_run:
            watched, limits = settled(line, limits_of(asked, state), asked.watches_n)
            return Done(plan={"state": state, **asdict(plan_of(watched, limits, STEP_FIRST))})
        tuned = tune_loop(asked, line, state)
        if apply:
            line.apply(with_gains(asked, tuned.proposal.gains))
        return Done(tuned=tuned, applied=apply)
    except Refusal as refusal:
        return Done(refused=str(refusal))
    finally:
        _leave(line, started)


def _leave(line: NodeLine, started: bool) -> None:
    """No experiment goes on, a node that was started for it comes to rest; without a link the lease does it."""
    try:
        line.stop()
        if started:
            line.stop_node()
    except Refusal:
        pass  # the node does not answer: its lease runs out, and the experiment with it
