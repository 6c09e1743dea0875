"""The service's interface over a line in lock-step: who may do what, what is refused, and who is never waited for."""

import json
import os
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from hil_tests.bench.interpreters import InterpreterMissing, find_interpreter
from hil_tests.bench.service_rig import ServiceRig
from hil_tests.bench.service_site import make_site
from hil_tests.bench.wall import in_event_loop, now_s, rest_until
from spinline.line.desk import OF_ALARMS, OF_BATCH, OF_RECIPE, Command
from spinline.record.series import fetch, reading
from spinline.service.api import COMMANDS, VIEWS
from spinline.service.feed import READERS_N_MAX, WAITING_N_MAX, Feed
from spinline.service.snapshot import temperatures
from spinline.service.tokens import WIRE_ROLES, Role, remove_token
from spinline_protocol import auth

pytestmark = [pytest.mark.wall, pytest.mark.xdist_group("service")]
CAP_S = 60.0
API = "/api/v1"


@pytest.fixture(scope="module")
def rig(tmp_path_factory):
    """One line for all tests of this file, idle and with every node ready."""
    try:
        made = ServiceRig(find_interpreter(), tmp_path_factory.mktemp("service"))
    except InterpreterMissing as error:
        pytest.skip(f"missing tool: {error}")
    made.begin()
    assert wait(lambda: all(node["answers"] for node in made.core.latest.status["nodes"]))
    assert wait(lambda: temperatures(made.core.latest.values).get("melt.Z1.pv") is not None)
    yield made
    made.close()


def wait(reached) -> bool:
    end_s = now_s() + CAP_S
    while not reached() and now_s() < end_s:
        rest_until(now_s() + 0.01)
    return bool(reached())


@pytest.fixture
def client(rig):
    with TestClient(rig.app, raise_server_exceptions=True) as found:
        yield found


@pytest.fixture
def running(tmp_path):
    """A line of its own, in production."""
    made = ServiceRig(find_interpreter(), tmp_path / "rig", recipe_path=make_site(tmp_path).recipe)
    made.begin()
    try:
        assert wait(lambda: all(node["answers"] for node in made.core.latest.status["nodes"]))
        made.core.ask(Command("start", "operator", "a test")).result(CAP_S)
        assert wait(lambda: made.core.latest.status["state"] == "RUNNING")
        yield made
    finally:
        made.close()


@pytest.fixture
def client_of_running(running):
    with TestClient(running.app, raise_server_exceptions=True) as found:
        yield found


def headed(rig, role: Role) -> dict[str, str]:
    return {"Authorization": f"Bearer {rig.tokens[role]}"}


BODIES = {
    "set": {"tag": "melt.z1_temperature_C", "value": "211", "why": "a test"},
    "recipe": {"toml": "[recipe]", "why": "a test"},
    "note": {"why": "roll 7"},
    "resume": {"shown": "0" * 12},
    "acknowledge": {"point": "nothing"},
    "reset": {"point": "nothing"},
    "unshelve": {"point": "nothing"},
    "shelve": {"point": "nothing", "why": "a test", "seconds": 60},
    "out-of-service": {"point": "nothing", "why": "a test"},
    "in-service": {"point": "nothing", "why": "a test"},
}


def order(client, rig, role, path, body=None):
    body = BODIES.get(path, {}) if body is None else body
    return client.post(f"{API}/commands/{path}", json=body, headers=headed(rig, role))


def test_every_command_of_the_desk_is_one_of_the_interface_and_a_role_that_may_give_it_may_on_the_wire():
    assert {command.what for command in COMMANDS} == {*OF_BATCH, *OF_ALARMS, *OF_RECIPE, "note"}
    assert all(WIRE_ROLES[command.role] >= auth.role_needed(0x10) for command in COMMANDS)
    assert [WIRE_ROLES[role] for role in Role] == [auth.VIEWER, auth.OPERATOR, auth.OPERATOR, auth.MAINTENANCE]


