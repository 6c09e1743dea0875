"""Tuning one loop of a line, from its name to new gains on the node: what a command does, without terminal or files."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from spinline.errors import BadInput
from spinline.line.node_session import CREDIT_BYTES, DOWNLOADING, PREPARED, NodeSession
from spinline.line.ports import Port
from spinline.recipe import line_model
from spinline.recipe.channel_model import QUANTITY_BY_NAME
from spinline.recipe.compiler import NodeConfiguration, compile_node
from spinline.recipe.line_model import Line, Loop, Node
from spinline.recipe.models import Recipe
from spinline.tuning.experiment import Limits, Proposal, tune
from spinline.tuning.margin import Margins, load_iae, margins
from spinline.tuning.model import Gains
from spinline.tuning.node_line import NodeLine
from spinline.tuning.whole import largest_error, quantised
from spinline_protocol import auth

WATCHES_N = 10  # tries to find the loop at rest before it is refused
DEVIATION_SHARE = 0.8  # of what an interlock lets the pv be apart from its setpoint
OUTPUT_NOISE = {"ssr": 0.04, "dac": 0.01}  # a heater may be restless; a pump, a drive or a valve hands it on, or wears


@dataclass(frozen=True)
class Request:
    """What a person asks for.  ``hysteresis`` and ``pv_away`` in the loop's screen unit; 0: from the noise."""

    line: Line
    recipe: Recipe
    node: Node
    loop: Loop
    hysteresis: float = 0.0
    pv_away: float = 0.0
    while_running: bool = False
    start: bool = False
    download: bool = False  # of the line file to an idle node
    watches_n: int = WATCHES_N


@dataclass(frozen=True)
class Tuned:
    """A proposal with the gains as the node holds them; ``after`` and ``load_iae_after`` are of these."""

    proposal: Proposal
    current: Gains
    held: Gains
    after: Margins
    load_iae_after: float
    gain_error: float  # relative, of what whole numbers can hold


def find_loop(line: Line, name: str) -> tuple[Node, Loop]:
    """NODE.LOOP in a line; BadInput names what there is."""
    node_name, _, loop_name = name.partition(".")
    for node in line.node:
        for loop in node.loop:
            if (node.name, loop.name) == (node_name, loop_name):
                return node, loop
    known = ", ".join(f"{node.name}.{loop.name}" for node in line.node for loop in node.loop)
    raise BadInput([f"loop {name!r} is not in the line file; allowed: {known}"])


class TuneSession(NodeSession):
    """A session that never downloads unasked: a node that runs another configuration is left as it is."""

    def __init__(self, *given: Any, download: bool = False) -> None:
        super().__init__(*given)
        self._may_download = download

    def _begin_run(self, first_scan: int) -> None:
        """From now on: what the node's ring still has of before is nobody's business here."""
        super()._begin_run(max(first_scan, int(self.hello.get("ring_next", 0))))

    def _download(self, base_sha256: bytes) -> None:
        if self._may_download:
            super()._download(base_sha256)
            return
        running, expected = base_sha256.hex()[:12], self.configuration.sha256.hex()[:12]
        self._refuse(
            f"{self.name}: runs configuration {running}, line file and recipe give {expected}; name the recipe that "
            "runs (--recipe), or let an idle node take this one (--download)"
        )

    def change(self, configuration: NodeConfiguration) -> None:
        """Asked for: this one may be downloaded."""
        self._may_download = True
        super().change(configuration)

    def renew_lease(self, scans_to: int, events_to: int) -> None:
        """Also while new gains are on their way: the node's loops control meanwhile, and may not end in a hold."""
        if self.phase in (DOWNLOADING, PREPARED) and self._link.state == "open":
            self._link.renew_lease(scans_to, events_to, CREDIT_BYTES)
        super().renew_lease(scans_to, events_to)


def node_line(
    asked: Request, port: Port, turn: Callable[[], int], entropy: Callable[[int], bytes], site_key: bytes,
    told: Callable[[str], None] = lambda line: None,
) -> NodeLine:  # fmt: skip
    """The loop behind a port, not yet connected."""
    configuration = compile_node(asked.line, asked.node, asked.recipe)
    key = auth.role_key(site_key, auth.MAINTENANCE)
    session = TuneSession(
        configuration, "", asked.node.lease_ms, entropy, key, auth.MAINTENANCE, download=asked.download
    )
    return NodeLine(session, port, turn, asked.node, asked.loop, told)


def limits_of(asked: Request, state: str) -> Limits:
    """What the loop may do: its own limits, and what the line's interlocks leave of them."""
    loop, node = asked.loop, asked.node
    low, high = loop.low, loop.high
    quantity = next(row.quantity for row in node.input if row.name == loop.input)
    count = 1 / 10 ** QUANTITY_BY_NAME[quantity][5]
    for row in node.interlock:
        of_pv = not (row.of_setpoint or row.of_input or row.of_output or row.change_min or row.swing_s)
        if row.input == loop.input and of_pv and row.action != "alarm" and state in row.during:
            high = min(high, row.above - count if row.above is not None else math.inf)
            low = max(low, row.below + count if row.below is not None else -math.inf)
    quiet = min(OUTPUT_NOISE.get(row.kind, OUTPUT_NOISE["dac"]) for row in node.output if row.loop == loop.name)
    mirrored = loop.action != "raises"
    return Limits(
        asked.pv_away, asked.hysteresis, loop.out_low, loop.out_high, low, high, count, mirrored, quiet,
        deviation_of(asked, state),
    )  # fmt: skip


