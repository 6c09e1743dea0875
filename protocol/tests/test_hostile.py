"""Hostile bytes, the same for both ends: one kind of refusal, no exception out of a link, no heap that grows.

The board's end runs on a real MicroPython whose heap is a few kB larger than the code itself needs.
"""

from __future__ import annotations

import gc
import json
import random
import struct
import subprocess
import tracemalloc
from pathlib import Path

import pytest

from hil_tests.bench.interpreters import Interpreter, InterpreterMissing, find_interpreter
from spinline_protocol import framing, host_link, messages
from spinline_protocol.host_link import HostLink
from spinline_protocol.host_messages import pack_message, unpack_message
from spinline_protocol.schema import schema_sha256

HERE = Path(__file__).resolve().parent
PROGRAM = HERE / "hostile.py"
VECTORS = json.loads((HERE / "../golden/vectors.json").read_text(encoding="utf-8"))["vectors"]
RAW = 255
PIECES_N = 6000
SPARE_KB = 10  # beside the code: the reader's 512 bytes, a frame, its message, the output, the corpus's piece
RUN_SECONDS_MAX = 100
PEAK_BYTES_MAX = 65_536  # of the host, above what it holds: a frame is 252 bytes
HEADS = [bytes.fromhex(text) for text in "dcffff ddffffffff c4ff c5ffff c6ffffffff d9ff daffff dbffffffff".split()]
HEADS += [bytes.fromhex(text) for text in "deffff dfffffffff c7ffff c8ffffff c9ffffffffff cb ca c1 cf d3 80 8f".split()]


def payload(chance: random.Random) -> bytes:
    """A payload that is no message, or hardly one."""
    good = bytes.fromhex(chance.choice(VECTORS)["board" if chance.random() < 0.5 else "host"])
    kind = chance.randrange(7)
    if kind == 0:
        return chance.randbytes(chance.randrange(241))
    if kind == 1:  # a golden message with some bytes changed
        changed = bytearray(good)
        for _ in range(chance.randint(1, 3)):
            changed[chance.randrange(len(changed))] = chance.choice((0, 3, 0x7D, 0x7E, 0xFF, chance.randrange(256)))
        return bytes(changed)
    if kind == 2:
        return good[: chance.randrange(len(good))]
    if kind == 3:  # a tower of arrays, with or without an end
        return bytes((0x91,)) * chance.randint(1, 239) + chance.choice((b"", b"\x00"))
    if kind == 4:
        return chance.choice((b"", b"\x91", b"\x92\x18", good[:2])) + chance.choice(HEADS) + chance.randbytes(9)
    if kind == 5:
        return b"\xdc" + struct.pack(">H", chance.choice((1, 64, 65, 239, 65535))) + bytes(chance.randrange(230))
    return good + chance.randbytes(chance.randrange(9))


def piece(chance: random.Random) -> tuple[int, bytes]:
    """What comes at once: a frame's kind and payload, or raw bytes."""
    kind = chance.randrange(12)
    if kind < 8:
        return chance.randrange(16), payload(chance)[:240]
    if kind == 8:
        return RAW, chance.randbytes(chance.randrange(600))
    if kind == 9:
        return RAW, bytes((chance.choice((3, 0x7D, 0x5E, 0, 0x91)),)) * chance.randrange(600)  # no flag: never ends
    frame = bytearray(framing.encode(1, 0, chance.randrange(256) & 0x3F, 5, 5, payload(chance)[:230]))
    if kind == 10:
        return RAW, bytes(frame[: chance.randrange(len(frame))])
    frame[chance.randrange(len(frame))] ^= 1 << chance.randrange(8)
    return RAW, bytes(frame)


def pieces(seed: int) -> list[tuple[int, bytes]]:
    chance = random.Random(seed)
    return [piece(chance) for _ in range(PIECES_N)]


@pytest.fixture(scope="module")
def interpreter() -> Interpreter:
    try:
        return find_interpreter()
    except InterpreterMissing as error:
        pytest.skip(f"missing tool: {error}")


