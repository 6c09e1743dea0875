"""Proof that no intermediate of the guards reaches 2^30, for every legal row and every number an input can have.

Intervals follow the text of the functions (intervals.py).  The ranges of the observer's state are an invariant: they
hold behind ``begin``, and if they hold before a step they hold after it.
"""

import ast
from array import array
from pathlib import Path

from intervals import SMALL, Bounds, Span

from spinline_firmware.control import interlock, observer, swing
from spinline_protocol.configuration import INTERLOCK, MONITOR
from spinline_protocol.states import STATES

PV = Span(-200000, 500000)
NUMBER = Span(-450000, 1000000)  # every quantity (quantities.py): what an interlock may compare
JUDGED = Span(2 * NUMBER.low, 2 * NUMBER.high)  # a mean, a change, a swing in parts of its mean
FINE = Span(PV.low << 8, PV.high << 8)
LAGGED = Span(-4096 << 8, 4096 << 8)
BIAS = Span(-(2 * observer.CUT_TERM + 4096) << 8, (2 * observer.CUT_TERM + 4096) << 8)
LEARN_MAX = 5 << 7
INVARIANT = {
    "Y1": FINE, "Y2": FINE, "U1": LAGGED, "U2": LAGGED, "BIAS": BIAS,
    "LEARN": Span(0, 3600), "STARTED": Span(0, 2), "OVER": Span(0, 3600 + (1 << 7)),
    "BREAK_N": Span(0, 3600), "BREAK_PV": PV, "RISE_N": Span(0, 3600), "RISE_PV": PV, "REVERSE_PV": PV,
    "RISEN": Span(0, 1), "RING_I": Span(0, 127), "HELD": Span(0, 1), "ring_i": Span(-4096, 4096),
    "CAUSE": Span(0, 22), "TOLD": Span(0, 100000),
    "STARTING_NOW": Span(0, 1), "FOUND": BIAS, "ASKED": Span(-4096, 4096),
    "DELTA": Span(2 * BIAS.low >> 8, 2 * BIAS.high >> 8),
}  # fmt: skip
IMAGE = {"source": PV, "_OUTPUT": Span(-65536, 65536), "_SETPOINT": PV, "_QUALITY": Span(0, 2)}


def function_of(module, name: str) -> ast.FunctionDef:  # type: ignore[no-untyped-def]
    tree = ast.parse(Path(module.__file__).read_text(encoding="utf-8"))
    (function,) = [node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == name]
    function.body = [node for node in function.body if not ast.unparse(node).startswith(("w = ", "v = "))]
    return function


def constants_of(module) -> dict[str, int]:  # type: ignore[no-untyped-def]
    return {name: number for name, number in vars(module).items() if isinstance(number, int)}


def analysed() -> tuple[dict[str, int], dict[str, Span]]:
    """The largest magnitude of each expression of the functions of a step, and the words after them."""
    ranges = {name: Span(low, high) for name, low, high in MONITOR}
    words = {name: ranges[field] for name, field in zip(parameter_words(), observer.PARAMETERS.split(), strict=True)}
    places = {"SOURCE": Span(0, 95), "BLOCK": Span(96, 767)}
    bounds = Bounds({**IMAGE, **words, **places, **INVARIANT}, constants_of(observer))
    for name in ("observe", "take_bias", "judge", "rules", "find_reversed"):
        bounds.words = bounds.run(function_of(observer, name))
    return bounds.seen, bounds.words


def parameter_words() -> list[str]:
    """Names of the words that PARAMETERS fill, in their order."""
    named = sorted((number, name) for name, number in WORDS.items())
    return [name for _number, name in named[: len(observer.PARAMETERS.split())]]


WORDS = {
    name: getattr(observer, name)
    for name in "K RATE_M RATE_S GAIN_M GAIN_S AMBIENT BIAS_RATE LIMIT DELAY SHARE BREAK BREAK_BAND RISE RISE_BAND"
    " RISE_ABOVE REVERSE DEAD STATES".split()
}


