"""Debian's interpreter is fetched from a mirror that may be in the middle of an update; apt-get is a stand-in here."""

from pathlib import Path

import pytest

from hil_tests.bench import interpreters
from hil_tests.bench.interpreters import FetchFailed, fetch_set

APT_GET = """#!/bin/sh
work=$(dirname "$3")
suite=$(awk '{print $(NF-1)}' "$work/sources.list")
echo "$suite $4" >> "$ASKED_FILE"
case "$4" in
update)
    case "$TORN" in *$suite*) echo "E: $suite: File has unexpected size. Mirror sync in progress?" >&2; exit 100 ;; esac
    printf 'Suite: %s\\nCodename: %s\\n' "$suite" "$CODENAME" > "$work/state/lists/mirror_InRelease" ;;
download)
    touch micropython.deb ;;
esac
"""
DPKG_DEB = """#!/bin/sh
mkdir -p "$3/usr/bin" && echo program > "$3/usr/bin/micropython"
"""


@pytest.fixture
def asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine with an entry for Debian, an empty cache and the stand-ins; the file lists what apt-get was asked."""
    programs = tmp_path / "bin"
    programs.mkdir()
    for name, text in (("apt-get", APT_GET), ("dpkg-deb", DPKG_DEB)):
        (programs / name).write_text(text)
        (programs / name).chmod(0o755)
    (tmp_path / "apt").mkdir()
    (tmp_path / "apt/sources.list").write_text("deb http://deb.debian.org/debian bookworm main\n")
    monkeypatch.setattr(interpreters, "APT_FOLDER", tmp_path / "apt")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("PATH", f"{programs}:/usr/bin:/bin")
    monkeypatch.setenv("ASKED_FILE", str(tmp_path / "asked"))
    monkeypatch.setenv("TORN", "")
    monkeypatch.setenv("CODENAME", "trixie")
    return tmp_path / "asked"


def fetched() -> Path:
    return fetch_set("micropython-trixie-i386", "i386", ("download", "micropython"))


def test_a_whole_mirror_is_asked_once_and_the_cache_ever_after(asked: Path) -> None:
    root = fetched()
    assert (root / "usr/bin/micropython").read_text() == "program\n"
    assert fetched() == root
    assert asked.read_text().split("\n")[:-1] == ["trixie update", "trixie download"]


def test_a_release_torn_under_one_name_is_taken_whole_under_the_other(
    asked: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TORN", "trixie")
    assert (fetched() / "usr/bin/micropython").is_file()
    assert asked.read_text().split("\n")[:-1] == ["trixie update", "stable update", "stable download"]


def test_another_release_under_the_other_name_is_refused_and_both_reasons_are_told(
    asked: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TORN", "trixie")
    monkeypatch.setenv("CODENAME", "forky")
    with pytest.raises(FetchFailed, match=r"Mirror sync in progress\?; Debian's stable is not trixie"):
        fetched()
    assert not list((asked.parent / "cache/spinline").glob("*/usr")), "nothing half-fetched stays"
