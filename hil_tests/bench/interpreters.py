"""Finds the MicroPython that runs the firmware, or fetches Debian's.  Never touches the system's apt.

Order: the path that is named (`--mpy`), SPINLINE_MICROPYTHON, Debian trixie's build in the user's cache, then
`micropython` on the path.  Debian's 32-bit build goes before the one on the path, for it has a board's word
size: ticks wrap at 2^30 and small whole numbers end there.  It starts through its own loader, so it also runs
on an older Debian, and without root.
"""

import argparse
import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from hil_tests.bench.apt_sources import KEY_BLOCK, Archive, debian_archive, read_archives

VARIABLE = "SPINLINE_MICROPYTHON"
SUITE = "trixie"
SUITE_NAMES = (SUITE, "stable")  # a mirror in the middle of an update may hold the release whole under one name only
PACKAGES = ("micropython", "libc6", "libffi8", "libmbedcrypto16", "libmbedtls21", "libmbedx509-7")
LOADERS = {
    "i386": ("usr/lib/i386-linux-gnu", "ld-linux.so.2"),
    "amd64": ("usr/lib/x86_64-linux-gnu", "ld-linux-x86-64.so.2"),
    "armhf": ("usr/lib/arm-linux-gnueabihf", "ld-linux-armhf.so.3"),
}
PACKAGES_BESIDES = {"armhf": ("libgcc-s1",)}
EMULATORS = {"armhf": "qemu-arm"}  # runs where the processor is another one; Debian's is one static program
EMULATOR_PACKAGE = "qemu-user"
APT_FOLDER = Path("/etc/apt")
APT_SECONDS_MAX = 300
PROBE_SECONDS_MAX = 20
_PROBE = "import sys; print(sys.implementation.name, *sys.implementation.version[:3], sys.maxsize)"
# The machine's own proxy and passwords stay in force; its pins, its installed packages and what it runs after
# an update do not.
_APT_CONF = """\
#clear APT::Architectures;
#clear APT::Update::Pre-Invoke;
#clear APT::Update::Post-Invoke;
#clear APT::Update::Post-Invoke-Success;
#clear Acquire::IndexTargets::deb::DEP-11;
#clear Acquire::IndexTargets::deb::Contents-deb;
Dir::Etc::sourcelist "{work}/sources.list";
Dir::Etc::sourceparts "/dev/null";
Dir::Etc::preferences "/dev/null";
Dir::Etc::preferencesparts "/dev/null";
Dir::State "{work}/state";
Dir::State::lists "{work}/state/lists";
Dir::State::status "{work}/state/status";
Dir::Cache "{work}/cache";
APT::Architecture "{architecture}";
APT::Architectures {{ "{architecture}"; }};
APT::Update::Error-Mode "any";
Acquire::Languages "none";
Acquire::Retries "3";
Acquire::http::Timeout "30";
Acquire::https::Timeout "30";
"""


class InterpreterError(Exception):
    """Parent of all that can go wrong here; the text is one sentence for a person."""


class InterpreterMissing(InterpreterError):
    """There is no interpreter; the sentence says what to install."""


class FetchFailed(InterpreterError):
    """Debian's set could not be brought into the cache."""


@dataclass(frozen=True)
class Interpreter:
    """`command` starts it (append a file); `sha256` is of the program; `source` says where it is from."""

    command: tuple[str, ...]
    version: str
    word_bits: int
    sha256: str
    source: str

    def __str__(self) -> str:
        kind = f"MicroPython {self.version}, {self.word_bits}-bit, from {self.source}"
        return f"{kind}, sha256 {self.sha256[:16]}: {self.command[-1]}"


def find_interpreter(path: str | None = None, architecture: str = "i386") -> Interpreter:
    """The one that is named, which must work, or else the first that works.  Raises InterpreterMissing."""
    named = path or os.environ.get(VARIABLE)
    if named:
        try:
            return probe((named,), "--mpy" if path else VARIABLE)
        except InterpreterError as error:
            raise InterpreterMissing(f"The interpreter that is named cannot be used: {error}.") from error
    try:
        return cached(architecture)
    except InterpreterError as error:
        reason = str(error)
    on_path = shutil.which("micropython")
    if on_path:
        return probe((on_path,), "the path")
    raise InterpreterMissing(
        f"There is no MicroPython to run the firmware in ({reason}): install the package `micropython` of "
        f"Debian 13 or newer, or name a program with --mpy or {VARIABLE}."
    )


