"""The service killed with -9 in production, twenty times at random: nothing acknowledged is lost, nothing runs on."""

import pytest

from hil_tests.bench.interpreters import InterpreterMissing, find_interpreter
from hil_tests.bench.service_kills import kill_again_and_again

pytestmark = [pytest.mark.wall, pytest.mark.xdist_group("service")]
KILLS_N, SPEED = 20, 6.0


def test_a_service_that_is_killed_in_production_loses_nothing_and_its_successor_finds_no_running_batch(tmp_path):
    try:
        interpreter = find_interpreter()
    except InterpreterMissing as error:
        pytest.skip(f"missing tool: {error}")
    killed = kill_again_and_again(interpreter, tmp_path, KILLS_N, SPEED, seed=1)
    assert killed.kills_n == KILLS_N
    assert killed.acknowledged_n > KILLS_N, "notes were acknowledged while it was killed"
    assert killed.lost == [] and killed.holes == []
    assert killed.scans_acknowledged > 100 * KILLS_N
    assert killed.unsafe == [], "RUNNING is reached by a person's resume only"
