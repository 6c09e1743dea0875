"""One life of a board: from power-on through the slot selector and one act, to its end or to a cut inside an effect.

Arguments: folder of the compiled firmware, image, selector, act, cut, tear, seed.  The image is the flash, read first
and written back last, also at the cut, which kills the process where it stands.  The cut is the number of the effect
(program or erase), -1 for none; the tear is how many eighths of it are done, 9 for bits of chance.  Prints one line:
slot, on trial, whether every file of it is what its manifest says, firmware hash, result code, effects.
"""

import hashlib
import os
import sys

import nor

_folder, _image, _main, _act, _cut, _tear, _seed = sys.argv[1:8]


class Machine:
    """What the selector asks of the board."""

    class WDT:
        def __init__(self, timeout):
            pass

    class Pin:
        IN, PULL_UP = 0, 1

        def __init__(self, *_given):
            pass

        def value(self):
            return 1

    @staticmethod
    def reset():
        raise SystemExit


class Board:
    """In place of the board's wiring."""

    SAFE_PIN = 47


class Chosen(Exception):
    """The selector came to its end."""


class App:
    """In place of the application: what it was started with."""

    def __init__(self, _board, firmware_sha256, _entropy, slot, on_trial):
        raise Chosen(firmware_sha256, slot, on_trial)


class Package:
    """A module that is there already."""


class Answer:
    """In place of the link."""

    code = -1

    def progress(self, _sequence, _done, _total):
        pass

    def answer_code(self, _sequence, code, *_more):
        self.code = code


flash = nor.Flash(_image, int(_cut), int(_tear), int(_seed))
with open(_main) as _file:
    selector = _file.read()
from spinline_firmware.drivers.slot_files import DIRECTORY, SlotFiles  # noqa: E402
from spinline_firmware.drivers.staging import Staging  # noqa: E402
from spinline_firmware.transfer import CHUNK_BYTES  # noqa: E402
from spinline_firmware.updater import Updater  # noqa: E402
from spinline_protocol.states import IDLE  # noqa: E402


def start():
    """The selector's choice: firmware hash, slot, on trial."""
    package = Package()
    package.App = App
    kept = {name: sys.modules[name] for name in sys.modules}
    sys.modules["machine"], sys.modules["board"] = Machine, Board
    sys.modules["spinline_firmware.app"] = package
    try:
        exec(selector, {"__name__": "__main__"})
    except Chosen as chosen:
        return chosen.args
    finally:
        sys.modules.clear()
        sys.modules.update(kept)


def whole(slot):
    """Whether every file is what the manifest says."""
    with open(slot + "/manifest.txt") as manifest:
        manifest.readline()
        for line in manifest:
            _source, sha256, name = line.split()
            with open(slot + "/" + name, "rb") as file:
                if hashlib.sha256(file.read()).digest().hex() != sha256:
                    return False
    return True


def stage(path):
    """A transfer of this file, begun or gone on with."""
    staging = Staging()
    with open(path, "rb") as file:
        octets = file.read()
    label = "1 0 %d %s" % (len(octets), hashlib.sha256(octets).digest().hex())
    if staging.label() != label:
        staging.erase(label)
    for at in range(staging.size(), len(octets), CHUNK_BYTES):
        staging.append(octets[at : at + CHUNK_BYTES])
    return 0


def lay(folder):
    """Copy a folder's files as they are, in place."""
    files = SlotFiles()
    for name, kind, *_rest in list(os.ilistdir(folder)):
        if kind == DIRECTORY:
            for inner in SlotFiles(folder + "/").names(name):
                files.make_room(name, inner)
                copy(folder + "/" + name + "/" + inner, name + "/" + inner)
        else:
            copy(folder + "/" + name, name)


def copy(source, target):
    with open(source, "rb") as read, open(target, "wb") as written:
        written.write(read.read())


def act(name, slot):
    """One order of a host, to its end."""
    answer, updater = Answer(), Updater(slot, "board")
    name, _, given = name.partition("=")
    if name == "apply":
        updater.begin(answer, 1, IDLE, b"key", bytes.fromhex(given))
        while answer.code < 0:
            updater.scan(answer, IDLE)
    elif name == "stage":
        answer.code = stage(given)
    elif name in ("lay", "overwrite"):
        lay(given)
        answer.code = 0
    elif name == "try":
        answer.code = updater.try_other(bytes.fromhex(given))
    elif name == "confirm":
        updater.confirm()
        answer.code = 0
    return answer.code


nor.mounted(flash, made=_act.startswith("lay="))
sha256, slot, on_trial = (b"", "a", False) if _act.startswith("lay=") else start()
verified = slot and sha256 and whole(slot)
code = act(_act, slot) if _act != "boot" else -1
print(slot, int(on_trial), int(bool(verified)), sha256.hex() or "-", code, flash.effects_n)
flash.keep()
