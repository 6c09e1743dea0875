"""What keeps a board from being flashed: judged before anything is sent.  FlashStopped says why and what to do."""

from __future__ import annotations

from dataclasses import dataclass

from spinline.line.board_line import LEASE_MS, BoardLine, Seen
from spinline.line.flash_messages import HOT_C, FlashStopped
from spinline.line.node_session import PREPARED, REFUSED, NodeSession
from spinline.line.session_line import SessionLine
from spinline.recipe.compiler import NodeConfiguration
from spinline.record.decode import RecordDecoder
from spinline_protocol import auth
from spinline_protocol.configuration import OF_INPUT, OF_OUTPUT
from spinline_protocol.quantities import BAD, TEMPERATURE

READ_US = 30_000_000  # to configure it and to hear some scans
SCANS_N = 8  # filters and the judgement of sensors have settled


@dataclass(frozen=True)
class Readings:
    """One scan of a node: degC of each temperature by tag, tags of inputs that are bad and of outputs that are on."""

    temperatures_C: dict[str, float]
    bad: tuple[str, ...]
    driven: tuple[str, ...]


def version_words(version: str) -> tuple[int, ...]:
    """X.Y.Z as numbers; empty for anything else."""
    words = version.split(".")
    return tuple(map(int, words)) if all(word.isdigit() for word in words) else ()


def judge_firmware(
    name: str, seen: Seen, running: str, version: str, boards: tuple[str, ...], needed: str, allow_downgrade: bool
) -> None:
    """FlashStopped where the firmware is not for this board; ``running`` is the version it has, "" unknown."""
    if seen.board not in boards:
        raise FlashStopped("wrong-board", controller=name, board=seen.board, boards=" or ".join(boards))
    if version_words(seen.interpreter) < version_words(needed):
        raise FlashStopped("micropython", controller=name, interpreter=seen.interpreter, needed=needed)
    if not allow_downgrade and version_words(running) > version_words(version):
        raise FlashStopped("downgrade", controller=name, running=running, version=version)


def judge_readings(name: str, readings: Readings) -> None:
    """FlashStopped where something is driven, hot, or unknown."""
    if readings.driven:
        raise FlashStopped("outputs-on", controller=name, output=", ".join(readings.driven))
    hot = {tag: number for tag, number in readings.temperatures_C.items() if number > HOT_C}
    if hot:
        tag = max(hot, key=lambda tag: hot[tag])
        raise FlashStopped("hot", controller=name, temperature=hot[tag], input=tag)
    if readings.bad:
        raise FlashStopped("blind", controller=name, why=f"{', '.join(readings.bad)} has no good number")


def readings_of(configuration: NodeConfiguration, record: bytes) -> Readings:
    """One record of a node."""
    row = RecordDecoder(configuration.columns).decode(record)[0]
    temperatures, bad, driven = {}, [], []
    for i, column in enumerate(configuration.columns):
        if column.source == OF_OUTPUT and row[3 + i]:
            driven.append(column.tag)
        elif column.source == OF_INPUT and column.quantity == TEMPERATURE:
            if row[2] >> 2 * i & 3 == BAD:
                bad.append(column.tag)
            else:
                temperatures[column.tag] = row[3 + i] / 1000
    return Readings(temperatures, tuple(bad), tuple(driven))


def read_line(line: BoardLine, configuration: NodeConfiguration) -> Readings:
    """Give the node its configuration where it has none of it, and read some scans.  FlashStopped where it cannot be.

    The node must be IDLE: it then moves nothing.
    """
    session = NodeSession(configuration, "", LEASE_MS, line.entropy, line.role_key, auth.MAINTENANCE)
    line.close()
    asked = SessionLine(session, line.port, line.turn, lambda: (session.next_scan, 0))  # events stay for the record
    end_us, records = line.now_us + READ_US, b""
    while len(records) < SCANS_N * configuration.record_bytes:
        asked.step()
        if session.phase == REFUSED or line.now_us > end_us:
            raise line.stop("blind", why=session.problem.replace("\n", "; ") or "it sends no scans")
        records += b"".join(scans for _first, scans in asked.scans)
        if session.phase == PREPARED:
            session.commit(line.now_us)
    line.connect()
    return readings_of(configuration, records[-configuration.record_bytes :])
