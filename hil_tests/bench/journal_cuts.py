"""Power cuts for the journal, in a model of the disk where only synced writes are sure; and a writer that is killed."""

from __future__ import annotations

import multiprocessing
import random
import signal
from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import apsw

from spinline.errors import BadFile
from spinline.recipe.compiler import NodeConfiguration, Recorded
from spinline.record.journal import Journal
from spinline_protocol.configuration import OF_INPUT
from spinline_protocol.quantities import TEMPERATURE

AT_US = 1_790_000_000_000_000
MIDNIGHT_US = 1_790_035_200_000_000
assert MIDNIGHT_US % 86_400_000_000 == 0
COLUMNS_N = 30
COMMITS_N = 120


class Disk:
    """Every file as it is sure to be after a cut, and the writes since its last sync."""

    def __init__(self, cuts_at: set[int], survive: float) -> None:
        self.sure: dict[str, bytearray] = {}
        self.unsure: dict[str, list[tuple[int, bytes | None]]] = {}
        self.cuts_at = cuts_at
        self.survive = survive
        self.random = random.Random(3)
        self.steps_n = 0
        self.acknowledged = (-1, 0)  # scan, actions
        self.cuts: list[tuple[tuple[int, int], dict[str, bytes]]] = []

    def note(self, name: str, at: int, octets: bytes | None) -> None:
        """A write at a place, or with None a new length; then the power may fail."""
        self.unsure.setdefault(name, []).append((at, octets))
        self.step()

    def sync(self, name: str) -> None:
        for change in self.unsure.pop(name, []):
            self._apply(self.sure.setdefault(name, bytearray()), *change)
        self.step()

    def delete(self, name: str) -> None:
        """Sure at once: folders are not modelled, and only the creation of a journal deletes a file."""
        self.sure.pop(name, None)
        self.unsure.pop(name, None)

    def step(self) -> None:
        if self.acknowledged[0] < 0:
            return  # nothing to lose yet
        self.steps_n += 1
        if self.steps_n in self.cuts_at:
            self.cuts.append((self.acknowledged, self._after_cut()))

    def _after_cut(self) -> dict[str, bytes]:
        files = {name: bytearray(octets) for name, octets in self.sure.items()}
        for name, changes in self.unsure.items():
            for change in changes:
                if self.random.random() < self.survive:
                    self._apply(files.setdefault(name, bytearray()), *change)
        return {name: bytes(octets) for name, octets in files.items()}

    @staticmethod
    def _apply(file: bytearray, at: int, octets: bytes | None) -> None:
        if octets is None:
            del file[at:]
        else:
            file.extend(bytes(max(0, at + len(octets) - len(file))))
            file[at : at + len(octets)] = octets


class WatchedFile(apsw.VFSFile):
    def __init__(self, disk: Disk, name: Any, flags: list[int]) -> None:
        path = name.filename() if isinstance(name, apsw.URIFilename) else name
        self.disk, self.name = disk, Path(path).name
        super().__init__("", name, flags)

    def xWrite(self, octets: Any, offset: int) -> None:  # noqa: N802
        super().xWrite(octets, offset)
        self.disk.note(self.name, offset, bytes(octets))

    def xTruncate(self, size: int) -> None:  # noqa: N802
        super().xTruncate(size)
        self.disk.note(self.name, size, None)

    def xSync(self, flags: int) -> None:  # noqa: N802
        super().xSync(flags)
        self.disk.sync(self.name)


class WatchedVfs(apsw.VFS):
    def __init__(self, disk: Disk) -> None:
        self.disk = disk
        super().__init__("watched", "")

    def xOpen(self, name: Any, flags: list[int]) -> apsw.VFSFile:  # noqa: N802
        return WatchedFile(self.disk, name, flags)

    def xDelete(self, name: str, sync_folder: bool) -> None:  # noqa: N802
        super().xDelete(name, sync_folder)
        self.disk.delete(Path(name).name)


def configuration() -> NodeConfiguration:
    """A node with COLUMNS_N temperatures, four scans a second."""
    columns = tuple(Recorded(f"melt.Z{i}.pv", OF_INPUT, i, TEMPERATURE) for i in range(COLUMNS_N))
    return NodeConfiguration("melt", (), bytes(32), columns, 250)


def scan(scan_i: int) -> tuple[int, ...]:
    """State, flags, quality and the numbers of a scan."""
    return (2, 2, scan_i % 4, *(1000 * scan_i + i for i in range(COLUMNS_N)))