def started(interpreter: Interpreter, heap_kb: int, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [*interpreter.command, "-X", f"heapsize={heap_kb}k", str(PROGRAM), *arguments]
    limits = {"timeout": RUN_SECONDS_MAX, "stdin": subprocess.DEVNULL}
    return subprocess.run(command, capture_output=True, text=True, **limits)  # type: ignore[call-overload,no-any-return]


def smallest_heap_kb(interpreter: Interpreter) -> int:
    """The least heap in which the program can be loaded and a session opened, by halving."""
    too_small, enough = 8, 512
    assert started(interpreter, enough).stdout == "imported\n"
    while enough - too_small > 1:
        middle = (too_small + enough) // 2
        if started(interpreter, middle).stdout == "imported\n":
            enough = middle
        else:
            too_small = middle
    return enough


@pytest.mark.wall
@pytest.mark.parametrize("seed", (1, 2))
def test_a_board_with_hardly_more_heap_than_its_code_takes_withstands_hostile_bytes_and_grows_by_nothing(
    interpreter: Interpreter, tmp_path: Path, seed: int
) -> None:
    corpus = tmp_path / "corpus"
    corpus.write_bytes(b"".join(struct.pack("<BH", kind, len(octets)) + octets for kind, octets in pieces(seed)))
    heap_kb = smallest_heap_kb(interpreter) + SPARE_KB
    done = started(interpreter, heap_kb, str(corpus), str(PIECES_N // 2))
    print(f"{interpreter}: heap of {heap_kb} kB", done.stdout, done.stderr, sep="\n")
    assert done.returncode == 0, done.stderr
    pieces_n, refusals_n, opened_n, growth_bytes = map(int, done.stdout.split())
    assert pieces_n == PIECES_N and growth_bytes <= 0
    assert PIECES_N > refusals_n > PIECES_N // 2 and opened_n > 1


class Host:
    """A viewer's host that is brought to a state, and hears hostile bytes in it."""

    def __init__(self) -> None:
        self.link = HostLink(framing.UNASSIGNED, "test", lambda count: b"n" * count)

    def bring_to(self, state: str) -> None:
        self.link.open(2000, 0)
        if state != host_link.GREETING:
            numbers = (1, 0, 7, 1, 0, 240, 4, 0, 0, 0, 0, 0)
            texts = (b"n" * 8, b"d" * 8, b"id", b"fw", schema_sha256(), bytes(32))
            self.hear(framing.CONTROL, pack_message(messages.HELLO_ACK, (*numbers, *texts)), 0)
        if state == host_link.OPEN:
            self.hear(framing.CONTROL, pack_message(messages.OPENED, (7, 2000, "viewer", b"")), 7)
        assert self.link.state == state
        self.link.take_output()

    def hear(self, kind: int, octets: bytes, session: int = 7) -> None:
        if kind != RAW:
            octets = framing.encode(0, 1, framing.FROM_DEVICE | kind, session, 1, octets)
        self.link.receive(octets, 0)
        self.link.poll(0)


@pytest.mark.parametrize("state", (host_link.GREETING, host_link.OPENING, host_link.OPEN))
def test_a_host_withstands_the_same_bytes_and_keeps_nothing_of_them(state: str) -> None:
    host, corpus, held = Host(), pieces(3), 0
    tracemalloc.start()
    try:
        for i, (kind, octets) in enumerate(corpus):
            if host.link.state != state:
                host.bring_to(state)
            host.hear(kind, octets)
            host.link.take_output()
            if i == PIECES_N // 2:
                host.bring_to(state)
                gc.collect()
                held = tracemalloc.get_traced_memory()[0]
                tracemalloc.reset_peak()
        peak = tracemalloc.get_traced_memory()[1]
        host.bring_to(state)
        gc.collect()
        grown = tracemalloc.get_traced_memory()[0] - held
    finally:
        tracemalloc.stop()
    assert peak - held < PEAK_BYTES_MAX and grown < framing.READER_BYTES_MAX + framing.CONSOLE_BYTES_MAX + 1024


def test_the_hosts_decoder_refuses_each_hostile_payload_in_one_way() -> None:
    refused_n = 0
    for _kind, octets in pieces(4):
        try:
            unpack_message(octets)
        except ValueError:
            refused_n += 1
    assert PIECES_N > refused_n > PIECES_N // 2
