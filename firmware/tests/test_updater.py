"""The other slot is built from what is staged and what runs, verified on the board, and never half (SPEC 7.3)."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hil_tests.bench.board_files import lay_files
from hil_tests.bench.flash_sweep import KEY, firmware
from spinline.line.firmware_image import FirmwareImage
from spinline_firmware.drivers.slot_files import MANIFEST, SlotFiles, other
from spinline_firmware.drivers.staging import CONTENT
from spinline_firmware.updater import PIECE_BYTES, PIECES_N, Updater
from spinline_protocol import errors
from spinline_protocol.states import IDLE
from spinline_protocol.states import STATES as ALL_STATES

OLD_FILES = {"pack/one.mpy": b"1" * 700, "pack/two.mpy": b"2" * 5000, "three.mpy": b"3"}
NEW_FILES = {**OLD_FILES, "pack/two.mpy": b"two" * 3000, "pack/four.mpy": b"", "deep/er/five.mpy": b"5"}
OLD, NEW = firmware(OLD_FILES), firmware(NEW_FILES)
LARGEST = PIECE_BYTES * PIECES_N
contents = st.binary(max_size=1500)
paths = st.sampled_from(["one.mpy", "two.mpy", "pack/one.mpy", "pack/two.mpy", "pack/deep/one.mpy"])


class Answers:
    """A link that keeps what was answered and how far it was."""

    def __init__(self) -> None:
        self.code: tuple[int, int] | None = None
        self.progress_n = 0

    def progress(self, _sequence: int, _done: int, _total: int) -> None:
        self.progress_n += 1

    def answer_code(self, _sequence: int, code: int, got: int = 0) -> None:
        self.code = (code, got)


def board(folder: Path, image: FirmwareImage = OLD) -> Updater:
    """A board that runs a firmware in slot a."""
    lay_files(image, folder)
    return Updater("a", "board", f"{folder}/")


def applied(updater: Updater, folder: Path, staged: bytes, proof: bytes, key: bytes = KEY) -> tuple[int, int]:
    """What an order to build is answered, in the end."""
    (folder / CONTENT).write_bytes(staged)
    answers = Answers()
    updater.begin(answers, 1, IDLE, key, proof)
    while answers.code is None:
        updater.scan(answers, IDLE)
    return answers.code


def files_of(folder: Path, slot: str) -> dict[str, bytes]:
    """Every file of a slot but the manifest."""
    names = SlotFiles(f"{folder}/").names(slot)
    return {name: (folder / slot / name).read_bytes() for name in names if name != MANIFEST}


def test_only_changed_files_are_staged_and_the_slot_is_whole(tmp_path: Path) -> None:
    updater = board(tmp_path)
    staged = NEW.staged(OLD.marks())
    assert len(staged) < len(NEW.manifest) + 9200
    assert applied(updater, tmp_path, staged, NEW.proof(KEY)) == (errors.OK, 0)
    assert files_of(tmp_path, "b") == NEW_FILES
    assert (tmp_path / "b" / MANIFEST).read_bytes() == NEW.manifest
    assert files_of(tmp_path, "a") == OLD_FILES


@given(
    st.dictionaries(paths, contents, min_size=1),
    st.dictionaries(paths, contents, min_size=1),
    st.dictionaries(paths, contents),
)
def test_whatever_stands_in_the_other_slot_it_becomes_the_new_firmware(
    tmp_path_factory: pytest.TempPathFactory,
    old: dict[str, bytes],
    new: dict[str, bytes],
    left: dict[str, bytes],
) -> None:
    folder = tmp_path_factory.mktemp("board")
    updater = board(folder, firmware(old))
    for name, octets in left.items():
        (folder / "b" / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / "b" / name).write_bytes(octets)
    target = firmware(new)
    assert applied(updater, folder, target.staged(firmware(old).marks()), target.proof(KEY)) == (errors.OK, 0)
    assert files_of(folder, "b") == new


def test_an_order_to_build_from_nothing_is_answered_so_and_costs_the_other_slot_nothing(tmp_path: Path) -> None:
    updater = board(tmp_path)
    assert applied(updater, tmp_path, NEW.staged(OLD.marks()), NEW.proof(KEY))[0] == errors.OK
    (tmp_path / CONTENT).unlink()
    answers = Answers()
    updater.begin(answers, 1, IDLE, KEY, NEW.proof(KEY))
    while answers.code is None:
        updater.scan(answers, IDLE)
    assert answers.code == (errors.GONE, 0)
    assert updater.other_sha256().hex() == NEW.firmware_sha256
    assert applied(updater, tmp_path, NEW.staged(OLD.marks()), b"forged")[0] == errors.AUTHENTICATION
    assert updater.other_sha256().hex() == NEW.firmware_sha256


def test_a_scan_touches_at_most_four_kilobytes(tmp_path: Path) -> None:
    large = firmware({"large.mpy": bytes(10 * LARGEST)})
    updater = board(tmp_path, large)
    answers = Answers()
    (tmp_path / CONTENT).write_bytes(large.staged(large.marks()))
    updater.begin(answers, 1, IDLE, KEY, large.proof(KEY))
    while answers.code is None:
        updater.scan(answers, IDLE)
    assert answers.progress_n >= 2 * 10, "copied and read again"


@pytest.mark.parametrize(
    ("staged", "proof", "code"),
    [
        (NEW.staged(OLD.marks()), OLD.proof(KEY), errors.AUTHENTICATION),
        (NEW.staged(OLD.marks()), b"", errors.AUTHENTICATION),
        (NEW.staged(NEW.marks()), NEW.proof(KEY), errors.GONE),
        (NEW.staged(OLD.marks())[:-1], NEW.proof(KEY), errors.HASH),
        (NEW.staged(OLD.marks()).replace(b"two" * 3000, b"owt" * 3000), NEW.proof(KEY), errors.HASH),
        (b"", b"", errors.BAD_ARGUMENTS),
        (b"\xff" * 400, NEW.proof(KEY), errors.TOO_LARGE),
        (b"\0\0\0\x09not one\n\n", NEW.proof(KEY), errors.BAD_ARGUMENTS),
    ],
    ids=[
        "another's proof",
        "no proof",
        "files missing",
        "cut short",
        "altered",
        "empty",
        "erased flash",
        "no manifest",
    ],
)
def test_what_is_not_whole_and_proven_is_refused_and_is_no_firmware(
    tmp_path: Path, staged: bytes, proof: bytes, code: int
) -> None:
    updater = board(tmp_path)
    assert applied(updater, tmp_path, staged, proof)[0] == code
    assert updater.other_sha256() == b""
    assert updater.try_other(bytes.fromhex(NEW.firmware_sha256)) == errors.HASH
    assert files_of(tmp_path, "a") == OLD_FILES


def test_a_board_without_a_key_takes_no_firmware(tmp_path: Path) -> None:
    assert applied(board(tmp_path), tmp_path, NEW.staged(OLD.marks()), NEW.proof(KEY), b"") == (
        errors.AUTHENTICATION,
        0,
    )


def test_another_boards_firmware_is_refused(tmp_path: Path) -> None:
    board(tmp_path)
    updater = Updater("a", "another board", f"{tmp_path}/")
    assert applied(updater, tmp_path, NEW.staged(OLD.marks()), NEW.proof(KEY)) == (errors.CONFLICT, 0)


@pytest.mark.parametrize("name", ["../a/one.mpy", "/one.mpy", "one.py", "on,e.mpy", "ONE.mpy"])
def test_no_path_leads_out_of_the_slot(tmp_path: Path, name: str) -> None:
    evil = firmware({name: b"1"})
    assert applied(board(tmp_path), tmp_path, evil.staged(OLD.marks()), evil.proof(KEY)) == (errors.BAD_ARGUMENTS, 1)
    assert files_of(tmp_path, "a") == OLD_FILES


@pytest.mark.parametrize("state", [i for i in range(len(ALL_STATES)) if i != IDLE])
def test_nothing_is_built_but_in_idle(tmp_path: Path, state: int) -> None:
    updater = board(tmp_path)
    (tmp_path / CONTENT).write_bytes(NEW.staged(OLD.marks()))
    answers = Answers()
    updater.begin(answers, 1, state, KEY, NEW.proof(KEY))
    assert answers.code == (errors.STATE, state)
    answers.code = None
    updater.begin(answers, 1, IDLE, KEY, NEW.proof(KEY))
    updater.scan(answers, IDLE)
    updater.scan(answers, state)
    assert answers.code == (errors.STATE, state), "the line began to move"
    assert updater.other_sha256() == b""


def test_a_second_order_waits_and_a_lost_session_ends_the_first(tmp_path: Path) -> None:
    updater = board(tmp_path)
    (tmp_path / CONTENT).write_bytes(NEW.staged(OLD.marks()))
    answers = Answers()
    updater.begin(answers, 1, IDLE, KEY, NEW.proof(KEY))
    updater.begin(answers, 2, IDLE, KEY, NEW.proof(KEY))
    assert answers.code == (errors.BUSY, 0)
    updater.stop()
    answers.code = None
    updater.scan(answers, IDLE)
    assert answers.code is None
    assert applied(updater, tmp_path, NEW.staged(OLD.marks()), NEW.proof(KEY)) == (errors.OK, 0)


def test_the_other_slot_is_tried_once_and_kept_when_it_is_confirmed(tmp_path: Path) -> None:
    updater = board(tmp_path)
    applied(updater, tmp_path, NEW.staged(OLD.marks()), NEW.proof(KEY))
    assert updater.try_other(bytes.fromhex(OLD.firmware_sha256)) == errors.HASH
    assert not (tmp_path / "select.txt").exists()
    assert updater.try_other(bytes.fromhex(NEW.firmware_sha256)) == errors.OK
    assert (tmp_path / "select.txt").read_text() == "a b 1\n"
    Updater(other("a"), "board", f"{tmp_path}/").confirm()
    assert (tmp_path / "select.txt").read_text() == "b - 0\n"


def test_a_full_file_system_is_told_and_leaves_no_firmware(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    updater = board(tmp_path)
    full = OSError(28, os.strerror(28))
    monkeypatch.setattr(updater.files, "make_room", lambda *_given: (_ for _ in ()).throw(full))
    assert applied(updater, tmp_path, NEW.staged(OLD.marks()), NEW.proof(KEY))[0] == errors.TOO_LARGE
    assert updater.other_sha256() == b""