def _written(folder: Path, disk: Disk, synchronous: str) -> int:
    """A journal written on the modelled disk, over midnight; returns how many steps the disk took."""
    vfs = WatchedVfs(disk)
    try:
        journal = Journal.create(folder / "journal.sqlite", vfs="watched")
        run = journal.add_node("melt", configuration(), "aa" * 32, "1.25.0", 32)
        journal.add_clock(run, 0, MIDNIGHT_US - 250_000 * (5 * COMMITS_N // 2 + 2), 0, 0, "sync")  # within a commit
        for i in range(COMMITS_N):
            for connection in (journal._connection, *journal._days.connections):
                connection.pragma("wal_autocheckpoint", 25)  # so that cuts fall into checkpoints too
                connection.pragma("synchronous", synchronous)
            journal.add_scans(run, 5 * i, [scan(5 * i + k) for k in range(5)])
            if i % 3 == 0:
                journal.add_action(AT_US, "K. Lang", "note", str(i), None, None)
            journal.commit()
            disk.acknowledged = (journal.scans_to(run), i // 3 + 1)
        steps_n = disk.steps_n
        journal.close()
    finally:
        vfs.unregister()
    return steps_n


def losses(folder: Path, synchronous: str, survive: float, cuts_n: int) -> int:
    """Cuts, before, inside and after commits, behind which something acknowledged is missing; a damaged journal raises.

    ``survive`` is the share of writes without a sync that are on the disk all the same.
    """
    (folder / "dry").mkdir()
    steps_n = _written(folder / "dry", Disk(set(), survive), synchronous)
    disk = Disk(set(random.Random(11).sample(range(1, steps_n), cuts_n)), survive)
    (folder / "cut").mkdir()
    _written(folder / "cut", disk, synchronous)
    assert len(disk.cuts) == cuts_n
    return sum(_lost(folder / f"after{i}", *cut) for i, cut in enumerate(disk.cuts))


def _lost(after: Path, acknowledged: tuple[int, int], files: dict[str, bytes]) -> bool:
    """Open what a cut has left, as a supervisor does that comes back, and go on over midnight."""
    after.mkdir()
    for name, octets in files.items():
        (after / name).write_bytes(octets)
    try:
        journal = Journal.open(after / "journal.sqlite")
    except BadFile as refusal:
        if "has lost records" in str(refusal):
            return True
        raise
    run = journal.runs()[0].run
    there = journal.scans_to(run)
    reader = journal.reader()
    assert reader.misfit() is None, "what is there fits"
    lost = there < acknowledged[0] or len(reader.records("action")) < acknowledged[1]
    reader.close()
    journal.add_clock(run, 0, MIDNIGHT_US - 250_000 * (5 * COMMITS_N // 2), 0, 0, "sync")  # half a second off by now
    journal.add_scans(run, 0, [scan(i) for i in range(5 * COMMITS_N)])
    journal.commit()
    reader = journal.reader()
    found = reader.scans(run, 0, 5 * COMMITS_N)
    reader.close()
    assert [row[0] for row in found] == list(range(5 * COMMITS_N)), "each scan once, in one of the days"
    assert all(row[2:] == scan(int(str(row[0]))) for row in found)
    journal.close()
    return lost


WRITTEN_N = 20  # scans a commit of the writer
LINES_N_MAX = 2000  # the writer stops by itself where nobody kills it


def write_for_ever(path: Path, acknowledged: Connection) -> None:
    """The writer: goes on with a journal, or makes it; tells each last scan that it has acknowledged."""
    if path.exists():
        journal = Journal.open(path)
        run = journal.runs()[0].run
    else:
        journal = Journal.create(path)
        run = journal.add_node("melt", configuration(), "aa" * 32, "1.25.0", 32)
    journal.add_clock(run, 0, AT_US, 0, 0, "sync")
    for _ in range(LINES_N_MAX):
        first = journal.scans_to(run) + 1
        journal.add_scans(run, first, [scan(first + i) for i in range(WRITTEN_N)])
        journal.commit()
        acknowledged.send(journal.scans_to(run))


def killed_after(path: Path, commits_n: int) -> int:
    """Let the writer acknowledge so many commits, kill it, and return the last scan it acknowledged.

    It is a process of its own, forked from one that has nothing but the imports.
    """
    processes = multiprocessing.get_context("forkserver")
    processes.set_forkserver_preload([write_for_ever.__module__])
    told, tells = processes.Pipe(duplex=False)
    writer = processes.Process(target=write_for_ever, args=(path, tells))
    writer.start()
    tells.close()
    try:
        for _ in range(commits_n):
            last = told.recv()
    finally:
        writer.kill()
        writer.join(60)
    assert writer.exitcode == -signal.SIGKILL
    with suppress(EOFError):
        while True:
            last = told.recv()  # what it told before the signal came
    told.close()
    return int(last)


def scans_there(path: Path) -> int:
    """The last scan that a journal holds, opened as a supervisor does that comes back."""
    journal = Journal.open(path)
    there = journal.scans_to(journal.runs()[0].run)
    journal.close()
    return there
