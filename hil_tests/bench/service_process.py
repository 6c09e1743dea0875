"""Services as processes of their own, begun quickly: a launcher has everything imported and forks for each one.

    python -m hil_tests.bench.service_process < orders

A line of JSON on its standard input is done and answered by one: {"start": {...}} forks a service and answers with
the first line that it says of itself, or what it was refused for; {"end": PID} waits for one that was told to end.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

from spinline.edges import clock
from spinline.edges.keys import load_key_file
from spinline.errors import SpinlineError
from spinline.recipe.check import check_recipe
from spinline.recipe.line_model import load_line
from spinline.service.notify import Notifier
from spinline.service.running import Given, Service

END_S = 20.0


class Services:
    """The launcher, from a test.  ``line`` to ``tokens`` are of every service that it starts."""

    def __init__(self, line: Path, recipe: Path, key: Path, folder: Path, tokens: Path, speed: float) -> None:
        self._given = {
            "line": str(line), "recipe": str(recipe), "key": str(key), "folder": str(folder), "tokens": str(tokens),
            "speed": speed,
        }  # fmt: skip
        command = [sys.executable, "-m", "hil_tests.bench.service_process"]
        self._launcher = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.pid = 0

    def start(self, ports: dict[str, str], mode: str = "simulated") -> str:
        """Fork a service; returns its URL.  Raises RuntimeError with what it was refused for."""
        told = self._ask({"start": self._given | {"ports": ports, "mode": mode}})
        self.pid = int(told["pid"])
        if "refused" in told:
            raise RuntimeError(told["refused"])
        return str(told["url"])

    def kill(self) -> None:
        """kill -9, and wait until it is gone."""
        self._end(signal.SIGKILL)

    def terminate(self) -> None:
        """SIGTERM, and wait until it has ended."""
        self._end(signal.SIGTERM)

    def _end(self, number: signal.Signals) -> None:
        os.kill(self.pid, number)
        self._ask({"end": self.pid})
        self.pid = 0

    def _ask(self, order: dict[str, Any]) -> Any:
        assert self._launcher.stdin is not None and self._launcher.stdout is not None
        self._launcher.stdin.write(json.dumps(order) + "\n")
        self._launcher.stdin.flush()
        return json.loads(self._launcher.stdout.readline())

    def close(self) -> None:
        """End a service that runs, and the launcher."""
        if self.pid:
            self.kill()
        self._launcher.communicate(timeout=END_S)


def _given(start: dict[str, Any]) -> Given:
    line = Path(start["line"])
    recipe = Path(start["recipe"])
    report = check_recipe(recipe, clock.utc_day())
    files = (load_line(line), line, recipe, report, load_key_file(Path(start["key"])), Path(start["folder"]))
    return Given(*files, start["ports"], start["mode"], Path(start["tokens"]), "127.0.0.1", 0, "", start["speed"])


def _serve(start: dict[str, Any], told: int) -> None:
    """In the forked process: run until killed; the first line goes to the launcher."""
    try:
        service = Service(_given(start), Notifier({}), lambda _words: None)
        service.run(lambda: _tell(told, {"url": service.url}))
    except SpinlineError as error:
        _tell(told, {"refused": str(error)})


def _tell(descriptor: int, words: dict[str, Any]) -> None:
    os.write(descriptor, json.dumps(words | {"pid": os.getpid()}).encode() + b"\n")


def main() -> None:
    """Until the standard input closes."""
    for line in sys.stdin:
        order = json.loads(line)
        if "end" in order:
            os.waitpid(order["end"], 0)
            print(json.dumps("ended"), flush=True)
            continue
        ours, theirs = os.pipe()
        if os.fork() == 0:
            os.close(ours)
            os.close(0)
            _serve(order["start"], theirs)
            os._exit(0)
        os.close(theirs)
        with os.fdopen(ours) as told:
            print(told.readline().strip(), flush=True)


if __name__ == "__main__":
    main()
