"""Gives a recorded batch to the firmware again and compares scan by scan.

What the scan was given is what the record holds: measured numbers with their quality, orders, lease, permit.  What it
then does is compared whole: state, flags, and every recorded number.  So this proves setpoints, control, interlocks,
monitors and modes, not what stands before them: chips, drivers and the judgement of the sensors.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from spinline.record.decode import RecordDecoder
from spinline_protocol import errors
from spinline_protocol.configuration import MODES, OF_MODE
from spinline_protocol.quantities import QUANTITIES
from spinline_protocol.states import STATES

from .interpreters import Interpreter
from .mpy import layout
from .recorded_run import Passage, Row, passages
from .replay_process import BLOCK_WORDS, Frame, ReplayProcess

Change = Callable[[Passage], None]


@dataclass(frozen=True)
class Difference:
    """The first scan of a node that comes out otherwise; ``at_us`` is UTC, numbers with their unit."""

    node: str
    scan: int
    at_us: int
    tag: str
    recorded: str
    replayed: str


@dataclass
class NodeReplay:
    """What came of one node: how many scans were equal, the first that was not, and what could not be compared."""

    node: str
    firmware_sha256: str
    equal_n: int = 0
    difference: Difference | None = None
    left_out: list[str] = field(default_factory=list)


def replay(journal: Path, interpreter: Interpreter, change: Change = lambda _passage: None) -> list[NodeReplay]:
    """Replay every node of a journal; ``change`` may alter what is given.  Raises BadFile, NodeDied."""
    found = passages(journal)
    results = []
    for node in dict.fromkeys(passage.node for passage in found):
        of_node = [passage for passage in found if passage.node == node]
        for passage in of_node:
            change(passage)
        results.append(_replay_node(of_node, interpreter))
    return results


def first_difference(results: list[NodeReplay]) -> Difference | None:
    """The earliest of all nodes; None where everything compared is equal."""
    found = [result.difference for result in results if result.difference is not None]
    return min(found, key=lambda difference: difference.at_us, default=None)


def _replay_node(of_node: list[Passage], interpreter: Interpreter) -> NodeReplay:
    result = NodeReplay(of_node[0].node, "")
    process, before = None, None
    try:
        for passage in of_node:
            result.left_out += passage.left_out
            if not passage.rows:
                before = None
                continue
            goes_on = before is not None and passage.follows(before)
            if passage.retunes and not goes_on:
                scans = f"{passage.node}: scans from {passage.rows[0][0]} on"
                result.left_out.append(f"{scans}: new numbers came to a node whose past is not known")
                before = None
                continue
            if process is None or not goes_on:
                if process is not None:
                    process.close()
                process = ReplayProcess(interpreter)
                result.firmware_sha256 = process.firmware_sha256
            result.difference = _compare(passage, process, result)
            if result.difference:
                break
            before = passage
    finally:
        if process is not None:
            process.close()
    return result


def _compare(passage: Passage, process: ReplayProcess, result: NodeReplay) -> Difference | None:
    decoder = RecordDecoder(passage.columns)
    for block in _blocks(passage.frames()):
        answers = process.run([frame for _row, frame in block], decoder.record_bytes)
        for (row, (kind, _words)), answer in zip(block, answers, strict=True):
            if kind != layout.SCAN:
                if answer[0] != errors.OK:
                    return _refused(passage, row, answer[0])
                continue
            (replayed,) = decoder.decode(answer)
            if replayed != row[2:]:
                return _difference(passage, row, replayed)
            result.equal_n += 1
    return None


def _blocks(frames: Iterator[tuple[Row, Frame]]) -> Iterator[list[tuple[Row, Frame]]]:
    """As many frames together as may be under way."""
    block: list[tuple[Row, Frame]] = []
    words_n = 0
    for row, frame in frames:
        block.append((row, frame))
        words_n += len(frame[1])
        if words_n > BLOCK_WORDS:
            yield block
            block, words_n = [], 0
    if block:
        yield block


def _refused(passage: Passage, row: Row, code: int) -> Difference:
    return Difference(passage.node, row[0], row[1], "order", "done", f"refused: {errors.result_name(code)}")


def _difference(passage: Passage, row: Row, replayed: tuple[int, ...]) -> Difference:
    """Names the first number that differs."""
    at = next(i for i, number in enumerate(replayed) if number != row[2 + i])
    head = (passage.node, row[0], row[1])
    if at == 0:
        return Difference(*head, "state", STATES[row[2]], STATES[replayed[0]])
    if at == 1:
        return Difference(*head, "flags", f"{row[3]:05b}", f"{replayed[1]:05b}")
    if at == 2:
        odd = (row[4] ^ replayed[2]).bit_length() - 1 >> 1
        both = [str(word >> 2 * odd & 3) for word in (row[4], replayed[2])]
        return Difference(*head, f"{passage.columns[odd].tag} quality", *both)
    column = passage.columns[at - 3]
    both = [_shown(column.source, column.quantity, number) for number in (row[2 + at], replayed[at])]
    return Difference(*head, column.tag, *both)


def _shown(source: int, quantity: int, number: int) -> str:
    if source == OF_MODE:
        return MODES[number & 7]
    decimals, unit = QUANTITIES[quantity][5], QUANTITIES[quantity][6]
    if unit.startswith("1/"):
        return f"{number}{unit[1:]}"
    return f"{number / 10**decimals:.{decimals}f} {unit}".rstrip()
