"""Power cuts in the life of a board's flash: each effect of an update cut and torn, then what starts is looked at.

Real littlefs in the real interpreter; each life is a process of its own, which a cut kills (`mpy_flash/life.py`).
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from spinline.line.firmware_image import FirmwareImage, SlotFile

from .board_files import ROOT, compiled_beside_slot, lay_files, lay_out

MODULES = Path(__file__).parent / "mpy_flash"
START = "import sys; sys.path[:] = sys.argv[1:2]; import "
IMAGE_BYTES = 48 * 4096
BITS_OF_CHANCE = 9
TEARS = (0, 1, 4, 7, BITS_OF_CHANCE)  # eighths of an effect that are done when the power goes
CUT_STATUS = 9
LIFE_S_MAX = 60
BOOT_EFFECTS_N_MAX = 100
KEY = b"key"  # that life.py's board has


class LifeFailed(Exception):
    """A life ended as no board may: the text is what the interpreter printed."""


@dataclass(frozen=True)
class Life:
    """How a life that was not cut ended."""

    slot: str
    on_trial: bool
    whole: bool
    sha256: str
    code: int
    effects_n: int


def firmware(files: dict[str, bytes]) -> FirmwareImage:
    """A small firmware for sweeps; the source of a file is its content."""
    return FirmwareImage("board", {name: SlotFile(hashlib.sha256(o).hexdigest(), o) for name, o in files.items()})


class LifeProcess:
    """A flash as a file, and lives on it: runs of a ``module`` of mpy_flash, each a process of its own."""

    def __init__(self, command: tuple[str, ...], folder: Path, module: str) -> None:
        self.image = folder / "flash.bin"
        self.lives_n = 0
        lay_out(folder / "program")
        program = folder / "program" / "a"
        for name, octets in compiled_beside_slot(sorted(MODULES.glob("*.py"))).items():
            (program / f"{name}.mpy").write_bytes(octets)
        self._command = [*command, "-X", "heapsize=4M", "-c", START + module, str(program), str(self.image)]

    def live(self, words: tuple[str, ...], cut: int, tear: int, seed: int) -> list[str] | None:
        """What a life prints; None where it was cut.  Raises LifeFailed where it ends any other way."""
        self.lives_n += 1
        given = [*words, str(cut), str(tear), str(seed)]
        done = subprocess.run(
            [*self._command, *given], capture_output=True, text=True, timeout=LIFE_S_MAX, stdin=subprocess.DEVNULL
        )
        if done.returncode == CUT_STATUS:
            return None
        if done.returncode:
            raise LifeFailed(f"{' '.join(given)}:\n{done.stdout}{done.stderr}")
        return done.stdout.split()


class FlashBoard:
    """A board's flash as a file.  ``live`` gives it a life; None where that was cut."""

    def __init__(self, command: tuple[str, ...], folder: Path) -> None:
        self._life = LifeProcess(command, folder, "life")
        self.image = self._life.image

    @property
    def lives_n(self) -> int:
        """How often it was started."""
        return self._life.lives_n

    def live(self, act: str, cut: int = -1, tear: int = 0, seed: int = 0) -> Life | None:
        """From power-on to the end of an act."""
        words = self._life.live((str(ROOT / "firmware/main.py"), act), cut, tear, seed)
        if words is None:
            return None
        slot, on_trial, whole, sha256, code, effects_n = words
        return Life(slot, on_trial == "1", whole == "1", sha256, int(code), int(effects_n))

    def become(self, image: Path) -> None:
        """The flash of another moment."""
        shutil.copyfile(image, self.image)

    @classmethod
    def with_firmware(cls, command: tuple[str, ...], folder: Path, image: FirmwareImage) -> FlashBoard:
        """A board that was provisioned with this firmware in slot a."""
        lay_files(image, folder / "files")
        board = cls(command, folder)
        board.image.write_bytes(b"\xff" * IMAGE_BYTES)
        board.live(f"lay={folder / 'files'}")
        return board


