"""What `spinline flash` judges and keeps: bundles, rules, who is meant, record, label, the technician's page."""

from __future__ import annotations

import re
import termios
import zipfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spinline.edges import flash_record
from spinline.edges.bundle import BoardPart, read_bundle, write_bundle
from spinline.edges.flash_label import label_svg
from spinline.edges.flash_targets import choose
from spinline.edges.found_boards import Found, Place, claim
from spinline.edges.link_line import PseudoPort
from spinline.edges.rescue import PromptIdentity
from spinline.edges.serial_port import SerialPort
from spinline.edges.signing import load_public_key, load_secret_key, new_release_key
from spinline.edges.site import Site, note_controller
from spinline.errors import BadFile
from spinline.line.board_line import Seen
from spinline.line.firmware_image import FirmwareImage, SlotFile
from spinline.line.flash_messages import MESSAGES, FlashStopped
from spinline.line.flash_rules import Readings, judge_firmware, judge_readings
from spinline.line.update import judge_state
from spinline_protocol.states import IDLE, STATES

PAGE = Path(__file__).parents[2] / "tools" / "FLASHING.md"
ROOT_FILES = {"boot.py": b"boot", "main.py": b"main", "board.py": b"NAME"}
IMAGE = FirmwareImage("pico", {"app.mpy": SlotFile("0" * 64, b"M\x06"), "p/b.mpy": SlotFile("1" * 64, b"b")}, "1.2.3")
PARTS = {"pico": BoardPart("rp2", "armv6m", IMAGE, ROOT_FILES)}
SEEN = Seen(b"12345678", "ab" * 32, bytes(32), IDLE, "pico", "1.25.0", "1.2.3", "a")


def stopped_by(code: str) -> pytest.RaisesExc[FlashStopped]:
    return pytest.RaisesExc(FlashStopped, check=lambda error: error.code == code)


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    new_release_key(tmp_path / "release")
    return tmp_path / "release"


def public(keys: Path) -> bytes:
    return load_public_key(keys.with_name("release.pub"))


def test_equal_releases_are_equal_files_and_come_back_whole(keys: Path, tmp_path: Path) -> None:
    for name in ("one.zip", "two.zip"):
        write_bundle(tmp_path / name, "1.2.3", PARTS, load_secret_key(keys))
    assert (tmp_path / "one.zip").read_bytes() == (tmp_path / "two.zip").read_bytes()
    read = read_bundle(tmp_path / "one.zip", public(keys))
    assert (read.version, read.boards) == ("1.2.3", PARTS)


@settings(max_examples=40)
@given(at=st.integers(0, 10**6), bit=st.integers(0, 7))
def test_no_changed_bit_gets_past_signature_and_hashes(
    tmp_path_factory: pytest.TempPathFactory, at: int, bit: int
) -> None:
    folder = tmp_path_factory.mktemp("bundle")
    new_release_key(folder / "release")
    file = folder / "one.zip"
    write_bundle(file, "1.2.3", PARTS, load_secret_key(folder / "release"))
    octets = bytearray(file.read_bytes())
    octets[at % len(octets)] ^= 1 << bit
    file.write_bytes(octets)
    try:
        read = read_bundle(file, public(folder / "release"))
    except FlashStopped as error:
        assert error.code in ("corrupt", "signature")
    else:
        assert (read.version, read.boards) == ("1.2.3", PARTS), "a bit of the zip that says nothing"


@settings(max_examples=40)
@given(cut=st.integers(0, 10**6))
def test_a_bundle_that_was_cut_is_refused(tmp_path_factory: pytest.TempPathFactory, cut: int) -> None:
    folder = tmp_path_factory.mktemp("bundle")
    new_release_key(folder / "release")
    file = folder / "one.zip"
    write_bundle(file, "1.2.3", PARTS, load_secret_key(folder / "release"))
    octets = file.read_bytes()
    file.write_bytes(octets[: cut % len(octets)])
    with stopped_by("corrupt"):
        read_bundle(file, public(folder / "release"))


def test_another_key_and_files_beside_the_manifest_are_refused(keys: Path, tmp_path: Path) -> None:
    file = tmp_path / "one.zip"
    write_bundle(file, "1.2.3", PARTS, load_secret_key(keys))
    with stopped_by("signature"):
        read_bundle(file, bytes(range(32)))
    with zipfile.ZipFile(file, "a") as archive:
        archive.writestr("pico/a/more.mpy", b"more")
    with stopped_by("corrupt"):
        read_bundle(file, public(keys))


