"""The batch machine: a table of states and causes, and what each batch state asks of every node.  Pure.

States follow ISA-88 / ISA-TR88.00.02; THREADING and UNSUPERVISED are this line's own.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from spinline_protocol import states as node_states

# state, cause -> next state; a pair that is not here leaves the state as it was
TRANSITIONS: dict[tuple[str, str], str] = {
    ("IDLE", "start"): "PREPARING",
    ("IDLE", "line active"): "UNSUPERVISED",
    ("PREPARING", "soaked"): "THREADING",
    ("THREADING", "threaded"): "RUNNING",
    ("RUNNING", "produced"): "COMPLETING",
    ("COMPLETING", "all complete"): "COMPLETE",
    ("RUNNING", "node held"): "HOLDING",
    ("THREADING", "node held"): "HOLDING",
    ("RUNNING", "hold"): "HOLDING",
    ("THREADING", "hold"): "HOLDING",
    ("HOLDING", "all held"): "HELD",
    ("HELD", "resume"): "RESTARTING",
    ("RESTARTING", "all running"): "RUNNING",
    ("RESTARTING", "fiber to draw"): "THREADING",
    ("RESTARTING", "heating"): "PREPARING",
    ("RESTARTING", "running out"): "COMPLETING",
    ("RESTARTING", "supervision lost"): "UNSUPERVISED",
    ("RESTARTING", "node held"): "HOLDING",
    ("PREPARING", "supervision lost"): "UNSUPERVISED",
    ("RUNNING", "supervision lost"): "UNSUPERVISED",
    ("THREADING", "supervision lost"): "UNSUPERVISED",
    ("COMPLETING", "supervision lost"): "UNSUPERVISED",
    ("PREPARING", "journal lost"): "UNSUPERVISED",
    ("RUNNING", "journal lost"): "UNSUPERVISED",
    ("THREADING", "journal lost"): "UNSUPERVISED",
    ("COMPLETING", "journal lost"): "UNSUPERVISED",
    ("RESTARTING", "journal lost"): "UNSUPERVISED",
    ("UNSUPERVISED", "resume"): "RESTARTING",
    ("UNSUPERVISED", "node held"): "HOLDING",
    ("STOPPING", "all stopped"): "STOPPED",
    ("ABORTING", "all aborted"): "ABORTED",
}
UNSUPERVISED = "UNSUPERVISED"
ENDED = ("COMPLETE", "STOPPED", "ABORTED")
for _state in ("PREPARING", "THREADING", "RUNNING", "UNSUPERVISED", "HOLDING", "HELD", "RESTARTING", "COMPLETING"):
    TRANSITIONS[(_state, "stop")] = "STOPPING"
    if _state != "PREPARING":  # where nodes begin idle
        TRANSITIONS[(_state, "node started anew")] = "ABORTING"
for _state in ("PREPARING", "THREADING", "RUNNING", "HOLDING", "HELD", "RESTARTING", "COMPLETING"):
    TRANSITIONS[(_state, "node stopped")] = "STOPPING"  # it cannot be led back without a new start
for _state in {state for state, _cause in TRANSITIONS} - {"IDLE", "ABORTING"}:
    TRANSITIONS[(_state, "node aborted")] = "ABORTING"
    TRANSITIONS[(_state, "abort")] = "ABORTING"

# batch state -> node state asked for; a batch state that is not here asks for nothing
ASKED: dict[str, int] = {
    "PREPARING": node_states.STARTING,
    "THREADING": node_states.EXECUTE,
    "RUNNING": node_states.EXECUTE,
    "RESTARTING": node_states.EXECUTE,
    "HOLDING": node_states.HELD,
    "HELD": node_states.HELD,
    "COMPLETING": node_states.COMPLETE,
    "STOPPING": node_states.STOPPED,
    "ABORTING": node_states.ABORTED,
}

# how a node gets from where it is to what is asked: (node state, asked) -> command; missing: on its way, or cannot
COMMANDS: dict[tuple[int, int], int] = {
    (node_states.IDLE, node_states.STARTING): node_states.CMD_START,
    (node_states.STARTING, node_states.EXECUTE): node_states.CMD_RUN,
    (node_states.HELD, node_states.EXECUTE): node_states.CMD_RESUME,
    (node_states.EXECUTE, node_states.HELD): node_states.CMD_HOLD,
    (node_states.EXECUTE, node_states.COMPLETE): node_states.CMD_COMPLETE,
}
for _node_state in node_states.ACTIVE:
    if _node_state != node_states.STOPPING:
        COMMANDS[(_node_state, node_states.STOPPED)] = node_states.CMD_STOP
for _node_state in (*node_states.ACTIVE, node_states.IDLE, node_states.STOPPED, node_states.COMPLETE):
    COMMANDS[(_node_state, node_states.ABORTED)] = node_states.CMD_ABORT

RESTART_MAX_S = 30.0  # the nodes must take the line back within this time
HELD_STATES = (node_states.HOLDING, node_states.HELD)
ABORT_STATES = (node_states.ABORTING, node_states.ABORTED)
STOP_STATES = (node_states.STOPPING, node_states.STOPPED)
OUT_STATES = (node_states.COMPLETING, node_states.COMPLETE)


@dataclass(frozen=True)
class NodeView:
    """What the batch sees of a node in this scan.  ``supervised``: it answers, under our lease and without hold."""

    state: int
    soaked: bool
    supervised: bool
    reachable: bool


@dataclass
class Batch:
    """One batch.  Times in seconds of the supervisor's clock; ``history`` is what happened: (time, state, cause)."""

    threading_s: float
    production_s: float
    state: str = "IDLE"
    entered_s: float = 0.0
    produced_s: float = 0.0
    drawn: bool = False  # the fiber runs as it should: true from RUNNING on, until the line holds
    ran_out: bool = False  # under an earlier supervisor the line was running out
    history: list[tuple[float, str, str]] = field(default_factory=list)

    def cause(self, cause: str, now_s: float) -> bool:
        """Apply a cause; False where the table has no such transition, and then nothing changed."""
        following = TRANSITIONS.get((self.state, cause))
        if following is None:
            return False
        if self.state == "RUNNING":
            self.produced_s += now_s - self.entered_s
        if following in ("RUNNING", "HOLDING"):
            self.drawn = following == "RUNNING"
        self.state, self.entered_s = following, now_s
        self.history.append((now_s, following, cause))
        return True

    def restore(self, entered: Iterable[tuple[float, str]]) -> None:
        """What this batch did under an earlier supervisor: how long it produced, and whether the fiber runs.

        ``entered``: when (s) it entered which state, in order, up to one that is not production.
        """
        began_s: float | None = None  # of production
        for at_s, state in entered:
            self.produced_s += at_s - began_s if began_s is not None else 0.0
            began_s = at_s if state == "RUNNING" else None
            if state in ("RUNNING", "HOLDING", *ENDED):
                self.drawn = state == "RUNNING"
            if state not in (UNSUPERVISED, "RESTARTING"):
                self.ran_out = state == "COMPLETING"

    def scan(self, nodes: dict[str, NodeView], now_s: float) -> None:
        """One supervisor scan: the first cause of the list that the nodes show and the table knows is applied."""
        for cause in self._causes(nodes, now_s):
            if self.cause(cause, now_s):
                return

    def _causes(self, nodes: dict[str, NodeView], now_s: float) -> list[str]:
        views = list(nodes.values())
        reachable = [view for view in views if view.reachable]
        in_state_s = now_s - self.entered_s
        supervised = all(view.supervised for view in views)
        running = all(view.state == node_states.EXECUTE for view in views) and supervised
        restarting_s = in_state_s if self.state == "RESTARTING" else 0.0
        found = [
            ("node aborted", any(view.state in ABORT_STATES for view in reachable)),
            ("node started anew", any(view.state == node_states.IDLE for view in reachable)),
            ("node stopped", any(view.state in STOP_STATES for view in reachable)),
            ("node held", any(view.state in HELD_STATES for view in reachable) and self.state != "RESTARTING"),
            ("supervision lost", not supervised and (self.state != "RESTARTING" or restarting_s > RESTART_MAX_S)),
            ("all aborted", all(view.state == node_states.ABORTED for view in reachable)),
            ("all stopped", all(view.state in (node_states.STOPPED, node_states.IDLE) for view in reachable)),
            ("all held", all(view.state == node_states.HELD for view in reachable)),
            ("heating", supervised and all(view.state == node_states.STARTING for view in views)),
            ("running out", supervised and any(view.state in OUT_STATES for view in views)),
            ("all running", running and self.drawn),
            ("fiber to draw", running),
            ("all complete", all(view.state == node_states.COMPLETE for view in views)),
            ("soaked", all(view.soaked and view.state == node_states.STARTING for view in views)),
            ("threaded", running and in_state_s >= self.threading_s),
            ("produced", self.produced_s + in_state_s >= self.production_s),
        ]
        return [cause for cause, true in found if true]

    def command_for(self, view: NodeView) -> int:
        """The command a node needs now, or 0."""
        asked = ASKED.get(self.state)
        if self.state == "RESTARTING" and view.state == node_states.STARTING:
            return 0  # still heating: back to PREPARING, not past it
        return 0 if asked is None else COMMANDS.get((view.state, asked), 0)

    def goes_on(self, nodes: dict[str, NodeView]) -> bool:
        """Whether nodes show that this batch was begun by an earlier supervisor and is not over."""
        shown = {view.state for view in nodes.values()}
        return bool(shown & set(node_states.ACTIVE)) or self.ran_out and node_states.COMPLETE in shown

    @property
    def ended(self) -> bool:
        """True when nothing more will happen by itself."""
        return self.state in ENDED