@pytest.mark.parametrize("name", [name for name, _says, _part in VIEWS])
def test_every_view_says_its_mode_in_body_and_head_and_needs_a_token(client, rig, name):
    assert client.get(f"{API}/{name}").status_code == 401
    wrong = client.get(f"{API}/{name}", headers={"Authorization": "Bearer " + "x" * 43})
    assert wrong.status_code == 401 and wrong.headers["WWW-Authenticate"] == "Bearer"
    seen = client.get(f"{API}/{name}", headers=headed(rig, Role.VIEWER))
    assert seen.status_code == 200
    assert seen.json()["mode"] == seen.headers["X-Spinline-Mode"] == "simulated"
    assert seen.json()["at_us"] > 0


TOO_WEAK = [(role, command) for role in Role for command in COMMANDS if not role.includes(command.role)]


@pytest.mark.parametrize(("role", "command"), TOO_WEAK, ids=lambda one: getattr(one, "path", one))
def test_a_role_below_the_needed_one_is_refused_with_the_role_that_may(client, rig, role, command):
    before = len(rig.core.latest.actions["actions"])
    answer = order(client, rig, role, command.path)
    assert answer.status_code == 403
    assert answer.json()["problem"] == f"this needs the role {command.role}; {role} is {role}"
    assert len(rig.core.latest.actions["actions"]) == before


@pytest.mark.parametrize("path", ["hold", "resume", "stop"])
def test_a_command_in_the_wrong_state_is_a_conflict_that_says_what_is_possible_and_does_nothing(client, rig, path):
    before = rig.core.latest.actions["actions"]
    answer = order(client, rig, Role.OPERATOR, path)
    assert answer.status_code == 409
    assert answer.json()["possible"] == ["start"]
    if path != "resume":
        assert answer.json()["problem"] == f"{path} is not possible in IDLE (possible: start)"
    assert client.get(f"{API}/actions", headers=headed(rig, Role.VIEWER)).json()["actions"] == before
    assert rig.supervisor.batch.state == "IDLE"


@pytest.mark.parametrize("path", ["acknowledge", "reset", "shelve", "unshelve", "out-of-service", "in-service"])
def test_a_command_about_an_alarm_that_there_is_not_is_a_conflict(client, rig, path):
    answer = order(client, rig, Role.LEAD, path)
    assert answer.status_code == 409 and "there is no alarm 'nothing'" in answer.json()["problem"]


@pytest.mark.parametrize(
    ("path", "body", "says"),
    [
        ("set", BODIES["set"], "set is not possible in IDLE (possible in: PREPARING,"),
        ("recipe", BODIES["recipe"], "recipe: recipe.name is missing"),
        ("recipe", {"toml": "nothing", "why": "a test"}, "recipe: is not TOML:"),
    ],
)
def test_a_number_or_a_recipe_that_cannot_be_set_is_a_conflict_with_the_reason(client, rig, path, body, says):
    answer = order(client, rig, Role.OPERATOR, path, body)
    assert answer.status_code == 409 and says in answer.json()["problem"], answer.json()


BAD_BODIES = [
    ("set", {"tag": "melt.z1_temperature_C", "value": 211, "why": "a test"}),
    ("set", {"tag": "melt.z1_temperature_C", "value": "211"}),
    ("recipe", {"toml": "", "why": "a test"}),
    ("note", {}),
    ("note", {"why": " "}),
    ("note", {"why": 7}),
    ("note", {"why": "x" * 501}),
    ("note", {"why": "a", "who": "another"}),
    ("start", {"why": None}),
    ("start", []),
    ("resume", {}),
    ("resume", {"shown": "blindly"}),
    ("acknowledge", {"point": ""}),
    ("shelve", {"point": "a", "why": "b", "seconds": 0}),
    ("shelve", {"point": "a", "why": "b", "seconds": "60"}),
    ("shelve", {"point": "a", "why": "b", "seconds": 8 * 3600 + 1}),
    ("shelve", {"point": "a", "seconds": 60}),
    ("out-of-service", {"point": "a", "why": ""}),
]