def test_a_release_key_is_never_overwritten_and_a_wrong_one_is_named(keys: Path, tmp_path: Path) -> None:
    with pytest.raises(BadFile, match="not overwritten"):
        new_release_key(keys)
    (tmp_path / "bad").write_text("12")
    with pytest.raises(BadFile, match="is no public key: 64 hexadecimal digits"):
        load_public_key(tmp_path / "bad")


@pytest.mark.parametrize("state", [i for i in range(len(STATES)) if i != IDLE])
def test_a_node_that_does_not_rest_is_refused(state: int) -> None:
    with pytest.raises(FlashStopped) as refused:
        judge_state("melt", state)
    assert refused.value.exit == 10 and STATES[state] in str(refused.value)


@pytest.mark.parametrize(
    ("code", "board", "interpreter", "running"),
    [
        ("wrong-board", "esp32", "1.25.0", ""),
        ("micropython", "pico", "1.22.2", ""),
        ("micropython", "pico", "?", ""),
        ("downgrade", "pico", "1.25.0", "1.10.0"),
    ],
)
def test_a_firmware_that_is_not_for_the_board_is_refused(code: str, board: str, interpreter: str, running: str) -> None:
    seen = Seen(b"1", "ab", bytes(32), IDLE, board, interpreter)
    with stopped_by(code):
        judge_firmware("melt", seen, running, "1.9.0", ("pico",), "1.23.0", False)


def test_an_older_version_is_taken_when_it_is_asked_for() -> None:
    judge_firmware("melt", SEEN, "2.0.0", "1.9.0", ("pico",), "1.23.0", True)


@pytest.mark.parametrize(
    ("code", "readings"),
    [
        ("outputs-on", Readings({"melt.Z1.pv": 20.0}, (), ("melt.Z1.out",))),
        ("hot", Readings({"melt.Z1.pv": 20.0, "melt.Z2.pv": 60.1}, (), ())),
        ("hot", Readings({"melt.Z2.pv": 190.0}, ("melt.Z1.pv",), ())),
        ("blind", Readings({"melt.Z2.pv": 20.0}, ("melt.Z1.pv",), ())),
    ],
)
def test_a_line_that_is_driven_hot_or_unseen_is_refused(code: str, readings: Readings) -> None:
    with stopped_by(code):
        judge_readings("melt", readings)
    judge_readings("melt", Readings({"melt.Z1.pv": 60.0}, (), ()))


def site(folder: Path) -> Site:
    configurations: dict[str, object] = {"melt": None, "bath": None}
    return Site("R1", configurations, b"", b"", folder, folder / "controllers.toml", None)  # type: ignore[arg-type]


def running(device_id: bytes, usb_serial: str = "") -> Found:
    return Found(Place("/dev/x", usb_serial), {"device_id": device_id})


def test_boards_are_told_apart_by_their_ids_and_strangers_are_refused(tmp_path: Path) -> None:
    here = site(tmp_path)
    note_controller(here.controllers, "melt", "01", "A")
    note_controller(here.controllers, "bath", "02", "B")
    both = [running(b"\x02"), running(b"\x01")]
    assert [target.name for target in choose(here, both, "all", False)] == ["melt", "bath"]
    assert [target.name for target in choose(here, both[:1], "bath", False)] == ["bath"]
    empty = Found(Place("/dev/y", "A"), prompt=True)
    assert [target.empty for target in choose(here, [both[0], empty], "all", False)] == [True, False]
    for found, controller, code in [
        (both[:1], "all", "not-found"),
        ([*both, running(b"\x03")], "all", "unknown-board"),
        ([*both, Found(Place("/dev/y"), prompt=True)], "all", "empty-board"),
        ([running(b"\x03")], "melt", "name-taken"),
        ([running(b"\x03"), running(b"\x04")], "melt", "which-board"),
        ([], "melt", "not-found"),
        ([], "draw", "no-controller"),
    ]:
        with stopped_by(code):
            choose(here, found, controller, False)
    assert choose(here, [running(b"\x03")], "melt", True)[0].new


def test_no_boards_at_all_and_a_busy_port_are_told(tmp_path: Path) -> None:
    here = site(tmp_path)
    with stopped_by("no-boards"):
        choose(here, [], "all", False)
    busy = FlashStopped("port-busy", port="/dev/x", who="cat (process 7)")
    with stopped_by("port-busy"):
        choose(here, [Found(Place("/dev/x"), problem=busy)], "melt", False)


