"""Power cuts while a board writes the image of its slot: each effect cut and torn, then what starts is looked at.

The real selector and the slot's own part in the real interpreter, whose VfsRom reads what the partition then holds;
each life is a process of its own, which a cut kills (`mpy_flash/rom_life.py`).  The application only says what it is.
"""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from spinline.line.firmware_image import FirmwareImage

from .board_files import ROM, ROOT, image_of, lay_files, slot_sources
from .node_process import BENCH_MODULES

LIFE = Path(__file__).parent / "mpy_flash" / "rom_life.py"
IN_PLACE = "spinline_firmware/in_place.py"
APP = "spinline_firmware/app.py"
PART_BYTES = 3000
PARTS_N = 6
POWER_ON, BY_WATCHDOG = 1, 3  # reset causes
CUT_STATUS = 9
LIFE_S_MAX = 60
TEXT_OF_APP = """
import hashlib

VERSION = "{version}"

class App:
    def __init__(self, _board, _sha256, _entropy, slot, on_trial):
        place = __file__.split("spinline_firmware")[0]
        whole = 1
        with open(slot + "/manifest.txt") as manifest:
            manifest.readline()
            for line in manifest:
                _source, sha256, name = line.split()
                with open(place + name, "rb") as file:
                    whole &= hashlib.sha256(file.read()).digest().hex() == sha256
        print(slot, int(on_trial), VERSION, place, whole)

    def run(self, _watchdog):
        pass
"""


class LifeFailed(Exception):
    """A life ended as no board may: the text is what the interpreter printed."""


@dataclass(frozen=True)
class Life:
    """How a life that was not cut ended."""

    slot: str
    on_trial: bool
    version: str
    in_place: bool
    whole: bool  # every file beside the application is what the slot's manifest says
    effects_n: int
    feeds_n: int


def small_firmware(folder: Path, version: str, changed: tuple[str, str] | None = None) -> FirmwareImage:
    """The slot's own part and an application that says its version; ``changed``: text of that part, and another one."""
    folder.mkdir(parents=True)
    texts = {name: slot_sources()[name].read_text() for name in ("spinline_firmware/__init__.py", IN_PLACE)}
    if changed:
        assert changed[0] in texts[IN_PLACE]
        texts[IN_PLACE] = texts[IN_PLACE].replace(*changed)
    texts[APP] = TEXT_OF_APP.format(version=version)
    for i in range(PARTS_N):
        texts[f"spinline_firmware/part{i}.py"] = f"TEXT = {version * PART_BYTES!r}.strip()\n"  # or it would be left out
    sources = {}
    for name, text in texts.items():
        sources[name] = folder / name.replace("/", "_")
        sources[name].write_text(text)
    return image_of(sources)


class RomBoard:
    """A board in a folder: its file system, and its partition in a file of ``rom_bytes``."""

    def __init__(self, command: tuple[str, ...], folder: Path, rom_bytes: int = 64 * 1024) -> None:
        self.folder = folder
        folder.mkdir()
        self._command = [*command, "-X", "heapsize=1M", str(LIFE), str(BENCH_MODULES), str(folder)]
        (folder / ROM).write_bytes(b"\xff" * rom_bytes)

    def lay(self, slot: str, image: FirmwareImage) -> None:
        """A firmware into a slot."""
        draft = self.folder / "draft"
        lay_files(image, draft)
        shutil.rmtree(self.folder / slot, ignore_errors=True)
        (draft / "a").rename(self.folder / slot)

    def select(self, words: str) -> None:
        """What the selector reads."""
        (self.folder / "select.txt").write_text(words + "\n")

    def copy_of(self, other: RomBoard) -> None:
        """This board as the other one is now."""
        shutil.rmtree(self.folder)
        shutil.copytree(other.folder, self.folder)

    def live(self, cut: int = -1, tear: int = 0, cause: int = POWER_ON, kind: str = "1.25") -> Life | None:
        """From power-on to the application; None where that was cut.  Raises LifeFailed where it ends otherwise."""
        given = [str(ROOT / "firmware/main.py"), str(cut), str(tear), str(cut), str(cause), kind]
        done = subprocess.run(
            [*self._command, *given], capture_output=True, text=True, timeout=LIFE_S_MAX, stdin=subprocess.DEVNULL
        )
        if done.returncode == CUT_STATUS:
            return None
        lines = done.stdout.splitlines()
        if done.returncode or len(lines) < 2:
            raise LifeFailed(f"cut {cut}, tear {tear}, {kind}:\n{done.stdout}{done.stderr}")
        slot, on_trial, version, place, whole = lines[-2].split()
        effects_n, feeds_n = map(int, lines[-1].split())
        return Life(slot, on_trial == "1", version, place == "/rom/", whole == "1", effects_n, feeds_n)


@dataclass
class Found:
    """What a sweep has seen: cuts, and boards that did not start the right slot whole and in place afterwards."""

    cuts_n: int = 0
    wrong_n: int = 0


def sweep(before: RomBoard, board: RomBoard, right: tuple[str, str], cuts: list[tuple[int, int]], kind: str) -> Found:
    """Cut the board's next life at each (effect, tear), once more in the life behind it, and look what starts then.

    ``right``: slot and version that have to run in the end.
    """
    found = Found()
    for cut, tear in cuts:
        board.copy_of(before)
        assert board.live(cut, tear, kind=kind) is None, "the cut is behind the last effect"
        found.cuts_n += 1
        try:
            board.live(cut // 2, tear, kind=kind)
            life = board.live(kind=kind)
        except LifeFailed:
            life = None
        if life is None or (life.slot, life.version) != right or not (life.whole and life.in_place):
            found.wrong_n += 1
    return found
