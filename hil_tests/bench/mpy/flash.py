"""A board's flash under littlefs, whose programs and erases can be cut, torn or worn.  Runs on MicroPython.

    micropython flash.py FAULT FOLDER_OF_FIRMWARE FOLDER_OF_PROTOCOL

lays P1, P2, P3, P4 or P9 at every effect of a key that is put, a configuration and a number that are kept, events that
are noted and a file that is staged, and prints one line: how many cases, and what was wrong.  CONTROL lays P2 at a
store that overwrites its file: there something has to be wrong.  After each cut the file system is mounted anew from
what the flash then holds, by objects that never saw what was before.
"""

import os
import sys

BLOCK_BYTES = 4096
BLOCKS_N = 24
PROGRAM_BYTES = 256
READBLOCKS, BLOCK_COUNT, BLOCK_SIZE, ERASE = 1, 4, 5, 6
BITS = 8  # in place of a share: each bit by chance
SHARES = (0, 1, 4, 7, BITS)  # eighths of an effect that are done when power goes
WRONG_N_MAX = 5


class Flash:
    """Blocks of bytes; a program clears bits, an erase sets them.  The effect ``cut_at`` is the last, done in part."""

    def __init__(self, octets=None):
        self.octets = bytearray(octets or b"\xff" * (BLOCK_BYTES * BLOCKS_N))
        self.effects = []  # "program" or "erase", in order
        self.cut_at = 0
        self.share = 0
        self.worn = -1
        self.dead = False
        self._chance = 1

    def readblocks(self, block, buffer, offset=0):
        at = block * BLOCK_BYTES + offset
        buffer[:] = self.octets[at : at + len(buffer)]

    def writeblocks(self, block, buffer, offset=0):
        self._change("program", block * BLOCK_BYTES + offset, buffer)
        if block == self.worn:
            self.octets[block * BLOCK_BYTES + offset] ^= 0x10

    def ioctl(self, operation, argument):
        if operation == ERASE:
            self._change("erase", argument * BLOCK_BYTES, b"\xff" * BLOCK_BYTES)
        return {BLOCK_COUNT: BLOCKS_N, BLOCK_SIZE: BLOCK_BYTES}.get(operation, 0)

    def _change(self, kind, at, wanted):
        if self.dead:
            raise OSError(5)
        self.effects.append(kind)
        whole = len(self.effects) != self.cut_at
        if whole and kind == "erase":
            self.octets[at : at + len(wanted)] = wanted
            return
        done_n = len(wanted) if whole else 0 if self.share == BITS else len(wanted) * self.share // 8
        for i in range(len(wanted)):
            if i < done_n:
                self._set(at + i, wanted[i], kind, 0xFF)
            elif not whole and self.share == BITS:
                self._chance = self._chance * 75 % 65537
                self._set(at + i, wanted[i], kind, self._chance & 0xFF)
        if not whole:
            self.dead = True
            raise OSError(5)

    def _set(self, at, octet, kind, bits):
        old = self.octets[at]
        self.octets[at] = old | bits if kind == "erase" else old & (octet | ~bits & 0xFF)


def mounted(flash, act):
    """What ``act`` returns on the file system of a flash; None where it was cut or failed."""
    os.mount(os.VfsLfs2(flash, progsize=PROGRAM_BYTES), "/flash")
    os.chdir("/flash")
    try:
        return act()
    except OSError:
        return None
    finally:
        os.chdir("/")
        try:
            os.umount("/flash")
        except OSError:
            pass  # without power nothing is written at the end


class Keys:
    """The key store: one key is put in place of another."""

    def __init__(self):
        from spinline_firmware.keystore import KeyStore

        self._store = KeyStore

    def prepare(self):
        store = self._store()
        return store.put(1, b"\x01" * 32) and store.put(2, b"\x02" * 32)

    def act(self):
        return self._store().put(1, b"\x03" * 32)

    def wrong(self, done):
        """What is wrong after a start; ``done``: the act said that it was done."""
        store = self._store()
        if store.of(2) != b"\x02" * 32:
            return "the other role has lost its key"
        if store.of(1) not in ((b"\x03" * 32,) if done else (b"\x01" * 32, b"\x03" * 32)):
            return "the key is neither the old nor the new one" if not done else "the new key is not there"
        return ""


class Shadow:
    """In place of a transaction: takes the rows of a configuration."""

    def begin(self, rows_n, digest):
        self.rows, self.digest = [], digest
        return 0

    def put(self, row_i, table, octets):
        self.rows.append((table, octets))
        return 0

    def prepare(self):
        return 0, []


class Tables:
    """A configuration and a number are kept in place of others, piece by piece."""

    SCHEMA = b"s" * 32

    def _kept(self):
        from spinline_firmware.kept import BOOTS, Kept

        self._boots = BOOTS
        return Kept(self.SCHEMA)

    def _keep(self, word):
        kept = self._kept()
        kept.keep([[(word,) * 30] * 6, [(word,) * 20]], b"\0\0\0\1\0\0\0", bytes((word,)) * 32)
        kept.put_number(self._boots, word)
        while kept.waits():
            kept.step()
        return True

    def prepare(self):
        return self._keep(1)

    def act(self):
        return self._keep(2)

    def wrong(self, done):
        kept, shadow = self._kept(), Shadow()
        if kept.load(shadow) or kept.number(self._boots) not in ((2,) if done else (1, 2)):
            return "no configuration, or a number that nobody put"
        word = shadow.digest[0]
        whole = [(1 if i == 3 else 0, bytes((word, 0, 0, 0)) * (20 if i == 3 else 30)) for i in range(7)]
        if shadow.rows != whole or word not in ((2,) if done else (1, 2)):
            return "the configuration is neither the old nor the new one"
        return ""