@pytest.mark.parametrize(("path", "body"), BAD_BODIES)
def test_a_bad_body_is_refused_whole_with_the_key(client, rig, path, body):
    before = len(rig.core.latest.actions["actions"])
    answer = order(client, rig, Role.ADMIN, path, body)
    assert answer.status_code == 422 and answer.json()["detail"]
    assert len(rig.core.latest.actions["actions"]) == before


def test_what_is_no_json_is_refused(client, rig):
    answer = client.post(f"{API}/commands/note", content=b"{", headers=headed(rig, Role.OPERATOR))
    assert answer.status_code == 422


def test_a_note_is_in_the_record_under_the_name_of_the_token_when_it_is_answered(client, rig):
    answer = order(client, rig, Role.OPERATOR, "note", {"why": "roll 8 changed"})
    assert answer.status_code == 200
    assert (answer.json()["what"], answer.json()["who"]) == ("note", "operator")
    actions = client.get(f"{API}/actions", headers=headed(rig, Role.VIEWER)).json()["actions"]
    assert (actions[-1]["who"], actions[-1]["what"], actions[-1]["why"]) == ("operator", "note", "roll 8 changed")


def test_who_has_a_token_is_told_the_role_here_and_on_the_wire(client, rig):
    found = client.get(f"{API}/me", headers=headed(rig, Role.LEAD)).json()
    assert found == {"mode": "simulated", "name": "lead", "role": "lead", "wire_role": "operator"}


def test_a_token_that_is_withdrawn_is_known_no_more_and_a_spoiled_file_lets_nobody_in(client, rig):
    text = rig.token_file.read_text()
    try:
        remove_token(rig.token_file, "viewer")
        assert client.get(f"{API}/status", headers=headed(rig, Role.VIEWER)).status_code == 401
        rig.token_file.write_text("[[token]]\nname = 7\n")
        answer = client.get(f"{API}/status", headers=headed(rig, Role.ADMIN))
        assert answer.status_code == 503 and "token file cannot be used" in answer.json()["problem"]
    finally:
        rig.token_file.write_text(text)
        os.utime(rig.token_file, ns=(1, 1))  # another time than what was read, whatever the file system's clock
    assert client.get(f"{API}/status", headers=headed(rig, Role.VIEWER)).status_code == 200


def test_metrics_name_the_mode_and_leave_stale_numbers_out(client, rig):
    text = client.get("/metrics", headers=headed(rig, Role.VIEWER)).text
    assert 'spinline_up{mode="simulated"} 1' in text
    assert 'spinline_number{mode="simulated",tag="melt.Z1.pv",unit="degC"}' in text
    assert client.get("/metrics").status_code == 401


def test_events_begin_with_the_newest_and_end_after_the_count(client, rig):
    with client.stream("GET", f"{API}/events?count=2", headers=headed(rig, Role.VIEWER)) as answer:
        text = "".join(answer.iter_text())
    told = [json.loads(line[6:]) for line in text.splitlines() if line.startswith("data: ")]
    assert len(told) == 2 and told[0]["status"]["mode"] == "simulated"
    assert told[0]["status"]["at_us"] < told[1]["status"]["at_us"]
    assert told[1]["values"]["melt.Z1.pv"]["unit"] == "degC"
    assert rig.core.feed.readers_n == 0


def test_a_slow_reader_loses_the_oldest_is_told_how_many_and_never_holds_up_the_loop():
    async def slow() -> tuple[list[str], int]:
        feed = Feed()
        reader = feed.open()
        assert reader is not None
        for i in range(WAITING_N_MAX + 7):
            feed.publish(str(i))  # returns at once although nobody reads
        return await reader.take(1.0)

    texts, dropped_n = in_event_loop(slow())
    assert dropped_n == 7
    assert texts == [str(i) for i in range(7, WAITING_N_MAX + 7)]