def deviation_of(asked: Request, state: str) -> float:
    """Which share of its setpoint the pv may be apart from it before an interlock acts; endless without one."""
    rows = [row for row in asked.node.interlock if row.of_setpoint == asked.loop.name and row.apart is not None]
    shares = [row.apart_share for row in rows if row.action != "alarm" and state in row.during]
    return DEVIATION_SHARE * min(shares, default=math.inf)


def gains_of(loop: Loop) -> Gains:
    """The gains of the line file; without integral Ti is endless."""
    gains = loop.gains
    return Gains(gains.Kc, gains.Ti_s or 1e9, gains.Td_s, gains.filter_k)


def tune_loop(asked: Request, line: NodeLine, state: str) -> Tuned:
    """Run the experiment and judge the gains as the node would hold them.  Refusal with the reason."""
    current = gains_of(asked.loop)
    proposal = tune(line, limits_of(asked, state), current, asked.watches_n)
    held = quantised(proposal.gains, line.scan_s, line.decimals)
    after = margins(proposal.found.model, held, line.scan_s)
    iae = load_iae(proposal.found.model, held, line.scan_s)
    error = largest_error(proposal.gains, line.scan_s, line.decimals)
    return Tuned(proposal, current, held, after, iae, error)


def with_gains(asked: Request, gains: Gains) -> NodeConfiguration:
    """The node's configuration with the loop's new gains and nothing else."""
    line = changed_line(asked, gains)
    return compile_node(line, next(node for node in line.node if node.name == asked.node.name), asked.recipe)


def changed_line(asked: Request, gains: Gains) -> Line:
    """The line with the loop's new gains."""
    old = asked.loop.gains
    new = line_model.Gains(
        Kc=gains.Kc, Ti_s=gains.Ti_s, Td_s=gains.Td_s, filter_k=gains.filter_k, setpoint_weight=old.setpoint_weight
    )
    loop = asked.loop.model_copy(update={"gains": new})
    loops = tuple(loop if one.name == loop.name else one for one in asked.node.loop)
    node = asked.node.model_copy(update={"loop": loops})
    nodes = tuple(node if one.name == node.name else one for one in asked.line.node)
    return asked.line.model_copy(update={"node": nodes})


def toml_lines(asked: Request, tuned: Tuned) -> str:
    """What to write into the line file: the gains, and for a split range what equals its sides."""
    gains, old = tuned.proposal.gains, asked.loop.gains
    derivative = f", Td_s = {gains.Td_s:.4g}" if gains.Td_s else ""
    lines = [
        f"# [[node.loop]] name = {asked.loop.name!r} of node {asked.node.name!r}",
        f"gains = {{ Kc = {gains.Kc:.4g}, Ti_s = {gains.Ti_s:.4g}{derivative}, "
        f"setpoint_weight = {old.setpoint_weight:g}, filter_k = {gains.filter_k} }}",
    ]
    for name, gain in output_gains(asked, tuned).items():
        lines.append(f"# [[node.output]] name = {name!r}: gain = {gain:.4g}  (both sides alike; then tune again)")
    return "\n".join(lines)


def output_gains(asked: Request, tuned: Tuned) -> dict[str, float]:
    """Output gains that make cooling as strong as heating: the stronger side is reduced, none goes above what it is."""
    ratio = tuned.proposal.found.cooling_ratio
    if asked.loop.out_low >= 0 or 0.9 < ratio < 1.1:
        return {}
    stronger = "negative" if ratio > 1 else "positive"
    share = 1 / ratio if ratio > 1 else ratio
    rows = [row for row in asked.node.output if row.loop == asked.loop.name and row.side == stronger]
    return {row.name: row.gain * share for row in rows}


def as_json(asked: Request, tuned: Tuned) -> dict[str, Any]:
    """Everything that was found, as plain numbers."""
    p = tuned.proposal
    model = p.found.model
    return {
        "loop": f"{asked.node.name}.{asked.loop.name}",
        "model": {"gain": model.gain, "lags_s": list(model.lags_s), "dead_s": model.dead_s, "zero_s": model.zero_s},
        "explained": p.found.explained,
        "residual": p.found.residual,
        "cooling_ratio": p.found.cooling_ratio,
        "output_gains": output_gains(asked, tuned),
        "before": {**_gains(tuned.current), "Ms": p.before.Ms, "Mt": p.before.Mt, "load_iae": p.load_iae_before},
        "after": {**_gains(p.gains), "Ms": tuned.after.Ms, "Mt": tuned.after.Mt, "load_iae": tuned.load_iae_after},
        "held": {**_gains(tuned.held), "largest_error": tuned.gain_error},
        "experiment": {
            "low": p.plan.low, "centre": p.plan.centre, "high": p.plan.high, "middle": p.plan.middle,
            "hysteresis": p.plan.hysteresis, "pv_low": p.plan.pv_low, "pv_high": p.plan.pv_high,
            "seconds": len(p.record.pv) * p.record.scan_s,
        },
    }  # fmt: skip


def _gains(gains: Gains) -> dict[str, float]:
    return {"Kc": gains.Kc, "Ti_s": gains.Ti_s, "Td_s": gains.Td_s, "filter_k": gains.filter_k}
