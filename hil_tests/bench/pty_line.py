"""The simulated line as a process of its own: real pseudo-terminals, paced by the wall clock.

    python -m hil_tests.bench.pty_line --folder DIR [--seed N] [--speed N] [--seconds N] [--node NAME ...]
        [--fixtures] [--links DIR] [--broken NODE.CHANNEL ...] [--littlefs] [--empty NODE ...] [--blocks N]
        [--preheated] [--key FILE] [--witness FILE]

prints one line of JSON, {"firmware_sha256": ..., "ports": {"melt": "/dev/pts/3", ...}}, and runs until its time is over
or its standard input closes.  A line of JSON on its standard input is done and answered by one: ["lay", FAULT, PLACE],
["lift", FAULT, PLACE], ["output", PLACE], ["permit", NODE], ["enumerate", NODE]: its adapter comes back under another
name, which is the answer; ["unplug", NODE]: its adapter is gone until then; ["pull", NODE], ["plug", NODE]: its cable
behind the adapter; ["power", NODE]: off and on; ["off", NODE], ["on", NODE]: its supply; ["jumper", NODE]: set where it
was not, and the other way round; ["format", NODE]: its file system is made anew; ["speed", N]: from now on so many
times the wall clock; ["disturb", NAME, VALUE]: a field of the plant's disturbances.  What cannot be done is answered by
{"refused": REASON}, and nothing is changed.

With ``--littlefs`` each board has a real file system in a file, of so many ``--blocks``; an ``--empty`` one shows its
prompt.  A line that is ``--preheated`` was stopped a while ago.  With ``--fixtures`` there is no plant: each node has a
fixture board, as on a wired bench, with a port of its own.  ``--links`` makes links to the ports, named as a system
names those of USB adapters; ``--key`` writes the key of the simulated site; ``--witness`` writes what the plant knows,
a line of JSON for each second of the line's time (plant_witness.Seen).
"""

from __future__ import annotations

import argparse
import json
import os
import select
import sys
import tty
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

from spinline.edges.keys import new_key_file
from spinline.errors import Refused
from spinline.recipe.line_model import load_line
from spinline.recipe.reading import read_recipe

from .api import output_row, share_of
from .copper import Copper
from .injector import Injector
from .interpreters import find_interpreter
from .littlefs_line import BLOCKS_N, LittlefsLine
from .plant.signals import Disturbances
from .plant_witness import PlantWitness
from .run import LINE_R1, RECIPE_R1, preheat
from .simulated import SimulatedLine
from .wall import now_s, rest_until
from .wiring import NO_JUMPER

STEP_US = 10_000
READ_BYTES_MAX = 4096


def _open_pty() -> tuple[int, str]:
    """A pseudo-terminal in raw mode: the bench's end and the name of the other one."""
    ours, theirs = os.openpty()
    tty.setraw(theirs)
    os.set_blocking(ours, False)
    return ours, os.ttyname(theirs)


def _pump(bench: SimulatedLine, ends: dict[str, int]) -> None:
    """Move bytes both ways; a peer that does not read loses bytes, as on a wire."""
    for name, end in ends.items():
        port = bench.port(name)
        try:
            port.write(os.read(end, READ_BYTES_MAX))
        except BlockingIOError:
            pass  # nothing was sent
        octets = port.read()
        if octets:
            try:
                os.write(end, octets)
            except BlockingIOError:
                pass  # nobody reads: lost, as on a wire


