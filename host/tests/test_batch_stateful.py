"""The batch machine and three nodes that do what they are told, under whatever people and the world do to them."""

from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from spinline.line.batch import ENDED, TRANSITIONS, Batch, NodeView
from spinline_protocol import states
from spinline_protocol.states import COMMANDS, DONE
from spinline_protocol.transitions import next_state

NAMES = ("melt", "bath", "draw")
ALL_STATES = {state for state, _cause in TRANSITIONS} | set(TRANSITIONS.values())
PEOPLE = ("start", "hold", "resume", "stop", "abort")
RARE = st.integers(0, 5).map(lambda drawn: drawn == 5)  # what ends most batches
visited: set[str] = set()


class Node:
    """A node as the batch sees it."""

    def __init__(self) -> None:
        self.state = states.IDLE
        self.holds = False
        self.reachable = True
        self.soaked = False

    def do(self, command: int) -> None:
        """A command of the supervisor: it must be one that the node takes."""
        following = next_state(self.state, command)
        assert following >= 0, f"{COMMANDS[command]} makes no sense in {states.STATES[self.state]}"
        self.state = following

    def go_on(self) -> None:
        """What a node does by itself in a while: its transient states end."""
        following = next_state(self.state, DONE)
        if following >= 0:
            self.state = following
        self.soaked = self.state in (states.STARTING, states.EXECUTE)

    def view(self) -> NodeView:
        return NodeView(self.state, self.soaked, self.reachable and not self.holds, self.reachable)


class Line(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.batch = Batch(threading_s=3, production_s=10)
        self.nodes = {name: Node() for name in NAMES}
        self.now_s = 0.0
        self.resumed = False  # since the batch was UNSUPERVISED last

    def _scan(self) -> None:
        self.now_s += 1
        before, seen = self.batch.state, {name: node.view() for name, node in self.nodes.items()}
        self.batch.scan(seen, self.now_s)
        self._passed(before)
        for name, node in self.nodes.items():
            if self.batch.state == "RESTARTING" and node.reachable and node.holds:
                node.holds = False  # told so explicitly: CMD_SUPERVISE
            elif node.reachable and (command := self.batch.command_for(seen[name])):
                node.do(command)
        if self.batch.state == "RUNNING":
            assert all(view.supervised and view.state == states.EXECUTE for view in seen.values())

    def _passed(self, before: str) -> None:
        after = self.batch.state
        visited.add(after)
        if before in ENDED and after != before:
            assert after == "ABORTING", "an end is an end"
        if after == "UNSUPERVISED":
            self.resumed = False
        if before != "RUNNING" and after == "RUNNING" and self.resumed is False:
            assert all(state != "UNSUPERVISED" for _at, state, _cause in self.batch.history), "only a person leads back"

    @initialize(seconds=st.sampled_from([0, 3, 8, 16, 25]))
    def begun(self, seconds: int) -> None:
        """Trouble comes at any time of a batch that was well so far."""
        if seconds:
            self.a_person_asks("start")
            self.calm(seconds)

    @rule(seconds=st.sampled_from([1, 2, 5, 15]))
    def calm(self, seconds: int) -> None:
        for _ in range(seconds):
            self._scan()
            for node in self.nodes.values():
                node.go_on()

    @rule(what=st.sampled_from(PEOPLE))
    def a_person_asks(self, what: str) -> None:
        before = self.batch.state
        taken = self.batch.cause(what, self.now_s)
        assert taken == ((before, what) in TRANSITIONS)
        if taken and what == "resume":
            self.resumed = True
        self._passed(before)

    @rule()
    def the_journal_cannot_commit(self) -> None:
        before = self.batch.state
        self.batch.cause("journal lost", self.now_s)
        if before in ("PREPARING", "THREADING", "RUNNING", "RESTARTING", "COMPLETING"):
            assert self.batch.state == "UNSUPERVISED"
        self._passed(before)
        for node in self.nodes.values():
            node.holds = node.holds or node.state in states.ACTIVE

    @rule(name=st.sampled_from(NAMES))
    def a_cable_is_pulled(self, name: str) -> None:
        self.nodes[name].reachable = False
        self.nodes[name].holds = self.nodes[name].state in states.ACTIVE
        self._scan()

    @rule()
    def all_cables_are_back(self) -> None:
        for node in self.nodes.values():
            node.reachable = True

    @rule(name=st.sampled_from(NAMES))
    def a_node_holds(self, name: str) -> None:
        self._trip(name, states.HOLDING)

    @rule(name=st.sampled_from(NAMES), state=st.sampled_from([states.ABORTING, states.STOPPING]), rare=RARE)
    def a_node_trips(self, name: str, state: int, rare: bool) -> None:
        if rare:
            self._trip(name, state)

    def _trip(self, name: str, state: int) -> None:
        if self.nodes[name].state == states.EXECUTE:
            self.nodes[name].state = state
            self._scan()

    @rule(name=st.sampled_from(NAMES), rare=RARE)
    def a_node_starts_anew(self, name: str, rare: bool) -> None:
        if rare:
            self.nodes[name] = Node()
            self._scan()

    @rule()
    def another_supervisor_comes(self) -> None:
        """It knows nothing of before: an active line is not its own until a person says so."""
        active = any(node.state in states.ACTIVE for node in self.nodes.values())
        self.batch = Batch(threading_s=3, production_s=10)
        if active:
            assert self.batch.cause("line active", self.now_s)
            self._passed("IDLE")

    @invariant()
    def the_state_is_one_of_the_table_and_no_more_was_produced_than_time_has_passed(self) -> None:
        assert self.batch.state in ALL_STATES
        assert 0 <= self.batch.produced_s <= self.now_s
        assert [state for _at, state, _cause in self.batch.history][-1:] in ([], [self.batch.state])


def test_whatever_people_and_the_world_do_the_batch_stays_within_its_rules_and_every_state_is_visited() -> None:
    visited.clear()
    run_state_machine_as_test(
        Line,
        settings=settings(
            max_examples=300,
            stateful_step_count=40,
            deadline=None,
            derandomize=True,
            phases=[Phase.generate, Phase.shrink],
        ),
    )
    assert visited >= ALL_STATES - {"IDLE"}, ALL_STATES - visited