@dataclass
class Found:
    """What a sweep has seen."""

    cuts_n: int = 0
    lives_n: int = 0
    dead_n: int = 0  # boards that did not start with a whole firmware, the old or the new
    stuck_n: int = 0  # boards on which the same act did not succeed afterwards
    old_n: int = 0
    new_n: int = 0


class Sweep:
    """An update cut at every effect, again in the boot that follows, and then gone on with."""

    def __init__(self, command: tuple[str, ...], folder: Path, old: FirmwareImage, new: FirmwareImage) -> None:
        self._board = FlashBoard.with_firmware(command, folder, old)
        self._folder, self._old, self._new = folder, old, new
        staged = folder / "staged.bin"
        staged.write_bytes(new.staged(old.marks()))
        self.acts = {
            "stage": f"stage={staged}",
            "apply": f"apply={new.proof(KEY).hex()}",
            "try": f"try={new.firmware_sha256}",
            "trial": "boot",
            "confirm": "confirm",
        }
        self._moments: dict[str, Path] = {}
        self._effects_n: dict[str, int] = {}
        for name, act in self.acts.items():
            self._moments[name] = folder / f"before_{name}.bin"
            shutil.copyfile(self._board.image, self._moments[name])
            self._effects_n[name] = self._whole(act).effects_n

    def _whole(self, act: str) -> Life:
        life = self._board.live(act)
        assert life is not None
        return life

    def run(self, every: int = 1) -> Found:
        """All cuts of all acts, or some of them."""
        found = Found()
        for name in self.acts:
            for cut, tear in cuts(self._effects_n[name], every):
                self._cut(found, name, cut, tear)
        found.lives_n = self._board.lives_n
        return found

    def _cut(self, found: Found, name: str, cut: int, tear: int) -> None:
        """One cut, then every effect of the boot behind it and of the next; where those had any, also without them."""
        board, after = self._board, self._folder / "after.bin"
        board.become(self._moments[name])
        assert board.live(self.acts[name], cut, tear, cut) is None
        shutil.copyfile(board.image, after)
        more_n = 0
        while board.live("boot", more_n, tear, cut) is None:
            more_n += 1
            assert more_n < BOOT_EFFECTS_N_MAX
        found.cuts_n += 1 + more_n
        self._judge(found, name)
        if more_n:
            board.become(after)
            self._judge(found, name)

    def _judge(self, found: Found, name: str) -> None:
        """The firmware that starts is a whole one, and an act before the trial can be gone on with."""
        life = self._whole("boot")
        if not life.whole or life.sha256 not in (self._old.firmware_sha256, self._new.firmware_sha256):
            found.dead_n += 1
            return
        found.old_n += life.sha256 == self._old.firmware_sha256
        found.new_n += life.sha256 == self._new.firmware_sha256
        if name in ("stage", "apply", "try"):
            for again in ("stage", "apply", "try"):
                life = self._whole(self.acts[again])
            found.stuck_n += life.code != 0


def in_place(
    command: tuple[str, ...], folder: Path, old: FirmwareImage, new: FirmwareImage, every: int = 1
) -> tuple[int, int]:
    """Files copied over those that run, as tools without slots do: cuts, and those that leave no whole set."""
    board = FlashBoard.with_firmware(command, folder, old)
    lay_files(new, folder / "new")
    before, act = folder / "before.bin", f"overwrite={folder / 'new'}"
    shutil.copyfile(board.image, before)
    life = board.live(act)
    assert life is not None
    broken_n = cuts_n = 0
    for cut, tear in cuts(life.effects_n, every):
        board.become(before)
        board.live(act, cut, tear, cut)
        after = board.live("boot")
        cuts_n += 1
        broken_n += after is None or not after.whole
    return cuts_n, broken_n


def cuts(effects_n: int, every: int = 1) -> Iterator[tuple[int, int]]:
    """Effect and tear of each cut; with ``every`` only some, each tear among them."""
    for cut in range(0, effects_n, every):
        for tear in TEARS if every == 1 else (TEARS[cut // every % len(TEARS)],):
            yield cut, tear
