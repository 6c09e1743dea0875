"""Proof that no intermediate of the PID kernel reaches 2^30, for every legal block and every number a sensor can give.

Intervals follow the kernel's own text (intervals.py).  The ranges of the state are an invariant: they hold for a block
of zeros, and if they hold before a scan they hold after it.  Two words need a lemma beside the intervals:

SETPOINT moves towards the target and never past it, so it stays in the range of pv and target.

LAG.  With c = 256 - b and f, the ramp's remainder times c / 256, 0 to 255, let S = c * setpoint + f and G = S - LAG.
One scan makes G + ((S' + rest - G) >> kz) of G, which lies between G and S' + rest, and rest < 2^kz.  So G stays within
c times the range of the setpoint, plus 255 + 2^14, and |LAG| <= 256 * 700 000 + 2^14 + 255.
"""

import ast
from array import array
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st
from intervals import SMALL, Bounds, Span

from spinline_firmware.control import pid
from spinline_protocol.configuration import LOOP

PV_LOW, PV_HIGH = -200000, 500000
LAG_MAX = 256 * (PV_HIGH - PV_LOW) + (1 << 14) + 255
RANGES = {name: Span(low, high) for name, low, high in LOOP}
PV = Span(PV_LOW, PV_HIGH)
FINE = Span(PV_LOW << 8, PV_HIGH << 8)
MODES = range(pid.FAILED + 1)
REST = Span(0, (1 << 28) - 1)
COMMANDS = {
    "TARGET": PV,
    "PV": PV,
    "MANUAL": Span(-65536, 65536),
    "FEED_FORWARD": Span(-131072, 131072),
    "FREEZE": Span(0, 1),
    "ABSORB": Span(0, 1),
}
PARAMETERS = "ACTION MP SP MI SI MD SD MT ST B_256 KZ KD OUT_LOW OUT_HIGH OUT_RATE RAMP_256 HOLDBACK SOAK_SCANS".split()
INVARIANT = {
    "SETPOINT": PV,
    "RAMP_REST": Span(0, 255),
    "LAG": Span(-LAG_MAX, LAG_MAX),
    "LAG_REST": Span(0, (1 << 14) - 1),
    "FILTER_1": FINE,
    "FILTER_2": FINE,
    "INTEGRAL": Span(-131072, 131072),
    "INTEGRAL_REST": REST,
    "TRACK_REST": REST,
    "OUTPUT": Span(-65536, 65536),
    "SOAKED": Span(0, 1 << 28),
    "STARTED": Span(0, 1),
}


def analysed(mode: int) -> tuple[dict[str, int], dict[str, Span]]:
    """The largest magnitude of each expression of the kernel's text in this mode, and the words after one scan."""
    tree = ast.parse(Path(pid.__file__).read_text(encoding="utf-8"))
    (function,) = [node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == "scan_pid"]
    parameters = {name: RANGES[name.lower()] for name in PARAMETERS}
    constants = {name: getattr(pid, name) for name in ("OFF", "MANUAL_MODE", "AUTO", "RATIO", "FAILED")}
    lemmas = {name: INVARIANT[name] for name in ("SETPOINT", "LAG")}
    words = {**COMMANDS, **parameters, **INVARIANT, "MODE": Span(mode, mode)}
    bounds = Bounds(words, constants, lemmas)
    after = bounds.run(function)
    return bounds.seen, after


def test_no_expression_of_the_kernel_reaches_2_to_the_30() -> None:
    largest = 0
    for mode in MODES:
        seen, _words = analysed(mode)
        assert len(seen) > 150  # expressions of the text
        assert {text: most for text, most in seen.items() if most >= SMALL} == {}
        largest = max(largest, *seen.values())
    assert largest == 805_304_319  # 2^29.59: a larger mantissa would not fit


def test_the_ranges_of_the_state_hold_after_a_scan_if_they_held_before() -> None:
    for mode in MODES:
        _seen, words = analysed(mode)
        outside = [
            (name, words[name])
            for name, span in INVARIANT.items()
            if words[name].low < span.low or words[name].high > span.high
        ]
        assert outside == []


def test_the_ranges_of_the_state_hold_for_a_block_of_zeros() -> None:
    assert [name for name, span in INVARIANT.items() if not span.low <= 0 <= span.high] == []


def test_the_proof_sees_a_product_that_is_too_large() -> None:
    function = ast.parse("def f(w, at):\n    'text'\n    x = w[at + MP] * w[at + PV]\n").body[0]
    assert isinstance(function, ast.FunctionDef)
    bounds = Bounds({"MP": Span(0, 4095), "PV": PV}, {})
    bounds.run(function)
    assert max(bounds.seen.values()) >= SMALL


def small_block(gap: int, ramp_256: int, rest: int) -> array:  # type: ignore[type-arg]
    image = array("i", [0] * pid.BLOCK_WORDS)
    image[pid.MODE], image[pid.TARGET], image[pid.STARTED] = pid.AUTO, gap, 1
    image[pid.RAMP_256], image[pid.RAMP_REST], image[pid.KZ] = ramp_256, rest, 3
    return image


def test_a_ramp_never_passes_its_target() -> None:
    for gap in [*range(-5, 6), -700000, 700000]:
        for ramp_256 in (0, 1, 255, 256, 257, 511, 512, 1280, 1281, 1 << 28):
            for rest in (0, 1, 128, 255):
                image = small_block(gap, ramp_256, rest)
                pid.scan_pid(image, 0)
                assert min(0, gap) <= image[pid.SETPOINT] <= max(0, gap)


ENDS = st.sampled_from((PV_LOW, 0, PV_HIGH)) | st.integers(PV_LOW, PV_HIGH)
SCANS = st.lists(st.tuples(st.sampled_from((0, 1, 2, 2, 2)), ENDS, ENDS, st.sampled_from((0, 1))), max_size=60)


@given(SCANS, st.integers(0, 256), st.integers(3, 14), st.sampled_from((0, 1, 5000, 1 << 28)))
def test_the_lag_of_the_setpoint_follows_its_lemma(
    scans: list[tuple[int, int, int, int]], b_256: int, kz: int, ramp_256: int
) -> None:
    image = array("i", [0] * pid.BLOCK_WORDS)
    image[pid.ACTION], image[pid.B_256], image[pid.KZ], image[pid.RAMP_256] = 1, b_256, kz, ramp_256
    for mode, target, pv, freeze in scans:
        image[pid.MODE], image[pid.TARGET], image[pid.PV], image[pid.FREEZE] = mode, target, pv, freeze
        pid.scan_pid(image, 0)
        leak = 256 - b_256
        ghost = leak * image[pid.SETPOINT] + (leak * image[pid.RAMP_REST] >> 8) - image[pid.LAG]
        assert leak * PV_LOW <= ghost < leak * PV_HIGH + (1 << kz) + 255
        assert 0 <= image[pid.LAG_REST] < 1 << kz and abs(image[pid.LAG]) <= LAG_MAX