def probe(command: tuple[str, ...], source: str) -> Interpreter:
    """Runs a program once for its version and word size.  Raises InterpreterError when it is none."""
    try:
        answer = subprocess.run(
            [*command, "-c", _PROBE],
            capture_output=True,
            text=True,
            timeout=PROBE_SECONDS_MAX,
            stdin=subprocess.DEVNULL,
        )
        words = answer.stdout.split()
        if answer.returncode != 0 or len(words) != 5 or words[0] != "micropython":
            raise InterpreterError(f"{command[-1]} does not answer like MicroPython")
        sha256 = hashlib.sha256(Path(shutil.which(command[-1]) or command[-1]).read_bytes()).hexdigest()
    except (OSError, subprocess.TimeoutExpired) as error:
        raise InterpreterError(f"{command[-1]} does not run: {error}") from error
    return Interpreter(command, ".".join(words[1:4]), int(words[4]).bit_length() + 1, sha256, source)


def cached(architecture: str = "i386") -> Interpreter:
    """Debian's interpreter out of the cache, fetched when it is not there.  Raises InterpreterError."""
    root = fetch(architecture)
    libraries = root / LOADERS[architecture][0]
    loader = libraries / LOADERS[architecture][1]
    command = (str(loader), "--library-path", str(libraries), str(root / "usr/bin/micropython"))
    return probe((*emulator(architecture), *command), f"Debian {SUITE} {architecture}")


def emulator(architecture: str) -> tuple[str, ...]:
    """What must stand before a program of this architecture: nothing, or the emulator in the cache.  FetchFailed."""
    if architecture not in EMULATORS:
        return ()
    try:
        root = fetch_set(f"{EMULATOR_PACKAGE}-{SUITE}-amd64", "amd64", ("download", EMULATOR_PACKAGE))
    except (OSError, RuntimeError) as error:
        raise FetchFailed(f"the cache folder cannot be used: {error}") from error
    return (str(root / "usr/bin" / EMULATORS[architecture]),)


def cache_folder() -> Path:
    """Where fetched interpreters stay.  XDG_CACHE_HOME counts only when absolute (its own specification)."""
    named = Path(os.environ.get("XDG_CACHE_HOME", ""))
    return (named if named.is_absolute() else Path.home() / ".cache") / "spinline"


def fetch(architecture: str = "i386") -> Path:
    """The folder of Debian's set, unpacked.  One that is complete is used as it is.  Raises FetchFailed."""
    if architecture not in LOADERS:
        raise FetchFailed(f"the architecture must be one of {', '.join(LOADERS)}, not {architecture}")
    packages = (*PACKAGES, *PACKAGES_BESIDES.get(architecture, ()))
    try:
        return fetch_set(f"micropython-{SUITE}-{architecture}", architecture, ("download", *packages))
    except (OSError, RuntimeError) as error:
        raise FetchFailed(f"the cache folder cannot be used: {error}") from error


def fetch_set(name: str, architecture: str, asked: tuple[str, ...]) -> Path:
    """The folder of this name in the cache, with what apt-get brings when it is asked; filled only once.

    ``asked`` is apt-get's command and packages.  Raises FetchFailed, OSError.
    """
    root = cache_folder() / name
    if root.is_dir():
        return root
    root.parent.mkdir(parents=True, exist_ok=True)
    with _alone(root.with_suffix(".lock")):
        if not root.is_dir():
            _fill(root, architecture, asked)
    return root


