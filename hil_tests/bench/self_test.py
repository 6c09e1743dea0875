"""The bench's own test: every stimulus is put out and read back where it reaches the node.  Names the broken channel."""

from __future__ import annotations

from collections.abc import Callable

from hil_tests.fixture.spinline_fixture import pins, words

from .fixture_client import LEASE_MS, FixtureClient
from .verdicts import InfraBench

SETTLE_MS = words.CONVERTED_MS + 2 * words.SCAN_MS  # by the fixture's clock: every channel converted once more
TURN_MS = 500
ANSWERS_N = 3  # the first may have been on its way, the second tells what was before
STEP_S = 0.01
PATIENCE_S = 5.0
TC_UV, LOOP_UA, RATE = 5000, 4000, 1000  # of the first channel; each further one is higher
TC_STEP_UV, LOOP_STEP_UA = 1500, 1300
TC_WITHIN_UV, LOOP_WITHIN_UA = 60, 120
SHORT_UV_MAX = 100
RATE_WITHIN = 0.1  # an exchange more or less in the time
Wait = Callable[[float], None]


class SelfTest:
    """One fixture.  ``wait`` lets the bench go on for so many seconds.  ``run`` raises InfraBench with all it found."""

    def __init__(self, fixture: FixtureClient, features: frozenset[str], wait: Wait) -> None:
        self._fixture, self._features, self._wait = fixture, features, wait
        self._found: list[str] = []

    def run(self) -> None:
        """Every stimulus that the bench has, then nothing again."""
        self._put()
        self._judge_faults()
        self._levels()
        self._relays_of_signals()
        self._contacts()
        self._encoders()
        self._board_relays()
        self._silence()
        if self._found:
            raise InfraBench("\n".join(self._found))

    def _put(self, changes: dict[int, int] | None = None) -> None:
        """Nothing but these words, with the permit chain closed."""
        self._fixture.stimuli[:] = [0] * words.SET_N
        self._fixture.stimuli[words.RELAYS] = words.CLOSE_PERMIT
        for word, number in (changes or {}).items():
            self._fixture.stimuli[word] = number
        self._settle(SETTLE_MS)

    def _settle(self, ms: int) -> None:
        """Until the fixture has told what is so long after these stimuli came: its evidence, not our clock."""
        fixture, waited_s = self._fixture, 0.0
        told_n, since_ms = fixture.told_n + ANSWERS_N, -1
        while since_ms < 0 or (fixture.told[words.TIME_MS] - since_ms) & 0xFFFF < ms:
            if since_ms < 0 and fixture.told_n >= told_n:
                since_ms = fixture.told[words.TIME_MS]
            if waited_s > PATIENCE_S:
                raise InfraBench(f"fixture of {fixture.name}: tells nothing new for {PATIENCE_S:.0f} s")
            self._wait(STEP_S)
            waited_s += STEP_S

    def _note(self, channel: str, asked: str, read: str) -> None:
        self._found.append(f"fixture of {self._fixture.name}: {channel}: {asked} put out, {read} read back")

    def _judge_faults(self) -> None:
        chips = [f"DAC at {address:#x} on bus {bus}" for bus, address in pins.STIMULI]
        chips += [f"expander at {address:#x}" for _bus, address in (pins.OPEN_AND_SHORT, pins.LOOPS_OPEN)]
        chips += [f"converter at {address:#x} on bus {bus}" for bus, address in pins.CONVERTERS]
        chips.append(f"expander at {pins.BACK[1]:#x}")
        for i, chip in enumerate(chips):
            if self._fixture.told[words.FAULTS] >> i & 1:
                self._found.append(f"fixture of {self._fixture.name}: the {chip} does not answer")

    def _levels(self) -> None:
        asked = {words.TC + i: TC_UV + TC_STEP_UV * i for i in range(words.TC_N)}
        asked |= {words.LOOP + i: LOOP_UA + LOOP_STEP_UA * i for i in range(words.LOOPS_N)}
        self._put(asked)
        told = self._fixture.told
        for i in range(words.TC_N):
            uV, read = asked[words.TC + i], told[words.TC_BACK + i]
            if abs(read - uV) > TC_WITHIN_UV:
                self._note(f"thermocouple {i}", f"{uV} uV", f"{read} uV")
        for i in range(words.LOOPS_N):
            uA, read = asked[words.LOOP + i], told[words.LOOP_BACK + i]
            if abs(read - uA) > LOOP_WITHIN_UA:
                self._note(f"current loop {i}", f"{uA} uA", f"{read} uA")

    def _relays_of_signals(self) -> None:
        loops = {words.LOOP + i: LOOP_UA for i in range(words.LOOPS_N)}
        levels = {words.TC + i: TC_UV for i in range(words.TC_N)} | loops
        for feature, word, n, first, back, right in (
            ("tc_open", words.OPEN_AND_SHORT, words.TC_N, 0, words.TC_BACK, _is_open),
            ("tc_short", words.OPEN_AND_SHORT, words.TC_N, 8, words.TC_BACK, _is_short),
            ("loop_open", words.LOOPS_OPEN, words.LOOPS_N, 0, words.LOOP_BACK, _is_short),
        ):
            for odd in (0, 1) if feature in self._features else ():
                chosen = [i for i in range(n) if i % 2 == odd]
                self._put(levels | {word: sum(1 << first + i for i in chosen)})
                for i in range(n):
                    read = self._fixture.told[back + i]
                    if right(read) != (i in chosen):
                        self._note(f"relay {feature} {i}", "on" if i in chosen else "off", str(read))

    def _contacts(self) -> None:
        for pattern in (0b010101, 0b101010, 0):
            self._put({words.CONTACTS: pattern})
            wrong = (self._fixture.told[words.BACK] & words.CONTACTS_MASK) ^ pattern
            for i in range(len(pins.CONTACTS)):
                if wrong >> i & 1:
                    self._note(f"contact {i}", "closed" if pattern >> i & 1 else "open", "the other")

    def _encoders(self) -> None:
        for sign in (1, -1) if "encoders" in self._features else ():
            self._put({words.RATE + i: sign * RATE & 0xFFFF for i in range(words.ENCODERS_N)})
            before = list(self._fixture.told)
            self._settle(TURN_MS)
            told = self._fixture.told
            passed_s = ((told[words.TIME_MS] - before[words.TIME_MS]) & 0xFFFF) / 1000 or 1.0
            for i in range(words.ENCODERS_N):
                turned = (told[words.COUNT_BACK + i] - before[words.COUNT_BACK + i] + 0x8000 & 0xFFFF) - 0x8000
                if abs(turned / passed_s / 10 / RATE - sign) > RATE_WITHIN:
                    self._note(f"encoder {i}", f"{sign * 10 * RATE} edges/s", f"{turned / passed_s:.0f} edges/s")

    def _board_relays(self) -> None:
        """Auxiliary contacts of the relays; and a node without supply puts nothing out."""
        for feature, bit, back in (
            ("cable", words.CUT_CABLE, pins.BACK_CABLE),
            ("power", words.CUT_POWER, pins.BACK_POWER),
            ("permit", words.CLOSE_PERMIT, pins.BACK_PERMIT),
        ):
            for on in (1, 0) if feature in self._features else ():
                self._put({words.RELAYS: bit if on else 0})
                told = self._fixture.told
                if told[words.BACK] >> back & 1 != on:
                    self._note(f"relay {feature}", "on" if on else "off", "the other")
                if bit == words.CUT_POWER and on and (told[words.LEVELS] or any(told[words.DAC_BACK : words.ON_MS])):
                    self._note("relay power", "no supply", "outputs of the node")

    def _silence(self) -> None:
        """Without its lease the fixture goes to the safe side."""
        self._put({words.TC: TC_UV, words.CONTACTS: words.CONTACTS_MASK})
        self._fixture.leased, self._fixture.safe_seen = False, False
        self._wait(2 * LEASE_MS / 1000)
        self._fixture.leased = True
        self._put()
        if not self._fixture.safe_seen:
            self._note("lease", "nothing", "stimuli that stay")


def _is_open(read: int) -> bool:
    return read > words.OPEN_UV_MIN


def _is_short(read: int) -> bool:
    return read < SHORT_UV_MAX
