"""The site key's file and the `keys` command: made once, for its owner only, refused with a reason, never shown."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from typer.testing import CliRunner

from spinline import cli
from spinline.edges import keys
from spinline.errors import BadFile


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "site.key"


def refusal(path: Path) -> str:
    with pytest.raises(BadFile) as refused:
        keys.load_key_file(path)
    assert str(path) in str(refused.value)
    return str(refused.value)


def test_a_new_key_is_fresh_has_32_bytes_and_is_its_owners_only(file: Path, tmp_path: Path) -> None:
    key = keys.new_key_file(file)
    assert len(key) == 32 and keys.load_key_file(file) == key
    assert file.stat().st_mode & 0o777 == 0o600
    assert keys.new_key_file(tmp_path / "other.key") != key


def test_a_key_is_never_overwritten(file: Path) -> None:
    key = keys.new_key_file(file)
    with pytest.raises(BadFile, match="not overwritten"):
        keys.new_key_file(file)
    assert keys.load_key_file(file) == key


def test_a_key_that_cannot_be_made_names_the_file(tmp_path: Path) -> None:
    with pytest.raises(BadFile, match=r"missing/site\.key: cannot be made: No such file"):
        keys.new_key_file(tmp_path / "missing" / "site.key")


@pytest.mark.skipif(os.name != "posix", reason="modes of files are POSIX")
@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o660, 0o601])
def test_a_key_that_others_can_use_is_refused(file: Path, mode: int) -> None:
    keys.new_key_file(file)
    file.chmod(mode)
    assert f"mode {mode:03o}" in refusal(file) and "chmod 600" in refusal(file)


@pytest.mark.parametrize("text", ["", "00", "00" * 31, "00" * 33, "00" * 2000])
def test_a_key_of_another_length_is_refused(file: Path, text: str) -> None:
    keys.new_key_file(file)
    file.write_text(text)
    assert "a site key has 32" in refusal(file)


@pytest.mark.parametrize("octets", [b"\xff" * 32, b"key" * 20, b"0" * 63])
def test_what_is_no_key_is_refused(file: Path, octets: bytes) -> None:
    keys.new_key_file(file)
    file.write_bytes(octets)
    assert "64 hexadecimal digits expected" in refusal(file)


def test_a_file_that_is_not_there_or_is_a_folder_is_refused(file: Path, tmp_path: Path) -> None:
    assert "No such file" in refusal(file)
    assert "cannot be read" in refusal(tmp_path)


def test_a_fingerprint_tells_keys_apart_and_shows_none_of_them() -> None:
    one, other = bytes(32), bytes(31) + b"\x01"
    assert keys.fingerprint(one) == keys.fingerprint(bytes(32)) != keys.fingerprint(other)
    assert len(keys.fingerprint(one)) == 16 and keys.fingerprint(one) not in one.hex()


def test_the_command_makes_and_shows_a_key_by_its_fingerprint_only(file: Path) -> None:
    made = CliRunner().invoke(cli.app, ["keys", "new", str(file)])
    shown = CliRunner().invoke(cli.app, ["keys", "show", str(file)])
    key = keys.load_key_file(file)
    assert made.exit_code == shown.exit_code == 0
    for output in (made.output, shown.output):
        assert keys.fingerprint(key) in output and key.hex() not in output


def test_the_command_says_why_it_refuses(file: Path) -> None:
    for arguments in (["keys", "show", str(file)], ["keys", "new", str(file / "site.key")]):
        refused = CliRunner().invoke(cli.app, arguments)
        assert refused.exit_code == 2 and f"refused: {file}" in refused.output and "Traceback" not in refused.output