class Noted:
    """Three times events are noted, beyond the end of the ring's first file."""

    FIRST_N = 62

    def __init__(self):
        self._sure_n = 0

    def _ring(self, boot_id):
        from spinline_firmware.drivers.event_files import EventFiles
        from spinline_firmware.event_ring import EventRing

        return EventRing(EventFiles(), boot_id)

    def _note(self, first, count):
        ring = self._ring(1)
        for event_i in range(first, first + count):
            ring.note((event_i, 7, 1, 2, -3, 4))
        while ring.waits():
            ring.write()

    def prepare(self):
        for first in range(0, self.FIRST_N, 20):
            self._note(first, min(20, self.FIRST_N - first))
        return True

    def act(self):
        self._sure_n = 0
        for i in range(3):
            self._note(self.FIRST_N + 2 * i, 2)
            self._sure_n += 2
        return True

    def wrong(self, done):
        sure_n, self._sure_n = self.FIRST_N + self._sure_n, 0
        told = [event[0] for event in self._ring(2).earlier()]
        apart = sorted(set(told))  # an act that was cut is done again: its events are there twice
        if apart != list(range(len(apart))) or len(apart) < sure_n:
            return "%d events are sure, these are told: %s" % (sure_n, told)
        return ""


class Overwritten:
    """A store as it must not be: the file is opened for writing and written."""

    def prepare(self):
        return self._write(b"old")

    def act(self):
        return self._write(b"new")

    def _write(self, what):
        with open("keys.bin", "wb") as file:
            file.write(what * 20)
            file.flush()
        with open("keys.bin", "ab") as file:
            file.write(what * 20)
        return True

    def wrong(self, done):
        with open("keys.bin", "rb") as file:
            return "" if file.read() in (b"old" * 40, b"new" * 40) else "half a file"


class Staged:
    """The staging file: another label, two pieces of content."""

    def __init__(self):
        from spinline_firmware.drivers.staging import Staging

        self._staging = Staging
        self._added_n = 0

    def prepare(self):
        staging = self._staging()
        staging.erase("old")
        staging.append(b"o" * 700)
        return True

    def act(self):
        staging = self._staging()
        self._added_n = 0
        staging.erase("new")
        for _ in range(2):
            staging.append(b"n" * 600)
            self._added_n += 1
        return True

    def wrong(self, done):
        staging, sure_n, self._added_n = self._staging(), 600 * self._added_n, 0
        label, size = staging.label(), staging.size()
        content = bytearray(size)
        if size and staging.read_into(0, content) != size:
            return "the content cannot be read"
        if label == "new":
            good = size >= sure_n and size in (0, 600, 1200) and bytes(content) == b"n" * size
        else:
            good = not done and not sure_n and label == "old" and bytes(content) == b"o" * size
        return "" if good else "label %r with %d bytes, %d are sure" % (label, size, sure_n)


def prepared(store):
    flash = Flash()
    os.VfsLfs2.mkfs(flash, progsize=PROGRAM_BYTES)
    assert mounted(flash, store.prepare)
    return bytes(flash.octets)


def effects_of(image, store):
    flash = Flash(image)
    assert mounted(flash, store.act)
    return flash.effects


def cut(image, store, at, share):
    """What the flash holds after the act was cut at an effect, and whether the act was done all the same."""
    flash = Flash(image)
    flash.cut_at, flash.share = at, share
    done = mounted(flash, store.act)
    assert flash.dead
    return bytes(flash.octets), done


def found(image, store, done):
    """What is wrong with a flash at the next start; empty where nothing is."""
    told = mounted(Flash(image), lambda: store.wrong(done) or "right")
    return "the file system or the store fails" if told is None else "" if told == "right" else told


def cases(fault, image, store):
    """(name, image to start from, whether the act was done) of every case of a fault."""
    effects = effects_of(image, store)
    for i in range(len(effects)):
        shares = (0,) if fault == "P1" else SHARES
        if (fault, effects[i]) in (("P2", "erase"), ("P3", "program")) or fault == "P9":
            continue
        for share in shares:
            after, done = cut(image, store, i + 1, share)
            if fault != "P4":
                yield "%s %d, share %d" % (effects[i], i, share), after, done
                continue
            again_n = len(effects_of(after, store))
            for again in range(again_n):
                twice, done = cut(after, store, again + 1, share)
                yield "%d, then %d, share %d" % (i, again, share), twice, done
    for block in range(BLOCKS_N if fault == "P9" else 0):
        flash = Flash(image)
        flash.worn = block
        done = mounted(flash, store.act)
        yield "worn block %d" % block, bytes(flash.octets), done


def main(fault):
    cases_n, wrong = 0, []
    all_stores = (Keys(), Tables(), Noted(), Staged())
    stores = {"P4": all_stores[:3], "CONTROL": (Overwritten(),)}.get(fault, all_stores)
    for store in stores:
        image = prepared(store)
        for name, after, done in cases(fault, image, store):
            cases_n += 1
            told = found(after, store, done)
            if told:
                wrong.append("%s: %s" % (name, told))
            elif mounted(Flash(after), store.act) is None and fault != "P9":
                wrong.append("%s: it cannot be done again" % name)
    print("%d cases; %d wrong; %s" % (cases_n, len(wrong), "; ".join(wrong[:WRONG_N_MAX])))


if __name__ == "__main__":
    sys.path[:0] = sys.argv[2:]
    main(sys.argv[1])
