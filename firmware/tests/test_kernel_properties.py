"""Properties of the PID kernel for every legal block and every sequence of setpoint and pv (hypothesis)."""

from array import array

from hypothesis import given
from hypothesis import strategies as st

from spinline_firmware.control import pid
from spinline_protocol.configuration import LOOP, field_index

PV = st.sampled_from((-200000, -1, 0, 1, 500000)) | st.integers(-200000, 500000)
FEED_FORWARD = st.integers(-131072, 131072)
MANUAL = st.integers(-65536, 65536)
MODE = st.sampled_from((pid.OFF, pid.MANUAL_MODE, pid.AUTO, pid.AUTO, pid.AUTO))
SCANS = st.lists(st.tuples(MODE, PV, PV, MANUAL, FEED_FORWARD, st.integers(0, 1)), min_size=1, max_size=50)
FIELDS = LOOP[field_index(LOOP, "action") : field_index(LOOP, "out_rate") + 1]


def legal(low: int, high: int) -> st.SearchStrategy[int]:
    """A number of a field's range, its ends more often than by chance."""
    return st.sampled_from((low, high)) | st.integers(low, high)


@st.composite
def blocks(draw: st.DrawFn) -> array:  # type: ignore[type-arg]
    """A legal loop block in its first scan."""
    image = array("i", [0] * pid.BLOCK_WORDS)
    for i, (_name, low, high) in enumerate(FIELDS):
        image[pid.ACTION + i] = draw(legal(low, high))
    image[pid.ACTION] = draw(st.sampled_from((-1, 1)))
    low, high = sorted(draw(st.tuples(*2 * [st.integers(-65536, 65536)]).filter(lambda ends: ends[0] != ends[1])))
    image[pid.OUT_LOW], image[pid.OUT_HIGH] = low, high
    image[pid.RAMP_256] = draw(legal(0, 1 << 28))
    image[pid.HOLDBACK] = draw(legal(0, 500000))
    image[pid.SOAK_SCANS] = draw(legal(0, 1 << 28))
    return image


def scan(image: array, *commands: int) -> int:  # type: ignore[type-arg]
    image[pid.MODE], image[pid.TARGET], image[pid.PV], image[pid.MANUAL] = commands[:4]
    image[pid.FEED_FORWARD], image[pid.FREEZE] = commands[4:]
    pid.scan_pid(image, 0)
    return int(image[pid.OUTPUT])


@given(blocks(), SCANS)
def test_the_output_is_always_within_its_limits(image: array, scans: list[tuple[int, ...]]) -> None:  # type: ignore[type-arg]
    image[pid.OUT_RATE] = 0
    for commands in scans:
        output = scan(image, *commands)
        assert output == 0 if commands[0] == pid.OFF else image[pid.OUT_LOW] <= output <= image[pid.OUT_HIGH]


@given(blocks(), SCANS)
def test_a_rate_limited_output_leaves_its_limits_only_on_the_way_back_into_them(
    image: array,  # type: ignore[type-arg]
    scans: list[tuple[int, ...]],
) -> None:
    last = 0
    for commands in scans:
        output = scan(image, *commands)
        if commands[0] != pid.OFF:
            rate = image[pid.OUT_RATE] or 1 << 20
            assert abs(output - last) <= rate
            assert min(last, image[pid.OUT_LOW]) <= output <= max(last, image[pid.OUT_HIGH])
        last = output


@given(blocks(), SCANS)
def test_every_word_stays_a_small_number(image: array, scans: list[tuple[int, ...]]) -> None:  # type: ignore[type-arg]
    for commands in scans:
        scan(image, *commands)
        assert all(-(1 << 30) <= word < 1 << 30 for word in image)


@given(blocks(), PV, PV, st.integers(1, 40))
def test_a_frozen_setpoint_stands_still(image: array, pv: int, target: int, scans_n: int) -> None:  # type: ignore[type-arg]
    scan(image, pid.AUTO, target, pv, 0, 0, 0)
    setpoint, soaked = image[pid.SETPOINT], image[pid.SOAKED]
    for _ in range(scans_n):
        scan(image, pid.AUTO, target, pv, 0, 0, 1)
    assert (image[pid.SETPOINT], image[pid.SOAKED]) == (setpoint, soaked)


@given(blocks(), PV, MANUAL)
def test_from_manual_to_automatic_at_the_setpoint_moves_by_the_gains_alone(
    image: array,  # type: ignore[type-arg]
    pv: int,
    manual: int,
) -> None:
    image[pid.OUT_LOW], image[pid.OUT_HIGH], image[pid.OUT_RATE] = -65536, 65536, 0
    for _ in range(5):
        output = scan(image, pid.MANUAL_MODE, pv, pv, manual, 0, 0)
    assert output == manual
    assert abs(scan(image, pid.AUTO, pv, pv, 0, 0, 0) - manual) <= 1


@given(
    st.integers(0, 256), st.integers(3, 10), st.integers(1, 3000), st.integers(-9000, 9000), st.sampled_from((-1, 1))
)
def test_p_follows_the_exact_setpoint_of_ramp_and_lag_not_the_whole_number_that_is_shown(
    b_256: int, kz: int, ramp_256: int, target: int, action: int
) -> None:
    image = array("i", [0] * pid.BLOCK_WORDS)
    image[pid.ACTION], image[pid.B_256], image[pid.KZ], image[pid.RAMP_256] = action, b_256, kz, ramp_256
    image[pid.MP], image[pid.OUT_LOW], image[pid.OUT_HIGH] = 16, -65536, 65536
    setpoint = lag = 0.0
    for _ in range(200):
        scan(image, pid.AUTO, target, 0, 0, 0, 0)
        step = max(-ramp_256 / 256, min(ramp_256 / 256, target - setpoint))
        setpoint += step
        lag += step * (256 - b_256) / 256
        lag -= lag / 2**kz
        assert abs(image[pid.P_TERM] - 16 * action * (setpoint - lag)) <= 2  # a whole unit would be 16
