"""The parts of the service without a line: tokens, what systemd is told, which journal, which ports."""

import os
import socket
import stat
from pathlib import Path

import pytest
from rich.console import Console

from spinline.edges.client import Client, ClientModel, NoAnswer, read_client, write_client
from spinline.edges.serve_cli import of_site
from spinline.edges.service_view import temperatures_view
from spinline.edges.site import note_controller
from spinline.errors import BadFile, BadInput, Refused
from spinline.line.line_mode import BENCH, LINE, MODES, SIMULATED, mode_problem, shown_mode
from spinline.recipe.line_model import load_line
from spinline.record.journal import Batch, Journal
from spinline.service.batches import CURRENT, Batches, ports_of
from spinline.service.notify import READY, STOPPING, WATCHDOG, Notifier
from spinline.service.resuming import SHOWN_US_MAX, Shown
from spinline.service.snapshot import Snapshot
from spinline.service.tokens import Doorkeeper, Role, add_token, read_tokens, remove_token

AT_US = 1_790_000_000_000_000
NODES = ["melt", "bath", "draw"]
LINE_R1 = load_line(Path(__file__).resolve().parents[2] / "lines" / "r1.toml")


def made(**other) -> Batch:
    given = {"name": "R1-1", "recipe": "R1", "recipe_version": 1, "recipe_sha256": "a" * 64, "line": "r1"}
    given |= {"line_sha256": "b" * 64, "mode": "simulated", "started_us": AT_US}
    return Batch(**(given | other))


def test_a_token_is_in_its_file_as_a_hash_only_and_the_file_is_its_owners(tmp_path):
    path = tmp_path / "tokens.toml"
    secret = add_token(path, "ada", Role.OPERATOR)
    assert secret not in path.read_text() and len(secret) >= 43
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    found = Doorkeeper(path).known(secret)
    assert found is not None and (found.name, found.role) == ("ada", Role.OPERATOR)
    assert Doorkeeper(path).known(secret + "x") is None and Doorkeeper(path).known("") is None


def test_a_name_has_one_token_and_one_that_is_withdrawn_is_known_no_more(tmp_path):
    path = tmp_path / "tokens.toml"
    secret = add_token(path, "ada", Role.VIEWER)
    with pytest.raises(BadFile, match="ada has a token already"):
        add_token(path, "ada", Role.ADMIN)
    with pytest.raises(BadFile, match="bob has no token .there are: ada"):
        remove_token(path, "bob")
    keeper = Doorkeeper(path)
    remove_token(path, "ada")
    assert keeper.known(secret) is None


@pytest.mark.parametrize("name", ["", " ada", "a\nb", 'a"b', "x" * 65])
def test_a_name_that_would_not_stand_in_a_record_is_refused(tmp_path, name):
    with pytest.raises(BadFile, match="name"):
        add_token(tmp_path / "tokens.toml", name, Role.VIEWER)
    assert not (tmp_path / "tokens.toml").exists()


@pytest.mark.parametrize(
    ("text", "mode", "says"),
    [
        ("", 0o644, "mode 644 lets others use the tokens"),
        ("[[token]]\nname = 'a'\nrole = 'boss'\nsha256 = '" + "0" * 64 + "'\n", 0o600, "role"),
        ("[[token]]\nname = 'a'\nrole = 'lead'\nsha256 = 'secret'\n", 0o600, "sha256"),
        ("[[token]]\nname = 'a'\nrole = 'lead'\nkey = 1\nsha256 = '" + "0" * 64 + "'\n", 0o600, "key"),
        (("[[token]]\nname = 'a'\nrole = 'lead'\nsha256 = '" + "0" * 64 + "'\n") * 2, 0o600, "a stands twice"),
    ],
)
def test_a_token_file_that_is_wrong_is_refused_whole(tmp_path, text, mode, says):
    path = tmp_path / "tokens.toml"
    path.write_text(text)
    path.chmod(mode)
    with pytest.raises(BadFile, match=says):
        read_tokens(path)


def test_a_client_file_is_its_owners_and_is_not_overwritten(tmp_path):
    path = tmp_path / "client.toml"
    model = ClientModel(url="http://127.0.0.1:1", token="t" * 43)
    write_client(path, model)
    assert read_client(path) == model and stat.S_IMODE(path.stat().st_mode) == 0o600
    with pytest.raises(BadFile, match="another person's token"):
        write_client(path, model)
    path.chmod(0o640)
    with pytest.raises(BadFile, match="mode 640"):
        read_client(path)


@pytest.mark.wall
def test_a_service_that_is_not_there_is_told_in_a_sentence():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with pytest.raises(NoAnswer, match=f"http://127.0.0.1:{port} does not answer"):
        Client(ClientModel(url=f"http://127.0.0.1:{port}", token="t" * 43)).get("status")


