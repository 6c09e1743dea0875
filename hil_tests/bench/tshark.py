"""Debian's tshark, which tests the Wireshark dissector: the one on the path, or Debian trixie's in the user's cache.

It is fetched as the interpreters are: by apt's own client with private state, without root; apt itself names what it
needs.  It starts through its own loader, so it also runs on an older Debian.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from hil_tests.bench.interpreters import LOADERS, SUITE, FetchFailed, InterpreterError, fetch_set

ARCHITECTURE = "amd64"
ASKED = ("install", "--download-only", "--yes", "--no-install-recommends", "-o", "Debug::NoLocking=1", "tshark")
RUN_SECONDS_MAX = 60
SCRIPT_VARIABLE = "SPINLINE_DISSECTOR"
# For root, tshark takes no script from its command line; from the folder of its own plugins it does.
LOADER_SCRIPT = f'local script = os.getenv("{SCRIPT_VARIABLE}")\nif script then dofile(script) end\n'


class TsharkMissing(InterpreterError):
    """There is no tshark; the sentence says what to install."""


def find_tshark() -> tuple[str, ...]:
    """The command that starts it.  Raises TsharkMissing."""
    try:
        root = fetch_set(f"tshark-{SUITE}-{ARCHITECTURE}", ARCHITECTURE, ASKED)
        libraries = root / LOADERS[ARCHITECTURE][0]
        loader = libraries / LOADERS[ARCHITECTURE][1]
        (libraries / "plugins").mkdir(exist_ok=True)
        (libraries / "plugins/named.lua").write_text(LOADER_SCRIPT)
        command: tuple[str, ...] = (str(loader), "--library-path", str(libraries), str(root / "usr/bin/tshark"))
        version_of(command)
        return command
    except (FetchFailed, OSError, RuntimeError, subprocess.SubprocessError) as error:
        reason = str(error)
    on_path = shutil.which("tshark")
    if on_path:
        return (on_path,)
    raise TsharkMissing(f"There is no tshark ({reason}): install the package `tshark`.")


def version_of(command: tuple[str, ...]) -> str:
    """The first line that it says of itself."""
    done = subprocess.run(
        [*command, "--version"],
        capture_output=True,
        text=True,
        timeout=RUN_SECONDS_MAX,
        check=True,
        stdin=subprocess.DEVNULL,
    )
    return done.stdout.splitlines()[0]


def run_tshark(command: tuple[str, ...], script: Path, file: Path, *arguments: str) -> str:
    """What tshark prints of a file, read with a Lua script.  Raises CalledProcessError."""
    of_machine = len(command) == 1
    done = subprocess.run(
        [*command, "-r", str(file), *(("-X", f"lua_script:{script}") if of_machine else ()), *arguments],
        env={**os.environ, SCRIPT_VARIABLE: str(script)},
        capture_output=True,
        text=True,
        timeout=RUN_SECONDS_MAX,
        check=True,
        stdin=subprocess.DEVNULL,
    )
    assert "Lua" not in done.stderr, done.stderr
    return done.stdout


def main() -> int:
    """Brings it into the cache and prints its version; 1 when there is none."""
    try:
        command = find_tshark()
        print(f"{version_of(command)}: {command[-1]}")
    except InterpreterError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
