"""Transfers: written before acknowledged, resumed after a cut at every step, re-read before they count (SPEC 7.2)."""

import hashlib
from pathlib import Path

import pytest

from spinline_firmware.drivers.staging import Staging
from spinline_firmware.transfer import CHUNK_BYTES, LENGTH_MAX, PIECE_BYTES, PIECES_N, STATES, Transfer
from spinline_protocol import errors, messages
from spinline_protocol.states import IDLE
from spinline_protocol.states import STATES as ALL_STATES

OCTETS = bytes(i * 7 & 255 for i in range(5 * CHUNK_BYTES + 11))
SHA256 = hashlib.sha256(OCTETS).digest()
CHUNKS = [(at, OCTETS[at : at + CHUNK_BYTES]) for at in range(0, len(OCTETS), CHUNK_BYTES)]


class PowerCut(Exception):
    """The board lost its power."""


class CutStaging(Staging):
    """A file system whose power goes at its n-th act; a cut append leaves half of the bytes."""

    def __init__(self, folder: str, acts_n: int) -> None:
        super().__init__(folder)
        self.acts_n = acts_n

    def _act(self) -> None:
        self.acts_n -= 1
        if self.acts_n < 0:
            raise PowerCut

    def erase(self, label: str) -> None:
        self._act()
        super().erase(label)
        self._act()

    def append(self, octets: bytes) -> None:
        self.acts_n -= 1
        if self.acts_n < 0:
            super().append(octets[: len(octets) // 2])
            raise PowerCut
        super().append(octets)


class Answers:
    """A link that keeps what was answered."""

    def __init__(self) -> None:
        self.codes: list[tuple[int, ...]] = []
        self.progress_n = 0

    def answer_code(self, sequence: int, code: int, got: int = 0, limit: int = 0) -> None:
        self.codes.append((sequence, code, got, limit))

    def answer(self, sequence: int, payload: bytes) -> None:
        self.codes.append((sequence, payload[3]))

    def progress(self, sequence: int, done: int, total: int) -> None:
        assert 0 < done < total and done % (PIECE_BYTES * PIECES_N) == 0
        self.progress_n += 1


def sent(transfer: Transfer, octets: bytes = OCTETS, sha256: bytes = SHA256) -> None:
    """Begin and put all that is still wanted."""
    assert transfer.begin(0, len(octets), sha256) == errors.OK
    while transfer.offset < len(octets):
        at = transfer.offset
        assert transfer.put(at, octets[at : at + CHUNK_BYTES]) == errors.OK


def ended(transfer: Transfer, scans_n: int = 1000) -> tuple[int, Answers]:
    """The code of the end, after the scans it took."""
    link = Answers()
    transfer.serve(link, 9, messages.TRANSFER_END, [transfer.number], IDLE)
    while not link.codes and scans_n:
        transfer.scan(link, IDLE)
        scans_n -= 1
    return link.codes[0][1], link


def test_a_file_arrives_whole_and_only_under_its_two_names(tmp_path: Path) -> None:
    transfer = Transfer(Staging(f"{tmp_path}/"))
    sent(transfer)
    assert ended(transfer)[0] == errors.OK
    assert {file.name for file in tmp_path.iterdir()} == {"incoming.bin", "incoming.txt"}
    assert (tmp_path / "incoming.bin").read_bytes() == OCTETS


def test_a_power_cut_at_every_act_of_the_file_system_is_resumed_to_the_same_file(tmp_path: Path) -> None:
    for acts_n in range(2 + len(CHUNKS)):
        folder = tmp_path / str(acts_n)
        folder.mkdir()
        (folder / "incoming.bin").write_bytes(b"old" * 1000)
        (folder / "incoming.txt").write_text("7 0 3000 " + "00" * 32)
        with pytest.raises(PowerCut):
            sent(Transfer(CutStaging(f"{folder}/", acts_n)))
        after = Transfer(Staging(f"{folder}/"))
        sent(after)
        assert ended(after)[0] == errors.OK and after.generation == 8
        assert (folder / "incoming.bin").read_bytes() == OCTETS


def test_what_was_acknowledged_is_not_asked_for_again(tmp_path: Path) -> None:
    before = Transfer(Staging(f"{tmp_path}/"))
    before.begin(0, len(OCTETS), SHA256)
    for offset, chunk in CHUNKS[:3]:
        assert before.put(offset, chunk) == errors.OK
    after = Transfer(Staging(f"{tmp_path}/"))
    after.begin(0, len(OCTETS), SHA256)
    assert (after.offset, after.generation) == (3 * CHUNK_BYTES, before.generation)


def test_another_file_erases_what_was_staged_and_says_so(tmp_path: Path) -> None:
    transfer = Transfer(Staging(f"{tmp_path}/"))
    sent(transfer)
    generation = transfer.generation
    other = OCTETS[::-1]
    assert transfer.begin(0, len(other), hashlib.sha256(other).digest()) == errors.OK
    assert (transfer.offset, transfer.generation) == (0, generation + 1)


def test_a_wrong_hash_is_found_by_re_reading_and_the_next_begin_starts_anew(tmp_path: Path) -> None:
    transfer = Transfer(Staging(f"{tmp_path}/"))
    sent(transfer)
    content = tmp_path / "incoming.bin"
    content.write_bytes(OCTETS[:-1] + b"\0")
    assert ended(transfer)[0] == errors.HASH
    assert transfer.begin(0, len(OCTETS), SHA256) == errors.OK and transfer.offset == 0
    sent(transfer)
    content.write_bytes(OCTETS[:-1])
    assert ended(transfer)[0] == errors.HASH, "shorter than it was"


def test_re_reading_takes_a_bounded_piece_a_scan_and_tells_its_progress(tmp_path: Path) -> None:
    octets = bytes(PIECE_BYTES * PIECES_N * 3 + 1)
    transfer = Transfer(Staging(f"{tmp_path}/"))
    sent(transfer, octets, hashlib.sha256(octets).digest())
    code, link = ended(transfer, 4)
    assert (code, link.progress_n) == (errors.OK, 3)


def test_offsets_out_of_order_and_chunks_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    transfer = Transfer(Staging(f"{tmp_path}/"))
    transfer.begin(0, len(OCTETS), SHA256)
    assert transfer.put(CHUNK_BYTES, b"x") == errors.SEQUENCE
    assert transfer.put(0, b"") == transfer.put(0, bytes(CHUNK_BYTES + 1)) == errors.BAD_ARGUMENTS
    assert transfer.put(len(OCTETS), b"x") == errors.TOO_LARGE
    assert transfer.put(0, CHUNKS[0][1]) == errors.OK == transfer.put(0, CHUNKS[0][1])
    assert transfer.offset == CHUNK_BYTES == Staging(f"{tmp_path}/").size()


def test_what_cannot_be_meant_is_refused_before_anything_is_erased(tmp_path: Path) -> None:
    transfer = Transfer(Staging(f"{tmp_path}/"))
    assert transfer.begin(1, 5, SHA256) == transfer.begin(0, 0, SHA256) == errors.BAD_ARGUMENTS
    assert transfer.begin(0, 5, SHA256[:-1]) == errors.BAD_ARGUMENTS
    assert transfer.begin(0, LENGTH_MAX + 1, SHA256) == errors.TOO_LARGE
    assert list(tmp_path.iterdir()) == []


def test_only_a_line_that_stands_takes_a_transfer(tmp_path: Path) -> None:
    for state in range(len(ALL_STATES)):
        transfer, link = Transfer(Staging(f"{tmp_path}/")), Answers()
        transfer.serve(link, 1, messages.TRANSFER_BEGIN, [0, len(OCTETS), SHA256], state)
        assert link.codes[0][1] == (errors.OK if state in STATES else errors.STATE)


def test_a_line_that_starts_ends_the_re_reading(tmp_path: Path) -> None:
    octets = bytes(PIECE_BYTES * PIECES_N * 3)
    transfer, link = Transfer(Staging(f"{tmp_path}/")), Answers()
    sent(transfer, octets, hashlib.sha256(octets).digest())
    transfer.serve(link, 4, messages.TRANSFER_END, [transfer.number], IDLE)
    transfer.scan(link, IDLE)
    transfer.serve(link, 5, messages.TRANSFER_PUT, [transfer.number, 0, b"x"], IDLE)
    transfer.scan(link, 1)
    transfer.scan(link, 1)
    assert [code[:2] for code in link.codes] == [(5, errors.BUSY), (4, errors.STATE)]


def test_a_number_of_another_transfer_and_an_early_end_are_refused(tmp_path: Path) -> None:
    transfer, link = Transfer(Staging(f"{tmp_path}/")), Answers()
    transfer.serve(link, 1, messages.TRANSFER_PUT, [0, 0, b"x"], IDLE)
    transfer.begin(0, len(OCTETS), SHA256)
    transfer.serve(link, 2, messages.TRANSFER_PUT, [transfer.number + 1, 0, b"x"], IDLE)
    transfer.serve(link, 3, messages.TRANSFER_END, [transfer.number], IDLE)
    transfer.stop()
    transfer.serve(link, 4, messages.TRANSFER_END, [transfer.number], IDLE)
    codes = [code[1] for code in link.codes]
    assert codes == [errors.CONFLICT, errors.CONFLICT, errors.SEQUENCE, errors.CONFLICT]


def test_a_full_disk_is_told_and_what_it_took_is_counted(tmp_path: Path) -> None:
    class Full(Staging):
        def append(self, octets: bytes) -> None:
            super().append(octets[:5])
            raise OSError(28)

    transfer = Transfer(Full(f"{tmp_path}/"))
    transfer.begin(0, len(OCTETS), SHA256)
    assert transfer.put(*CHUNKS[0]) == errors.TOO_LARGE and transfer.offset == 5