@pytest.mark.parametrize("changed", [0, 1])
def test_a_changed_record_is_told_by_its_line_and_versions_are_still_read(tmp_path: Path, changed: int) -> None:
    for version in ("1.0.0", "1.1.0", "1.2.0"):
        flash_record.append(tmp_path, {"version": version, "firmware_sha256": version})
    assert flash_record.problem_of(tmp_path) == ""
    file = tmp_path / flash_record.FILE
    lines = file.read_bytes().splitlines(keepends=True)
    lines[changed] = lines[changed].replace(b'"version": "1', b'"version": "7')
    file.write_bytes(b"".join(lines))
    assert f"line {changed + 2} does not follow line {changed + 1}" in flash_record.problem_of(tmp_path)
    assert flash_record.version_of(tmp_path, "1.2.0") == "1.2.0"


def test_a_torn_record_is_told_and_does_not_keep_the_next_flash_from_being_recorded(tmp_path: Path) -> None:
    flash_record.append(tmp_path, {"version": "1.0.0"})
    file = tmp_path / flash_record.FILE
    file.write_bytes(file.read_bytes() + b'{"n": 2, "at"')
    assert "line 2 was torn" in flash_record.problem_of(tmp_path)
    flash_record.judge_end(tmp_path)
    assert flash_record.append(tmp_path, {"version": "1.1.0"})["torn_bytes"] == len(b'{"n": 2, "at"')
    assert flash_record.problem_of(tmp_path) == ""


def test_a_last_line_that_is_no_record_is_told_before_a_board_is_touched(tmp_path: Path) -> None:
    assert flash_record.problem_of(tmp_path) == "" and flash_record.entries_of(tmp_path) == []
    flash_record.judge_end(tmp_path)
    (tmp_path / flash_record.FILE).write_text("nonsense\n")
    with stopped_by("no-record"):
        flash_record.judge_end(tmp_path)
    with stopped_by("no-record"):
        flash_record.append(tmp_path, {"version": "1.1.0"})


def test_a_label_has_line_controller_version_hash_day_and_a_code() -> None:
    label = label_svg("Line <1>", "melt", "1.2.3", "deadbeef" * 8, "2026-11-23", "0011")
    for words in ("Line &lt;1&gt;", "melt", "version 1.2.3", "deadbeef  2026-11-23", "<path", 'width="62mm"'):
        assert words in label


def test_an_arm_takes_machine_code_of_a_smaller_one_only() -> None:
    pico2 = PromptIdentity("rp2", b"", "armv7emsp", "1.25.0")
    others = ("armv6m", "armv7em", "armv7emsp", "armv7emdp", "x86")
    assert [one for one in others if pico2.loads(one)] == list(others[:3])


def test_the_technicians_page_has_every_message_as_it_is_said() -> None:
    rows = re.findall(r"^\| ([a-z-]+) \| (.*) \| (.*) \| (\d+) \|$", PAGE.read_text(), re.MULTILINE)
    assert rows == [(code, m.sentence, m.action, str(m.exit)) for code, m in MESSAGES.items()]


def test_every_message_is_said_somewhere() -> None:
    folder = Path(__file__).parents[1] / "spinline"
    texts = "".join(file.read_text() for file in folder.rglob("*.py") if file.stem != "flash_messages")
    assert [code for code in MESSAGES if f'"{code}"' not in texts] == []


def test_a_port_is_opened_with_both_lines_alike_and_they_stay_when_it_is_closed() -> None:
    pseudo = PseudoPort()
    port = SerialPort(pseudo.name)
    try:
        assert port.read() == b"" and not port.problem
        assert port._port is not None and port._port.dtr == port._port.rts
        assert not termios.tcgetattr(port._port.fileno())[2] & termios.HUPCL
    finally:
        port.close()
        pseudo.close()


def test_a_name_whose_device_is_gone_is_told_as_that_and_not_as_a_right_that_is_missing(tmp_path):
    (tmp_path / "usb-melt").symlink_to(tmp_path / "gone")
    with pytest.raises(FlashStopped) as stopped:
        claim(str(tmp_path / "usb-melt"))
    assert stopped.value.code == "no-device" and "is a name without a device behind it" in str(stopped.value)