@pytest.mark.parametrize("kind", ["file", "abstract"])
def test_systemd_is_told_by_a_datagram(tmp_path, kind):
    name = str(tmp_path / "notify") if kind == "file" else f"@spinline-test-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind("\0" + name[1:] if kind == "abstract" else name)
        notifier = Notifier({"NOTIFY_SOCKET": name})
        notifier.tell(READY, WATCHDOG)
        notifier.tell(STOPPING)
        assert systemd.recv(100) == b"READY=1\nWATCHDOG=1"
        assert systemd.recv(100) == b"STOPPING=1"
        notifier.close()


def test_a_systemd_that_does_not_listen_stops_nobody(tmp_path):
    name = str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(name)
        notifier = Notifier({"NOTIFY_SOCKET": name})
        for _ in range(10_000):
            notifier.tell(WATCHDOG)  # its queue is full long before
    notifier.tell(WATCHDOG)  # gone
    notifier.close()
    Notifier({}).tell(READY)


def test_a_batch_under_way_is_gone_on_with_and_one_that_is_over_is_not(tmp_path):
    batches = Batches(tmp_path)
    journal, kept, newest_us = batches.open(made())
    assert newest_us == 0 and (tmp_path / CURRENT).read_text() == "R1-1.sqlite\n"
    journal.add_batch_state(AT_US + 5, "RUNNING", "threaded")
    journal.add_action(AT_US + 7, "ada", "note", "roll 7", None, None)
    journal.commit()
    journal.close()

    journal, kept, newest_us = Batches(tmp_path).open(made(name="R1-2", started_us=AT_US + 9))
    assert (kept.batch.name, newest_us) == ("R1-1", AT_US + 7)
    assert [stage["state"] for stage in kept.course] == ["RUNNING"] and kept.actions[0]["why"] == "roll 7"
    journal.add_batch_state(AT_US + 10, "STOPPED", "all stopped")
    journal.commit()
    journal.close()

    journal, kept, newest_us = Batches(tmp_path).open(made(name="R1-3"))
    assert (kept.batch.name, newest_us) == ("R1-3", 0)
    journal.close()


@pytest.mark.parametrize(
    ("other", "says"),
    [
        ({"mode": "line"}, "its mode is simulated, not line"),
        ({"recipe_sha256": "c" * 64}, "its recipe is R1 aaaaaaaaaaaa, not R1 cccccccccccc"),
        ({"line_sha256": "c" * 64}, "its line is r1 bbbbbbbbbbbb, not r1 cccccccccccc"),
    ],
)
def test_a_batch_under_way_is_not_gone_on_with_as_another_one(tmp_path, other, says):
    journal, _kept, _newest_us = Batches(tmp_path).open(made())
    journal.add_batch_state(AT_US + 5, "RUNNING", "threaded")
    journal.commit()
    journal.close()
    with pytest.raises(BadFile, match=says):
        Batches(tmp_path).open(made(name="R1-2", **other))
    Journal.open(tmp_path / "R1-1.sqlite").close()  # it was let go


def test_a_batch_that_never_began_gives_way_to_another(tmp_path):
    Batches(tmp_path).open(made())[0].close()
    journal, kept, _newest_us = Batches(tmp_path).open(made(name="R1-2", recipe_sha256="c" * 64))
    assert kept.batch.name == "R1-2"
    journal.close()


def test_a_journal_that_was_there_and_is_gone_is_never_made_anew(tmp_path):
    Batches(tmp_path).open(made())[0].close()
    (tmp_path / "R1-1.sqlite").unlink()
    with pytest.raises(BadFile, match="there is no journal here"):
        Batches(tmp_path).open(made(name="R1-2"))
    assert sorted(path.name for path in tmp_path.glob("*.sqlite")) == []


def test_a_second_service_on_a_journal_is_refused_with_program_and_number_of_the_first(tmp_path):
    journal, _kept, _newest_us = Batches(tmp_path).open(made())
    with pytest.raises(BadFile, match=rf"another program is writing this journal: \S+ \(process {os.getpid()}\)"):
        Batches(tmp_path).open(made(name="R1-2"))
    journal.close()


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        (["melt"], "--port melt: NODE=DEVICE is expected"),
        (["oven=/dev/a"], "with a node of melt, bath, draw"),
        (["melt=/dev/a", "melt=/dev/b"], "melt has /dev/a already"),
        (["melt=/dev/a", "bath=/dev/a"], "/dev/a is the port of another node already"),
        ([], "no port for draw: --port draw=DEVICE"),
    ],
)
def test_ports_that_are_wrong_are_refused_whole(lines, says):
    with pytest.raises(BadInput, match=says):
        ports_of(lines, NODES)


def test_each_node_has_its_port():
    assert ports_of(["melt=/dev/a", "bath=/dev/b", "draw=/dev/c"], NODES)["bath"] == "/dev/b"


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("port", ["linux", "rp2", "esp32", "pyboard", ""])
def test_a_simulation_is_of_mode_simulated_and_of_no_other(mode, port):
    assert (mode_problem(mode, "melt", port) == "") == ((mode == SIMULATED) == (port == "linux"))