def test_a_reader_too_many_is_refused_and_one_that_leaves_makes_room():
    async def crowd() -> None:
        feed = Feed()
        readers = [feed.open() for _ in range(READERS_N_MAX)]
        assert all(readers) and feed.open() is None
        assert readers[0] is not None
        feed.close(readers[0])
        assert feed.open() is not None

    in_event_loop(crowd())


def number_of(client, rig, tag):
    return client.get(f"{API}/values", headers=headed(rig, Role.VIEWER)).json()["values"][tag]["number"]


def test_a_number_that_is_set_moves_the_setpoint_of_its_node_and_is_in_the_record_with_before_after_who_and_why(
    running, client_of_running
):
    rig, client = running, client_of_running
    assert number_of(client, rig, "bath.QUENCH.sp") == 40.0
    body = {"tag": "quench.quench_temperature_C", "value": "42", "why": "a clearer fiber"}
    answer = order(client, rig, Role.OPERATOR, "set", body)
    assert answer.status_code == 200, answer.json()
    assert (answer.json()["what"], answer.json()["who"], answer.json()["state"]) == ("set", "operator", "RUNNING")
    assert wait(lambda: number_of(client, rig, "bath.QUENCH.sp") == 42.0), "the node's own setpoint"
    told = client.get(f"{API}/actions", headers=headed(rig, Role.VIEWER)).json()["actions"]
    keys = ("who", "what", "why", "old", "new")
    (shown,) = [tuple(one[key] for key in keys) for one in told if one["what"].startswith("set ")]
    assert shown == ("operator", "set quench.quench_temperature_C", "a clearer fiber", "40", "42")
    with reading(Path(rig.journal.path)) as connection:
        rows = fetch(connection, "SELECT who, what, why, old_value, new_value FROM action WHERE what LIKE 'set %'")
        sent = fetch(connection, "SELECT node, outcome FROM \"order\" WHERE what LIKE 'SET_SETPOINT%'")
    assert rows == [shown] and sent == [("bath", "done")], "what was answered is on the disk"


def test_nobody_resumes_blindly(rig, client):
    """The last test of this file: it starts the line, then its supervision is lost and found again."""
    assert order(client, rig, Role.OPERATOR, "start").status_code == 200
    assert wait(lambda: rig.core.latest.status["state"] == "PREPARING")
    rig.bench.pull_cable("melt", True)
    assert wait(lambda: rig.core.latest.status["state"] == "UNSUPERVISED")
    rig.bench.pull_cable("melt", False)
    assert wait(lambda: all(node["answers"] for node in rig.core.latest.status["nodes"]))

    blind = order(client, rig, Role.OPERATOR, "resume", {"shown": "0" * 12})
    assert blind.status_code == 409 and "was not shown" in blind.json()["problem"]
    shown = client.get(f"{API}/resume", headers=headed(rig, Role.OPERATOR)).json()
    assert shown["state"] == "UNSUPERVISED" and 100 < shown["temperatures"]["melt.Z1.pv"] < 140
    assert {node["name"] for node in shown["nodes"]} == {"melt", "bath", "draw"}
    assert client.get(f"{API}/resume", headers=headed(rig, Role.VIEWER)).status_code == 403
    answer = order(client, rig, Role.OPERATOR, "resume", {"shown": shown["shown"], "why": "cable is back"})
    assert answer.status_code == 200 and answer.json()["state"] in ("RESTARTING", "PREPARING")
    resumed = rig.core.latest.actions["actions"][-1]
    assert resumed["what"] == "resume" and f"shown {shown['shown']}" in resumed["why"] and "melt.Z1" in resumed["why"]

    again = order(client, rig, Role.OPERATOR, "resume", {"shown": shown["shown"]})
    assert again.status_code == 409, "what was shown was of another time"
