"""Lets a slot be executed where it lies in ROM: an image of the slot in the board's ROMFS partition (MicroPython 1.25).

Code and texts of such an image take no heap.  The slot on the file system stays the truth: an image counts where the
manifest in it is the slot's, and is written anew from the slot's files where it is not.  Without a partition, with one
that is too small or does not take what is written, the slot runs from the file system.  The selector asks for this
before it loads the application; it must never load anything else of the firmware.

An image (docs of MicroPython, "ROMFS"; its `tools/mpremote/mpremote/romfs.py`): three bytes, length, records; a record
is its kind, its length and its content, numbers with seven bits a byte.  The manifest lies in front and its page, with
the three bytes, is written last: an image that was cut has none of the two.
"""

import os
import sys

import machine
import vfs

PLACE = "/rom"
TRIES = "rom.txt"  # how often this manifest's image was begun, and not ended, since somebody switched the board on
TRIES_N_MAX = 2
SEGMENTS, SEGMENT, ERASE, WRITE, END, BLOCK_BYTES = range(1, 7)  # operations of vfs.rom_ioctl; the last since 1.26
BEGINS = b"\xd2\xcd\x31"
HEAD_BYTES_MAX = 8
DATA, DIRECTORY, FILE = 2, 4, 5  # kinds of records
DIRECTORY_MODE = 0x4000
PAGE_BYTES = 256  # of flash; nothing smaller has to be written at once on any board
PIECE_BYTES = 2048
ERASED_AT_ONCE_BYTES = 32768  # 8 sectors: 0.36 s, at worst 3.2 (W25Q128JV datasheet, 9.6: 45 ms, at most 400 each)
MANIFEST = "manifest.txt"


