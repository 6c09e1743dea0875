"""A recorded stretch of a bench run means the same to the house and to a decoder written from SPEC.md alone."""

from __future__ import annotations

import independent_decoder as second
import pytest

from hil_tests.bench.interpreters import InterpreterMissing, find_interpreter
from hil_tests.bench.run import BenchRun
from hil_tests.bench.wire import Wire
from spinline.record.decode import RecordDecoder
from spinline_protocol import framing, messages
from spinline_protocol.host_messages import unpack_message

RECORDED_S = 30.0
DAMAGED_EVERY_BYTES = 997


class Tapped:
    """What went over one node's line: both directions, as the wires were given it."""

    def __init__(self, to_node: Wire, to_host: Wire) -> None:
        self.to_node, self.to_host = bytearray(), bytearray()
        for wire, seen in ((to_node, self.to_node), (to_host, self.to_host)):
            self._tap(wire, seen)

    @staticmethod
    def _tap(wire: Wire, seen: bytearray) -> None:
        push = wire.push

        def noted(now_us: int, octets: bytes) -> None:
            seen.extend(octets)
            push(now_us, octets)

        wire.push = noted  # type: ignore[method-assign]


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> tuple[BenchRun, dict[str, Tapped]]:
    """A line from its first byte through download, start and half a minute of heating up."""
    try:
        run = BenchRun(find_interpreter(), tmp_path_factory.mktemp("recorded"))
    except InterpreterMissing as error:
        pytest.skip(f"missing tool: {error}")
    taps = {name: Tapped(node.to_node, node.to_host) for name, node in run.bench.nodes.items()}
    try:
        run.preheat()
        run.start()
        run.run_for(RECORDED_S)
    finally:
        run.close()
    return run, taps


def ours(octets: bytes, from_node: bool) -> list[second.Seen]:
    """The same frames as the house reads them."""
    kinds = {kind: name for name, kind in vars(framing).items() if name in set(second.KINDS.values())}
    found = []
    for frame in framing.FrameReader(from_device=from_node).feed(octets):
        number, fields = unpack_message(frame.payload)
        name = next(row[1] for row in messages.rows() if row[0] == number)
        head = (frame.destination, frame.source, kinds[frame.kind], from_node, frame.session, frame.sequence)
        found.append(second.Seen(*head, name, fields))
    return found


def test_both_find_the_same_frames_and_messages(recorded: tuple[BenchRun, dict[str, Tapped]]) -> None:
    _run, taps = recorded
    names = set()
    for tap in taps.values():
        for octets, from_node in ((bytes(tap.to_node), False), (bytes(tap.to_host), True)):
            found = second.read_stream(octets)
            assert found.unreadable == []
            assert found.frames == ours(octets, from_node)
            names |= {seen.message for seen in found.frames}
    assert names >= {"HELLO", "HELLO_ACK", "OPEN", "OPENED", "CONFIG_PUT", "CONFIG_COMMIT", "COMMAND", "LEASE"}
    assert names >= {"RESULT", "VIOLATIONS", "IDENTITY", "SCANS", "EVENT"}


def test_both_find_the_same_scan_records(recorded: tuple[BenchRun, dict[str, Tapped]]) -> None:
    run, taps = recorded
    for configuration in run.configurations:
        columns = [column.quantity for column in configuration.columns]
        decoder, read_n = RecordDecoder(configuration.columns), 0
        for seen in second.read_stream(bytes(taps[configuration.name].to_host)).frames:
            if seen.message != "SCANS":
                continue
            octets = seen.fields["records"]
            assert isinstance(octets, bytes)
            house = [
                (row[0], row[1], list(row[3:]), [row[2] >> 2 * i & 3 for i in range(len(columns))])
                for row in decoder.decode(octets)
            ]
            assert second.read_records(octets, columns) == house
            read_n += len(house)
        assert read_n > RECORDED_S / 2 * 1000 / configuration.scan_ms, configuration.name


def test_both_drop_the_same_damaged_frames(recorded: tuple[BenchRun, dict[str, Tapped]]) -> None:
    _run, taps = recorded
    octets = bytearray(taps["melt"].to_host)
    for at in range(7, len(octets), DAMAGED_EVERY_BYTES):
        octets[at] ^= 1 << at % 8
    found = second.read_stream(bytes(octets))
    assert len(found.unreadable) > 10
    assert found.frames == ours(bytes(octets), True)