def test_a_record_whose_nodes_were_simulations_is_shown_as_no_line():
    assert shown_mode(LINE, ["1.25.0 rp2", "1.25.0 rp2"]) == LINE
    assert shown_mode(BENCH, ["1.25.0 rp2"]) == BENCH
    assert shown_mode(LINE, ["1.25.0 rp2", "1.25.0 linux"]) == ""
    assert shown_mode(SIMULATED, ["1.25.0 linux"]) == SIMULATED
    assert shown_mode("other", []) == ""


def seen(state: str, entered_us: int, at_us: int) -> Snapshot:
    status = {"mode": "simulated", "at_us": at_us, "batch": "R1-1", "state": state, "entered_us": entered_us}
    status |= {"in_state_s": 1.0, "possible": ["resume", "stop", "abort"], "alarms": {}}
    status["nodes"] = [{"name": "melt", "answers": True, "state": "EXECUTE", "in_hold": True}]
    values = {"values": {"melt.Z1.pv": {"number": 119.96, "unit": "degC", "quality": "good"}}}
    return Snapshot(status, {}, values, {"unattended": {"seconds": 12.0}}, {})


def test_what_was_shown_holds_for_this_state_and_a_while_only():
    shown, now = Shown(), seen("UNSUPERVISED", 5, 10)
    proof = shown.show(now, {"ran": "RUNNING", "told": [], "lost": 3})["shown"]
    words = shown.words_of(proof, now.status)
    assert (
        words == f"shown {proof}: melt EXECUTE in hold; nobody supervised for 12 s; 3 scans lost; degC: melt.Z1 120.0"
    )
    with pytest.raises(Refused, match="was not shown"):
        shown.words_of("0" * 12, now.status)
    with pytest.raises(Refused, match="was of UNSUPERVISED; the line is in HELD now"):
        shown.words_of(proof, seen("HELD", 7, 11).status)
    with pytest.raises(Refused, match="the line is in UNSUPERVISED now: look again"):
        shown.words_of(proof, seen("UNSUPERVISED", 9, 11).status)
    with pytest.raises(Refused, match="s old: look again"):
        shown.words_of(proof, seen("UNSUPERVISED", 5, 11 + SHOWN_US_MAX).status)
    cold = seen("UNSUPERVISED", 5, 10)
    cold.values["values"]["melt.Z1.pv"] |= {"number": None, "quality": "none yet"}
    with pytest.raises(Refused, match="the temperatures of melt are not known yet"):
        shown.show(cold, {})
    with pytest.raises(Refused, match="resume is not possible in RUNNING"):
        shown.show(seen("RUNNING", 5, 10), {})


def test_the_temperatures_before_a_resume_stay_whole_on_a_narrow_screen(capsys):
    shown = {f"melt.Z{i}.pv": 100.0 + i for i in range(1, 9)} | {"bath.QUENCH.pv": None}
    Console(width=40).print(temperatures_view(shown))
    told = capsys.readouterr().out
    assert all(f"melt.Z{i}={100 + i}.0" in told for i in range(1, 9)) and "bath.QUENCH=----" in told


def test_a_site_file_names_what_is_not_given_and_boards_are_found_by_their_serial_numbers(tmp_path):
    for name in NODES:
        note_controller(tmp_path / "controllers.toml", name, name.encode().hex(), f"SIM-{name.upper()}-001")
        (tmp_path / "by-id").mkdir(exist_ok=True)
        (tmp_path / "by-id" / f"usb-Spinline_Simulated_SIM-{name.upper()}-001-if00-port0").touch()
    site = tmp_path / "site.toml"
    site.write_text(f'line = "l"\nrecipe = "r.toml"\nkey = "k"\nrecords = "/v"\nports = "{tmp_path / "by-id"}"\n')
    recipe, key, records, ports = of_site(site, None, None, None, None, LINE_R1)
    assert (recipe, key, records) == (tmp_path / "r.toml", tmp_path / "k", Path("/v"))
    assert {name: Path(port).name for name, port in ports.items()} == {
        name: f"usb-Spinline_Simulated_SIM-{name.upper()}-001-if00-port0" for name in NODES
    }
    assert of_site(site, tmp_path / "other", None, None, None, LINE_R1)[0] == tmp_path / "other"
    (tmp_path / "by-id" / "usb-Spinline_Simulated_SIM-BATH-001-if00-port0").unlink()
    with pytest.raises(BadInput, match="no port for bath: --port bath=DEVICE"):
        of_site(site, None, None, None, None, LINE_R1)
    with pytest.raises(BadInput, match="--key is missing: give it, or --site FILE"):
        of_site(None, tmp_path / "r", None, tmp_path / "v", None, LINE_R1)
