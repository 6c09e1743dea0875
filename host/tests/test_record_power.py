"""Power cuts in a model of the disk where only synced writes are sure: no acknowledged scan may be lost.

With synchronous=NORMAL the same cuts must lose some: a model that cannot tell the two apart proves nothing.
"""

import random
from pathlib import Path

import apsw
import pytest

from host.tests.test_record_journal import AT_US, configuration_of, scan, started
from spinline.recipe.compiler import NodeConfiguration
from spinline.record.journal import Journal

CUTS_N = 100
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
        self.acknowledged = -1
        self.cuts: list[tuple[int, dict[str, bytes]]] = []

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
        if self.acknowledged < 0:
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
    def __init__(self, disk: Disk, name, flags) -> None:
        path = name.filename() if isinstance(name, apsw.URIFilename) else name
        self.disk, self.name = disk, Path(path).name
        super().__init__("", name, flags)

    def xWrite(self, octets, offset):  # noqa: N802
        super().xWrite(octets, offset)
        self.disk.note(self.name, offset, bytes(octets))

    def xTruncate(self, size):  # noqa: N802
        super().xTruncate(size)
        self.disk.note(self.name, size, None)

    def xSync(self, flags):  # noqa: N802
        super().xSync(flags)
        self.disk.sync(self.name)


class WatchedVfs(apsw.VFS):
    def __init__(self, disk: Disk) -> None:
        self.disk = disk
        super().__init__("watched", "")

    def xOpen(self, name, flags):  # noqa: N802
        return WatchedFile(self.disk, name, flags)

    def xDelete(self, name, sync_folder):  # noqa: N802
        super().xDelete(name, sync_folder)
        self.disk.delete(Path(name).name)


def _written(folder: Path, disk: Disk, synchronous: str) -> int:
    """A journal written on the modelled disk; returns how many steps the disk took."""
    vfs = WatchedVfs(disk)
    try:
        journal = Journal.create(folder / "journal.sqlite", vfs="watched")
        run = journal.add_node(*started_arguments())
        journal.add_clock(run, 0, AT_US, 0, 0, "sync")
        journal._connection.pragma("wal_autocheckpoint", 25)  # so that cuts fall into checkpoints too
        journal._connection.pragma("synchronous", synchronous)
        for i in range(COMMITS_N):
            journal.add_scans(run, 5 * i, [scan(5 * i + k, 30) for k in range(5)])
            journal.commit()
            disk.acknowledged = journal.scans_to(run)
        steps_n = disk.steps_n
        journal.close()
    finally:
        vfs.unregister()
    return steps_n


def started_arguments() -> tuple[str, NodeConfiguration, str, str, int]:
    return "melt", configuration_of(30), "aa" * 32, "1.25.0", 32


def _losses(folder: Path, synchronous: str, survive: float) -> int:
    """Cuts after which an acknowledged scan is missing; a damaged journal raises."""
    (folder / "dry").mkdir()
    steps_n = _written(folder / "dry", Disk(set(), survive), synchronous)
    disk = Disk(set(random.Random(11).sample(range(1, steps_n), CUTS_N)), survive)
    (folder / "cut").mkdir()
    _written(folder / "cut", disk, synchronous)
    assert len(disk.cuts) == CUTS_N
    losses = 0
    for i, (acknowledged, files) in enumerate(disk.cuts):
        after = folder / f"after{i}"
        after.mkdir()
        for name, octets in files.items():
            (after / name).write_bytes(octets)
        journal = Journal.open(after / "journal.sqlite")
        losses += journal.scans_to(journal.runs()[0].run) < acknowledged
        journal.close()
    return losses


@pytest.mark.parametrize("survive", [0.0, 0.5, 1.0])
def test_no_acknowledged_scan_is_lost_in_a_power_cut(tmp_path, survive):
    assert _losses(tmp_path, "full", survive) == 0


def test_the_modelled_disk_loses_scans_that_were_not_synced(tmp_path):
    assert _losses(tmp_path, "normal", 0.0) > CUTS_N // 2


def test_a_started_journal_is_whole_before_its_first_scan(tmp_path):
    journal, run = started(tmp_path / "j.sqlite")
    journal.close()
    assert [known.run for known in Journal.open(tmp_path / "j.sqlite").runs()] == [run]