def test_no_expression_of_the_observer_reaches_2_to_the_30() -> None:
    seen, _words = analysed()
    assert len(seen) > 120  # expressions of the text
    assert {text: most for text, most in seen.items() if most >= SMALL} == {}


def test_the_ranges_of_the_observer_hold_after_a_step_if_they_held_before() -> None:
    _seen, words = analysed()
    for name, span in INVARIANT.items():
        assert span.low <= words[name].low and words[name].high <= span.high, (name, words[name])


def test_the_ranges_of_the_observer_hold_where_a_monitor_begins() -> None:
    for pv in (PV.low, 0, PV.high):
        for output in (-65536, 0, 65536):
            words = array("i", [0] * (observer.RING + 128))
            words[observer.K], words[observer.DEAD] = 7, 127
            observer.begin(words, pv, output)
            for name, span in INVARIANT.items():
                if name != "ring_i":
                    assert span.low <= words[getattr(observer, name)] <= span.high, name
            assert {number for number in words[observer.RING :]} == {output >> 4}
            assert words[observer.LEARN] == LEARN_MAX


def test_no_expression_of_the_interlocks_reaches_2_to_the_30() -> None:
    ranges = {name: Span(low, high) for name, low, high in INTERLOCK}
    fields = {"COMPARISON": "comparison", "LIMIT": "limit", "DELAY": "delay_scans", "STATES": "states"}
    fields |= {"BAD_TRIPS": "bad_trips", "KIND": "reference_kind", "SHARE": "share_q12", "LEAST": "reference_min"}
    fields |= {"BAND": "band_q12", "ARMS": "arms", "AUTO": "auto_reset"}
    words = {name: ranges[field] for name, field in fields.items()}
    words |= {"PV": Span(0, 95), "REFERENCE": Span(0, 767), "WATCHED": Span(0, 3), "JUDGED": JUDGED}
    words |= {"CAUSE": Span(0, 1), "COUNT": Span(0, 36000), "ASLEEP": Span(0, 36001), "TRIPPED": Span(0, 1)}
    words |= {"CHANGED": Span(-1, 1), "word": NUMBER, "_QUALITY": Span(0, 2)}
    given = {"at": Span(0, 47 * interlock.ROW_WORDS), "changed_n": Span(0, 47)}
    for state in range(len(STATES)):
        bounds = Bounds(words, {**constants_of(interlock), "state": state})
        for name in ("find_causes", "latch"):
            (loop,) = [node for node in function_of(interlock, name).body if isinstance(node, ast.While)]
            bounds.run_body(loop.body, given)
        assert len(bounds.seen) > 60
        assert {text: most for text, most in bounds.seen.items() if most >= SMALL} == {}


SWING = {
    "LAG": Span(0, swing.LAG_MAX), "SHORTEST": Span(0, 500), "LONGEST": Span(0, 500),
    "MEAN": Span(NUMBER.low << swing.LAG_MAX, NUMBER.high << swing.LAG_MAX), "SIDE": Span(-1, 1),
    "HIGH": Span(-(1 << 18), 1 << 18), "LOW": Span(-(1 << 18), 1 << 18), "AGE": Span(0, 500),
}  # fmt: skip


def test_no_expression_of_a_swing_reaches_2_to_the_30_and_its_ranges_hold_after_a_step() -> None:
    for lag in range(swing.LAG_MAX + 1):
        held = Span(NUMBER.low << lag, NUMBER.high << lag)
        words = SWING | {"LAG": Span(lag, lag), "MEAN": held}
        bounds = Bounds(words, constants_of(swing))
        after = bounds.run_body(function_of(swing, "follow").body[1:], {"pv": NUMBER})
        assert len(bounds.seen) > 30
        assert {text: most for text, most in bounds.seen.items() if most >= SMALL} == {}
        for name, span in words.items():
            assert span.low <= after[name].low and after[name].high <= span.high, (lag, name, after[name])
