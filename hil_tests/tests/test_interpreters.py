"""The interpreter finder: which apt entry is Debian's, what is tried in which order, what is said of none."""

import fcntl
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from hil_tests.bench import interpreters
from hil_tests.bench.apt_sources import (
    Archive,
    classic_archives,
    debian_archive,
    read_archives,
    stanza_archives,
)
from hil_tests.bench.interpreters import FetchFailed, Interpreter, InterpreterError, InterpreterMissing

KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"
CLASSIC = """
# deb http://mirror.example/debian bookworm main
deb cdrom:[Debian GNU/Linux 12.0.0 _Bookworm_ - Official amd64 NETINST 20230610-10:21]/ bookworm main
deb [arch=amd64 signed-by=/etc/apt/keyrings/chips.gpg] http://chips.example/debian/12 bookworm main
deb http://mirror.example/debian-security bookworm-security main
deb http://mirror.example/debian/ bookworm main contrib # the nearest one
deb-src http://source.example/debian/ bookworm main
deb http://mirror.example/debian/ bookworm-updates main
"""
STANZAS = f"""
# Modernized from /etc/apt/sources.list
Types: deb deb-src
URIs: http://mirror.example/debian
# a remark inside a stanza
Suites: bookworm bookworm-updates
Components: main
Signed-By: {KEYRING}

Types: deb
URIs: http://mirror.example/debian-security
Suites: bookworm-security
Components: main
Signed-By: {KEYRING}

Enabled: no
Types: deb
URIs: http://off.example/debian
Suites: bookworm
Components: main
Signed-By: {KEYRING}

Types: deb-src
URIs: http://source.example/debian
Suites: bookworm
Components: main
"""
WITH_KEY = """
types: deb
uris: http://one.example/debian http://two.example/debian
suites: trixie
components: main
signed-by:
 -----BEGIN PGP PUBLIC KEY BLOCK-----
 .
 mDMEZ
 -----END PGP PUBLIC KEY BLOCK-----
"""


def found(program: str, source: str) -> Interpreter:
    return Interpreter((program,), "1.25.0", 32, "0" * 64, source)


def say_which(command: tuple[str, ...], source: str) -> Interpreter:
    """Stands in for probe(): every program works."""
    return found(command[-1], source)


def no_fetch(architecture: str) -> Path:
    """Stands in for fetch() on a machine without a network."""
    raise FetchFailed("apt-get could not fetch Debian's: no network")


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """A machine with nothing: no variable, no cache, no network, no program on the path."""
    monkeypatch.delenv(interpreters.VARIABLE, raising=False)
    monkeypatch.setattr(interpreters, "fetch", no_fetch)
    monkeypatch.setattr(interpreters, "probe", say_which)
    monkeypatch.setattr(shutil, "which", lambda name: None)
    return monkeypatch


def test_the_classic_form_gives_debians_entry_and_neither_disc_nor_security_nor_a_third_party() -> None:
    archive = debian_archive(classic_archives(CLASSIC))
    assert archive == Archive("http://mirror.example/debian/", ("bookworm",), ("main", "contrib"))


def test_a_classic_entry_keeps_its_keyring_whatever_other_options_it_has() -> None:
    line = f"deb [ arch=amd64,i386 signed-by={KEYRING} trusted=yes ] https://mirror.example/debian stable main"
    archive = debian_archive(classic_archives(line))
    assert archive == Archive("https://mirror.example/debian", ("stable",), ("main",), KEYRING)


def test_the_stanza_form_gives_debians_entry_and_no_disabled_security_or_source_one() -> None:
    archives = stanza_archives(STANZAS)
    assert [archive.uri for archive in archives] == [
        "http://mirror.example/debian",
        "http://mirror.example/debian-security",
    ]
    assert debian_archive(archives) == archives[0]
    assert archives[0].signed_by == KEYRING


def test_a_key_written_into_a_stanza_goes_along_as_text() -> None:
    archives = stanza_archives(WITH_KEY)
    assert [archive.uri for archive in archives] == ["http://one.example/debian", "http://two.example/debian"]
    assert archives[0].signed_by.splitlines()[1:] == ["", "mDMEZ", "-----END PGP PUBLIC KEY BLOCK-----"]


def test_a_list_of_mirrors_counts_when_it_is_debians() -> None:
    line = "deb mirror+file:///etc/apt/mirrors/debian.list bookworm main"
    assert debian_archive(classic_archives(line)) is not None


@pytest.mark.parametrize(
    "line",
    [
        "deb http://mirror.example/ubuntu noble main",
        "deb http://chips.example/linux/debian bookworm stable",
        "deb http://chips.example bookworm main",
        "deb http://base.example/debian bookworm-pgdg main",
        "deb cdrom:[Debian GNU/Linux 12]/ bookworm main",
        "this is no entry",
    ],
)
def test_a_machine_without_debians_archive_has_none(line: str) -> None:
    assert debian_archive(classic_archives(line)) is None


def test_both_forms_are_read_from_apts_folder(tmp_path: Path) -> None:
    (tmp_path / "sources.list.d").mkdir()
    (tmp_path / "sources.list").write_text("deb http://one.example/debian bookworm main\n")
    (tmp_path / "sources.list.d/two.sources").write_text(STANZAS)
    (tmp_path / "sources.list.d/three.list").write_text("deb http://three.example/debian sid main\n")
    (tmp_path / "sources.list.d/off.list.disabled").write_text("deb http://off.example/debian sid main\n")
    hosts = [archive.uri.split("/")[2] for archive in read_archives(tmp_path)]
    assert hosts == ["one.example", "three.example", "mirror.example", "mirror.example"]