class Orders:
    """What is asked on the standard input."""

    def __init__(self, bench: SimulatedLine, seed: int, ends: dict[str, int], links: Path | None) -> None:
        self._line, self._bench, self._ends, self._links = load_line(LINE_R1), bench, ends, links
        self._injector = Injector(self._line, bench, seed, lambda s: bench.run_until(bench.now_us + round(s * 1e6)))
        self.closed = False
        self.speed: float | None = None  # that was asked for
        self._rest = b""

    def step(self) -> None:
        """Do what was asked since the last call."""
        while select.select([sys.stdin], [], [], 0)[0] and not self.closed:
            octets = os.read(sys.stdin.fileno(), READ_BYTES_MAX)
            self.closed = not octets
            *lines, self._rest = (self._rest + octets).split(b"\n")
            for line in lines:
                print(json.dumps(self._answer(*json.loads(line))), flush=True)

    def _answer(self, *order: str) -> object:
        try:
            return self._do(*order)
        except Refused as refusal:
            return {"refused": str(refusal)}

    def _enumerate(self, name: str) -> str:
        """The old device is gone, a new one is there, and the link names it."""
        gone = self._ends.get(name)
        self._ends[name], device = _open_pty()  # while the old one has its name
        if gone is not None:
            os.close(gone)
        if self._links:
            _link(self._links, {name: device})
        return device

    def _unplug(self, name: str) -> None:
        """Its adapter is gone: whoever has the port open reads an error, and the link names nothing any more."""
        if self._links:
            _link_of(self._links, name).unlink()
        os.close(self._ends.pop(name))

    def _do(self, what: str, *given: str) -> float | bool | str | None:
        orders: dict[str, Callable[..., object]] = {
            "enumerate": self._enumerate,
            "unplug": self._unplug,
            "pull": lambda node: self._bench.pull_cable(node, True),
            "plug": lambda node: self._bench.pull_cable(node, False),
            "power": self._bench.power_cycle,
            "off": self._bench.cut_power,
            "on": self._bench.restore_power,
            "jumper": self._jumper,
            "speed": self._set_speed,
            "disturb": lambda *of: disturb(self._bench.plant.disturbances, *of),
        }
        if isinstance(self._bench, LittlefsLine):
            orders["format"] = self._bench.format
        if what in orders:
            answer = orders[what](*given)
            return answer if isinstance(answer, str) else None
        if what in ("lay", "lift"):
            (self._injector.lay if what == "lay" else self._injector.lift)(*given)
            return None
        terminals = self._bench.nodes[given[0].partition(".")[0]].terminals
        if what == "permit":
            return terminals.permit(self._bench.now_us // 1000)
        return share_of(output_row(self._line, given[0]), terminals.pins, terminals.dac)

    def _jumper(self, name: str) -> None:
        self._bench.nodes[name].terminals.contacts_open ^= NO_JUMPER

    def _set_speed(self, speed: str) -> None:
        self.speed = float(speed)


def disturb(disturbances: Disturbances, name: str, wanted: object) -> None:
    """Set one of them.  Raises Refused where there is none of this name, or it is not of this kind."""
    kinds = {field: type(harmless) for field, harmless in asdict(Disturbances()).items()}
    if name not in kinds:
        raise Refused(f"disturb: there is no {name!r} (allowed: {', '.join(kinds)})")
    if not isinstance(wanted, (bool, int, float)) or isinstance(wanted, bool) is not (kinds[name] is bool):
        raise Refused(f"disturb: {name} = {wanted!r} (allowed: {'true, false' if kinds[name] is bool else 'a number'})")
    setattr(disturbances, name, kinds[name](wanted))


def run(
    bench: SimulatedLine,
    ends: dict[str, int],
    speed: float,
    seconds: float,
    orders: Orders,
    witness: PlantWitness | None,
) -> None:
    """Keep virtual time at ``speed`` times the wall clock for ``seconds`` of virtual time."""
    due_s = now_s()
    while bench.now_us < seconds * 1e6 and not orders.closed:
        bench.run_until(bench.now_us + STEP_US)
        if witness is not None:
            witness.look(bench.now_us)
        _pump(bench, ends)
        orders.step()
        due_s += STEP_US / 1e6 / (orders.speed or speed)
        rest_until(due_s)


def _link(folder: Path, ports: dict[str, str]) -> None:
    """Links as of USB adapters: the serial number of NODE is SIM_NODE."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, device in ports.items():
        link = _link_of(folder, name)
        link.unlink(missing_ok=True)
        link.symlink_to(device)


def _link_of(folder: Path, name: str) -> Path:
    return folder / f"usb-Spinline_Simulated_{serial_of(name)}-if00-port0"


def serial_of(name: str) -> str:
    """Serial number of a simulated adapter."""
    return f"SIM-{name.upper().replace('_', '-')}-001"


def _bench_of(given: argparse.Namespace) -> SimulatedLine:
    names = tuple(given.node or ("melt", "bath", "draw"))
    interpreter = find_interpreter(given.mpy)
    if given.littlefs:
        empty = tuple(given.empty)
        bench: SimulatedLine = LittlefsLine(interpreter, given.folder, given.seed, names, empty, given.blocks)
    elif given.fixtures:
        bench = Copper(interpreter, given.folder, given.seed, names, tuple(given.broken))
    else:
        bench = SimulatedLine(interpreter, given.folder, given.seed, names)
    if given.preheated:
        preheat(bench.plant, read_recipe(RECIPE_R1))
    return bench


def main() -> None:
    """Start the line, say where its ports are, run."""
    parser = argparse.ArgumentParser(description="The simulated line on pseudo-terminals.")
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--speed", type=float, default=1.0)
    parser.add_argument("--seconds", type=float, default=float("inf"))
    parser.add_argument("--node", action="append", choices=("melt", "bath", "draw"))
    parser.add_argument("--mpy")
    parser.add_argument("--fixtures", action="store_true")
    parser.add_argument("--links", type=Path)
    parser.add_argument("--broken", action="append", default=[])
    parser.add_argument("--littlefs", action="store_true")
    parser.add_argument("--empty", action="append", default=[])
    parser.add_argument("--blocks", type=int, default=BLOCKS_N)
    parser.add_argument("--preheated", action="store_true")
    parser.add_argument("--key", type=Path)
    parser.add_argument("--witness", type=Path)
    given = parser.parse_args()
    if given.witness and given.fixtures:
        parser.error("--witness: there is no plant with --fixtures")
    bench = _bench_of(given)
    ends = {}
    ports = {}
    for name in bench.nodes:
        ends[name], ports[name] = _open_pty()
    if given.links:
        _link(given.links, ports)
    if given.key:
        given.key.unlink(missing_ok=True)  # of another run of the same simulated site
        new_key_file(given.key, bench.site_key)
    witness = PlantWitness(given.witness, bench.plant) if given.witness else None
    if witness is not None:
        witness.look(bench.now_us)
    print(json.dumps({"firmware_sha256": bench.firmware_sha256, "ports": ports}), flush=True)
    try:
        run(bench, ends, given.speed, given.seconds, Orders(bench, given.seed, ends, given.links), witness)
    finally:
        bench.close()
        if witness is not None:
            witness.close()


if __name__ == "__main__":
    main()