class Partition:
    """The board's first partition for ROMFS.  Raises OSError where there is none, TypeError where code cannot lie."""

    def __init__(self) -> None:
        if not hasattr(vfs, "rom_ioctl") or vfs.rom_ioctl(SEGMENTS) < 1:
            raise OSError(19)
        self._device = vfs.rom_ioctl(SEGMENT, 0)
        self.memory = memoryview(self._device)
        self._is_object = hasattr(self._device, "ioctl")  # of the port esp32: a block device that is mapped, too

    def erase(self, length: int, feed) -> None:  # type: ignore[no-untyped-def]
        """Everything up to a length, rounded up.  A port that erases all at once may take longer than a watchdog."""
        if self._is_object:
            block_bytes = self._device.ioctl(5, 0)
            for block in range((length + block_bytes - 1) // block_bytes):
                self._device.ioctl(6, block)
                feed()
        elif vfs.rom_ioctl(BLOCK_BYTES, 0) > 0:
            block_bytes = vfs.rom_ioctl(BLOCK_BYTES, 0)
            length = (length + block_bytes - 1) // block_bytes * block_bytes
            step = max(ERASED_AT_ONCE_BYTES, block_bytes)
            for at in range(0, length, step):
                _done(vfs.rom_ioctl(ERASE, 0, at, min(step, length - at)))
                feed()
        else:
            _done(vfs.rom_ioctl(ERASE, 0, length))
            feed()

    def write(self, at: int, octets) -> None:  # type: ignore[no-untyped-def]
        """Whole pages.  Raises OSError where something else can be read there afterwards."""
        if self._is_object:
            block_bytes = self._device.ioctl(5, 0)
            self._device.writeblocks(at // block_bytes, octets, at % block_bytes)
        else:
            _done(vfs.rom_ioctl(WRITE, 0, at, octets))
        if bytes(self.memory[at : at + len(octets)]) != octets:
            raise OSError(5)

    def end(self) -> None:
        """All is written."""
        if not self._is_object:
            _done(vfs.rom_ioctl(END, 0))


def _done(result: int) -> None:
    if result < 0:
        raise OSError(-result)


def prepare(slot: str, watchdog) -> bool:  # type: ignore[no-untyped-def]
    """Put an image of the slot before it on the path; False where there is none and the slot runs itself.

    It feeds the watchdog between the pieces of what it writes.
    """
    try:
        partition = Partition()
    except (OSError, TypeError):
        return False
    try:
        vfs.umount(PLACE)  # the interpreter mounts what it finds there before any program runs
    except OSError:
        pass
    if not _is_of(partition.memory, slot):
        if not _written(partition, slot, watchdog.feed) or not _is_of(partition.memory, slot):
            return False
    vfs.mount(vfs.VfsRom(partition.memory), PLACE)  # type: ignore[attr-defined]
    sys.path.insert(0, PLACE)
    for name in ("spinline_firmware.in_place", "spinline_firmware"):
        del sys.modules[name]  # of the slot: the application is to come from the image
    return True


def _is_of(memory, slot: str) -> bool:  # type: ignore[no-untyped-def]
    """Whether this memory begins as an image of this slot does, up to the end of the manifest."""
    length, at = 0, len(BEGINS)
    while at < HEAD_BYTES_MAX:
        length = length << 7 | memory[at] & 0x7F
        at += 1
        if memory[at - 1] < 0x80:
            break
    named = b"".join(_file(slot, MANIFEST)[:-1])  # all that stands before its content
    end = at + len(named)
    if bytes(memory[: len(BEGINS)]) != BEGINS or at + length > len(memory) or bytes(memory[at:end]) != named:
        return False
    with open(slot + "/" + MANIFEST, "rb") as manifest:
        while True:
            octets = manifest.read(PIECE_BYTES)
            if not octets:
                return True
            if bytes(memory[end : end + len(octets)]) != octets:
                return False
            end += len(octets)


def _written(partition: Partition, slot: str, feed) -> bool:  # type: ignore[no-untyped-def]
    """Write the slot's image, unless that was tried in vain too often.  False where it is not there afterwards."""
    image = Image(slot)
    if image.length > len(partition.memory):
        return False
    try:
        with open(slot + "/" + MANIFEST) as manifest:
            mark = manifest.readline().split()[0]
        switched_on = machine.reset_cause() == machine.PWRON_RESET  # somebody may have mended what failed
        tries_n = 0 if switched_on else _tries_n(mark)
        if tries_n >= TRIES_N_MAX:
            return False
        with open(TRIES, "w") as file:
            file.write("%s %d\n" % (mark, tries_n + 1))
        image.write(partition, feed)
        os.remove(TRIES)
        return True
    except OSError as error:
        sys.print_exception(error)  # type: ignore[attr-defined]
        return False


def _tries_n(mark: str) -> int:
    """How often the image of this firmware was begun; a file that cannot be read counts as none."""
    try:
        with open(TRIES) as file:
            of_mark, tries = file.read().split()
        return int(tries) if of_mark == mark else 0
    except (OSError, ValueError):
        return 0


class Image:
    """What the partition is to hold, as pieces of bytes and files of the slot."""

    def __init__(self, slot: str) -> None:
        pieces = _file(slot, MANIFEST) + _folder(slot, MANIFEST)
        length = _length(pieces)
        head = BEGINS + _number(length)
        if (len(head) + length) % 2:
            head = BEGINS + b"\x80" + _number(length)  # an even number of bytes; the leading 0 changes nothing
        self._pieces = [head] + pieces
        self.length = (len(head) + length + PAGE_BYTES - 1) // PAGE_BYTES * PAGE_BYTES

    def write(self, partition: Partition, feed) -> None:  # type: ignore[no-untyped-def]
        """Erase, then all pages but the first, then the first.  Raises OSError."""
        partition.erase(self.length, feed)
        gathered, at, first = b"", 0, b""
        for octets in self._octets():
            gathered += octets
            if not at and len(gathered) >= PAGE_BYTES:
                first, gathered, at = gathered[:PAGE_BYTES], gathered[PAGE_BYTES:], PAGE_BYTES
            whole = len(gathered) // PAGE_BYTES * PAGE_BYTES
            if whole >= PIECE_BYTES:
                partition.write(at, gathered[:whole])
                gathered, at = gathered[whole:], at + whole
                feed()
        if gathered:
            partition.write(at, gathered + b"\xff" * (-len(gathered) % PAGE_BYTES))
        partition.write(0, first)
        partition.end()

    def _octets(self):  # type: ignore[no-untyped-def]
        for piece in self._pieces:
            if isinstance(piece, bytes):
                yield piece
                continue
            with open(piece[0], "rb") as file:
                while True:
                    octets = file.read(PIECE_BYTES)
                    if not octets:
                        break
                    yield octets


def _number(number: int) -> bytes:
    """Seven bits a byte, the highest first; all but the last have the eighth set."""
    octets = bytes((number & 0x7F,))
    while number > 0x7F:
        number >>= 7
        octets = bytes((0x80 | number & 0x7F,)) + octets
    return octets


def _record(kind: int, name: str, pieces: list) -> list:  # type: ignore[type-arg]
    """A named record around its content."""
    named = _number(len(name)) + name.encode()
    return [_number(kind) + _number(len(named) + _length(pieces)) + named] + pieces


def _file(folder: str, name: str) -> list:  # type: ignore[type-arg]
    path = folder + "/" + name
    size = os.stat(path)[6]
    return _record(FILE, name, [_number(DATA) + _number(size), (path, size)])


def _folder(folder: str, besides: str = "") -> list:  # type: ignore[type-arg]
    """Records of all that is in a folder, in order of name."""
    pieces: list = []  # type: ignore[type-arg]
    for name in sorted(os.listdir(folder)):
        if os.stat(folder + "/" + name)[0] & DIRECTORY_MODE:
            pieces += _record(DIRECTORY, name, _folder(folder + "/" + name))
        elif name != besides:
            pieces += _file(folder, name)
    return pieces


def _length(pieces: list) -> int:  # type: ignore[type-arg]
    return sum([len(piece) if isinstance(piece, bytes) else piece[1] for piece in pieces])
