"""The bench's own test: every stimulus is put out and read back where it reaches the node.  Names what is broken."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product

from hil_tests.fixture.spinline_fixture import pins, words

from .fixture_client import LEASE_MS, FixtureClient
from .verdicts import InfraBench

SETTLE_MS = words.CONVERTED_MS + 2 * words.SCAN_MS  # by the fixture's clock: every channel converted once more
TURN_MS = 500
ANSWERS_N = 3  # the first may have been on its way, the second tells what was before
STEP_S = 0.01
PATIENCE_S = 10.0
SILENCES_S = (2 * LEASE_MS / 1000, 6 * LEASE_MS / 1000)  # the second for a clock that lags behind ours
TC_UV, LOOP_UA, RATE = 5000, 4000, 1000  # of the first channel; each further one is higher
TC_STEP_UV, LOOP_STEP_UA = 1500, 1300
TC_WITHIN_UV, LOOP_WITHIN_UA = 60, 120
SHORT_UV_MAX = 100
RATE_WITHIN = 0.1  # an exchange more or less in the time
Wait = Callable[[float], None]


class SelfTest:
    """All fixtures at once.  ``wait`` lets the bench go on for so many seconds.  ``run`` raises InfraBench with all it
    found."""

    def __init__(self, fixtures: list[FixtureClient], features: frozenset[str], wait: Wait) -> None:
        self._fixtures, self._features, self._wait = fixtures, features, wait
        self._found: list[str] = []

    def run(self) -> None:
        """Every stimulus that the bench has, then nothing again."""
        self._put()
        for fixture in self._fixtures:
            self._judge_faults(fixture)
        self._levels()
        self._relays_of_signals()
        self._contacts()
        self._encoders()
        self._board_relays()
        self._silence()
        if self._found:
            raise InfraBench("\n".join(sorted(self._found)))

    def _put(self, changes: dict[int, int] | None = None) -> None:
        """Nothing but these words, with the permit chain closed."""
        for fixture in self._fixtures:
            fixture.stimuli[:] = [0] * words.SET_N
            fixture.stimuli[words.RELAYS] = words.CLOSE_PERMIT
            for word, number in (changes or {}).items():
                fixture.stimuli[word] = number
        self._settle(SETTLE_MS)

    def _settle(self, ms: int) -> None:
        """Until each fixture has told what is so long after these stimuli came: its evidence, not our clock."""
        waiting = {fixture.name: (fixture, fixture.told_n + ANSWERS_N) for fixture in self._fixtures}
        since_ms: dict[str, int] = {}
        waited_s = 0.0
        while waiting:
            for name, (fixture, told_n) in list(waiting.items()):
                now_ms = fixture.told[words.TIME_MS]
                if fixture.told_n >= told_n and (now_ms - since_ms.setdefault(name, now_ms)) & 0xFFFF >= ms:
                    del waiting[name]
            if waited_s > PATIENCE_S:
                named = ", ".join(waiting)
                raise InfraBench(f"fixture of {named}: tells nothing new for {PATIENCE_S:.0f} s")
            self._wait(STEP_S)
            waited_s += STEP_S

    def _note(self, fixture: FixtureClient, channel: str, asked: str, read: str) -> None:
        self._found.append(f"fixture of {fixture.name}: {channel}: {asked} put out, {read} read back")

    def _judge_faults(self, fixture: FixtureClient) -> None:
        chips = [f"DAC at {address:#x} on bus {bus}" for bus, address in pins.STIMULI]
        chips += [f"expander at {address:#x}" for _bus, address in (pins.OPEN_AND_SHORT, pins.LOOPS_OPEN)]
        chips += [f"converter at {address:#x} on bus {bus}" for bus, address in pins.CONVERTERS]
        chips.append(f"expander at {pins.BACK[1]:#x}")
        for i, chip in enumerate(chips):
            if fixture.told[words.FAULTS] >> i & 1:
                self._found.append(f"fixture of {fixture.name}: the {chip} does not answer")

    def _levels(self) -> None:
        asked = {words.TC + i: TC_UV + TC_STEP_UV * i for i in range(words.TC_N)}
        asked |= {words.LOOP + i: LOOP_UA + LOOP_STEP_UA * i for i in range(words.LOOPS_N)}
        self._put(asked)
        for kind, unit, first, back, n, within in (
            ("thermocouple", "uV", words.TC, words.TC_BACK, words.TC_N, TC_WITHIN_UV),
            ("current loop", "uA", words.LOOP, words.LOOP_BACK, words.LOOPS_N, LOOP_WITHIN_UA),
        ):
            for fixture, i in product(self._fixtures, range(n)):
                read = fixture.told[back + i]
                if abs(read - asked[first + i]) > within:
                    self._note(fixture, f"{kind} {i}", f"{asked[first + i]} {unit}", f"{read} {unit}")

    def _relays_of_signals(self) -> None:
        levels = {words.TC + i: TC_UV for i in range(words.TC_N)}
        levels |= {words.LOOP + i: LOOP_UA for i in range(words.LOOPS_N)}
        for feature, word, n, first, back, acts in (
            ("tc_open", words.OPEN_AND_SHORT, words.TC_N, 0, words.TC_BACK, _is_open),
            ("tc_short", words.OPEN_AND_SHORT, words.TC_N, 8, words.TC_BACK, _is_short),
            ("loop_open", words.LOOPS_OPEN, words.LOOPS_N, 0, words.LOOP_BACK, _is_short),
        ):
            for odd in (0, 1) if feature in self._features else ():
                chosen = range(odd, n, 2)
                self._put(levels | {word: sum(1 << first + i for i in chosen)})
                for fixture, i in product(self._fixtures, range(n)):
                    read = fixture.told[back + i]
                    if acts(read) != (i in chosen):
                        self._note(fixture, f"relay {feature} {i}", "on" if i in chosen else "off", str(read))

    def _contacts(self) -> None:
        for pattern in (0b010101, 0b101010, 0):
            self._put({words.CONTACTS: pattern})
            for fixture, i in product(self._fixtures, range(len(pins.CONTACTS))):
                if (fixture.told[words.BACK] ^ pattern) >> i & 1:
                    self._note(fixture, f"contact {i}", "closed" if pattern >> i & 1 else "open", "the other")

    def _encoders(self) -> None:
        for sign in (1, -1) if "encoders" in self._features else ():
            self._put({words.RATE + i: sign * RATE & 0xFFFF for i in range(words.ENCODERS_N)})
            before = [list(fixture.told) for fixture in self._fixtures]
            self._settle(TURN_MS)
            for (fixture, was), i in product(zip(self._fixtures, before, strict=True), range(words.ENCODERS_N)):
                passed_s = ((fixture.told[words.TIME_MS] - was[words.TIME_MS]) & 0xFFFF) / 1000
                at = words.COUNT_BACK + i
                edges_s = ((fixture.told[at] - was[at] + 0x8000 & 0xFFFF) - 0x8000) / passed_s
                if abs(edges_s / 10 / RATE - sign) > RATE_WITHIN:
                    self._note(fixture, f"encoder {i}", f"{sign * 10 * RATE} edges/s", f"{edges_s:.0f} edges/s")

    def _board_relays(self) -> None:
        """Auxiliary contacts of the relays; and a node without supply puts nothing out."""
        for feature, bit, back in (
            ("cable", words.CUT_CABLE, pins.BACK_CABLE),
            ("power", words.CUT_POWER, pins.BACK_POWER),
            ("permit", words.CLOSE_PERMIT, pins.BACK_PERMIT),
        ):
            for on in (1, 0) if feature in self._features else ():
                self._put({words.RELAYS: bit if on else 0})
                for fixture in self._fixtures:
                    told = fixture.told
                    if told[words.BACK] >> back & 1 != on:
                        self._note(fixture, f"relay {feature}", "on" if on else "off", "the other")
                    outputs = [told[words.LEVELS], *told[words.DAC_BACK : words.ON_MS]]
                    if bit == words.CUT_POWER and on and any(outputs):
                        self._note(fixture, "relay power", "no supply", "outputs of the node")

    def _silence(self) -> None:
        """Without its lease a fixture goes to the safe side, and says so when the PC is back."""
        for silence_s in SILENCES_S:
            self._put({words.TC: TC_UV, words.CONTACTS: words.CONTACTS_MASK})
            for fixture in self._fixtures:
                fixture.leased, fixture.safe_seen = False, False
            self._wait(silence_s)
            for fixture in self._fixtures:
                fixture.leased = True
            self._put()
            if all(fixture.safe_seen for fixture in self._fixtures):
                return
        for fixture in self._fixtures:
            if not fixture.safe_seen:
                self._note(fixture, "lease", "nothing", "stimuli that stay")


def _is_open(read: int) -> bool:
    return read > words.OPEN_UV_MIN


def _is_short(read: int) -> bool:
    return read < SHORT_UV_MAX