@contextmanager
def _alone(lock: Path) -> Iterator[None]:
    """Lets one process in.  The wait ends: each step inside has a limit, and a dead process lets go."""
    with lock.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _fill(root: Path, architecture: str, asked: tuple[str, ...]) -> None:
    """Unpacks beside `root` and gives the name last, so that a folder of that name is always complete."""
    work = root.with_suffix(".part")
    try:
        _download(work, architecture, asked)
        packages = sorted([*(work / "packages").glob("*.deb"), *(work / "cache/archives").glob("*.deb")])
        for package in packages:
            _run(["dpkg-deb", "-x", str(package), str(work / "root")], work)
        (work / "root").rename(root)
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _download(work: Path, architecture: str, asked: tuple[str, ...]) -> None:
    """Brings the packages into `work` from the first name of the release that gives them all.  Raises FetchFailed."""
    archive = debian_archive(read_archives(APT_FOLDER))
    if archive is None:
        raise FetchFailed("apt on this machine has no entry for the Debian archive")
    reasons = []
    for suite in SUITE_NAMES:
        shutil.rmtree(work, ignore_errors=True)  # what an interrupted run left, or the name before
        try:
            _download_suite(work, archive, suite, architecture, asked)
            return
        except FetchFailed as error:
            reasons.append(str(error))
    raise FetchFailed("; ".join(dict.fromkeys(reasons)))


def _download_suite(work: Path, archive: Archive, suite: str, architecture: str, asked: tuple[str, ...]) -> None:
    """By apt's own client: private state, signatures checked, and the release must be ours.  Raises FetchFailed."""
    for folder in ("state/lists/partial", "cache/archives/partial", "packages", "root"):
        (work / folder).mkdir(parents=True)
    (work / "state/status").touch()
    (work / "sources.list").write_text(source_line(archive, suite, architecture, work))
    conf = _APT_CONF.format(work=work, architecture=architecture)
    if os.geteuid() == 0:
        conf += 'APT::Sandbox::User "root";\n'  # apt's own account may not read a private cache folder
    (work / "apt.conf").write_text(conf)
    apt = ["apt-get", "-q", "-c", str(work / "apt.conf")]
    _run([*apt, "update"], work)
    releases = [file.read_text(errors="replace") for file in (work / "state/lists").glob("*InRelease")]
    if not any(f"\nCodename: {SUITE}\n" in text for text in releases):
        raise FetchFailed(f"Debian's {suite} is not {SUITE}")
    _run([*apt, *asked], work / "packages")


def source_line(archive: Archive, suite: str, architecture: str, work: Path) -> str:
    """The machine's Debian entry for a suite and an architecture.  A key given as text becomes a file."""
    signed_by = archive.signed_by
    if KEY_BLOCK in signed_by:
        key = work / "archive.asc"
        key.write_text(signed_by + "\n")
        signed_by = str(key)
    options = f"arch={architecture}" + (f" signed-by={signed_by}" if signed_by else "")
    return f"deb [{options}] {archive.uri} {suite} main\n"


def _run(command: list[str], folder: Path) -> None:
    """Runs one step to its end.  Raises FetchFailed with the last thing the program complained of."""
    environment = {**os.environ, "LC_ALL": "C", "DEBIAN_FRONTEND": "noninteractive"}
    try:
        done = subprocess.run(
            command,
            cwd=folder,
            env=environment,
            capture_output=True,
            text=True,
            timeout=APT_SECONDS_MAX,
            stdin=subprocess.DEVNULL,
        )
    except FileNotFoundError as error:
        raise FetchFailed(f"this machine has no {command[0]}") from error
    except subprocess.TimeoutExpired as error:
        raise FetchFailed(f"{command[0]} did not end within {APT_SECONDS_MAX} s") from error
    if done.returncode != 0:
        lines = done.stderr.splitlines()
        complaints = [line.removeprefix("E: ") for line in lines if line.startswith("E:")] or lines
        reason = complaints[0] if complaints else f"it ended with {done.returncode}"
        raise FetchFailed(f"{command[0]} could not fetch Debian's: {reason}")


def main() -> int:
    """Prints which interpreter is used; 1 when there is none."""
    parser = argparse.ArgumentParser(prog="hil_tests.bench.interpreters", description=main.__doc__)
    parser.add_argument("--mpy", metavar="PATH", help="the MicroPython to use")
    parser.add_argument("--fetch", action="store_true", help="bring Debian's into the cache, whichever one is used")
    parser.add_argument("--architecture", choices=sorted(LOADERS), default="i386", help="of Debian's (default i386)")
    arguments = parser.parse_args()
    if arguments.fetch:
        try:
            fetch(arguments.architecture)
            emulator(arguments.architecture)
        except FetchFailed as error:
            print(f"{error}; looking for another one", file=sys.stderr)
    try:
        print(find_interpreter(arguments.mpy, arguments.architecture))
    except InterpreterError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