def test_our_line_has_another_suite_and_architecture_and_the_machines_mirror_and_keys(tmp_path: Path) -> None:
    archive = Archive("http://mirror.example/debian", ("bookworm",), ("main",), KEYRING)
    line = interpreters.source_line(archive, "trixie", "i386", tmp_path)
    assert line == f"deb [arch=i386 signed-by={KEYRING}] http://mirror.example/debian trixie main\n"
    key = stanza_archives(WITH_KEY)[0]
    line = interpreters.source_line(key, "stable", "amd64", tmp_path)
    assert line == f"deb [arch=amd64 signed-by={tmp_path}/archive.asc] http://one.example/debian stable main\n"
    assert (tmp_path / "archive.asc").read_text() == key.signed_by + "\n"


def test_the_argument_goes_before_the_variable_the_cache_and_the_path(bare: pytest.MonkeyPatch) -> None:
    bare.setattr(shutil, "which", lambda name: "/usr/bin/micropython")
    assert interpreters.find_interpreter().source == "the path"
    bare.setattr(interpreters, "fetch", lambda architecture: Path("/cache"))
    assert interpreters.find_interpreter().command[-1] == "/cache/usr/bin/micropython"
    assert "amd64" in interpreters.find_interpreter(architecture="amd64").source
    bare.setenv(interpreters.VARIABLE, "/variable")
    assert interpreters.find_interpreter().command == ("/variable",)
    assert interpreters.find_interpreter("/argument").command == ("/argument",)


def test_without_any_interpreter_one_sentence_says_what_to_install(bare: pytest.MonkeyPatch) -> None:
    with pytest.raises(InterpreterMissing) as refusal:
        interpreters.find_interpreter()
    sentence = str(refusal.value)
    assert "no network" in sentence and "install the package `micropython`" in sentence and "--mpy" in sentence
    assert sentence.endswith(".") and "\n" not in sentence


def test_a_fetched_interpreter_that_does_not_run_leaves_the_one_on_the_path(bare: pytest.MonkeyPatch) -> None:
    def only_the_path(command: tuple[str, ...], source: str) -> Interpreter:
        if source != "the path":
            raise InterpreterError("it does not run")
        return found(command[-1], source)

    bare.setattr(interpreters, "fetch", lambda architecture: Path("/cache"))
    bare.setattr(interpreters, "probe", only_the_path)
    bare.setattr(shutil, "which", lambda name: "/usr/bin/micropython")
    assert interpreters.find_interpreter().source == "the path"


def test_an_architecture_we_do_not_know_is_refused_by_name() -> None:
    with pytest.raises(FetchFailed, match="i386, amd64, armhf, not vax"):
        interpreters.fetch("vax")


def test_a_set_gets_its_name_only_when_complete_and_is_then_used_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    left = tmp_path / "spinline/micropython-trixie-i386.part/root/left-behind"
    left.mkdir(parents=True)
    downloads = []

    def download(work: Path, architecture: str, asked: tuple[str, ...]) -> None:
        downloads.append(architecture)
        (work / "root").mkdir(parents=True)
        if len(downloads) == 1:
            raise FetchFailed("the network went away")

    monkeypatch.setattr(interpreters, "_download", download)
    with pytest.raises(FetchFailed):
        interpreters.fetch()
    assert not (tmp_path / "spinline/micropython-trixie-i386").exists() and not left.exists()
    assert interpreters.fetch() == interpreters.fetch() == tmp_path / "spinline/micropython-trixie-i386"
    assert list(interpreters.fetch().iterdir()) == []
    assert downloads == ["i386", "i386"]


def test_the_set_is_filled_under_a_lock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))

    def download(work: Path, architecture: str, asked: tuple[str, ...]) -> None:
        (work / "root").mkdir(parents=True)
        with (
            (tmp_path / "spinline/micropython-trixie-i386.lock").open() as lock,
            pytest.raises(BlockingIOError),
        ):
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)

    monkeypatch.setattr(interpreters, "_download", download)
    assert interpreters.fetch().is_dir()


@pytest.mark.wall
def test_a_program_that_is_no_micropython_is_refused() -> None:
    with pytest.raises(InterpreterMissing, match="does not answer like MicroPython"):
        interpreters.find_interpreter(sys.executable)
    with pytest.raises(InterpreterMissing, match="does not run"):
        interpreters.find_interpreter("/nowhere/micropython")


@pytest.mark.wall
def test_the_interpreter_of_this_machine_runs_a_file_with_a_boards_word_size(tmp_path: Path) -> None:
    try:
        interpreter = interpreters.find_interpreter()
    except InterpreterMissing as error:
        pytest.skip(f"missing tool: {error}")
    program = tmp_path / "program.py"
    program.write_text("import sys\nprint(sys.implementation.name, sys.maxsize)\n")
    answer = subprocess.run([*interpreter.command, str(program)], capture_output=True, text=True, timeout=20)
    assert answer.stdout.split() == ["micropython", str(2 ** (interpreter.word_bits - 1) - 1)]
    if "i386" in interpreter.source:
        assert interpreter.word_bits == 32
