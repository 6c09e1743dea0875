"""A board on a bus: it speaks in its turn only, at most what it was granted, and never to all (SPEC 8)."""

from plain import Chance
from shared_device_link import ADDRESS, NONCE, Line

from spinline_protocol import device_turn, framing, messages, states
from spinline_protocol.framing import BROADCAST, CONTROL, LEASE, REQUEST, RESPONSE, SYNC, TELEMETRY, FrameReader
from spinline_protocol.packer import unpack

DEVICE_ID = b"\x5a\xc3boards"


def on_bus(role="operator"):
    """A board on a bus with its session open and nothing to say."""
    return Line(role=role, bus_device_id=DEVICE_ID).connect()


def poll_frame(line, credit_bytes=600, frames_n=4, sequence=7, destination=ADDRESS):
    return line.frame(CONTROL, sequence, messages.POLL, (credit_bytes, frames_n), 0, destination)


def answer(line, octets, age_us=0):
    """What the board says to these bytes: kinds and messages."""
    line.link.receive(octets, age_us)
    return [(frame.kind, frame.sequence, unpack(frame.payload)) for frame in spoken(line)]


def spoken(line):
    return FrameReader(True).feed(line.link.take_output(1 << 20))


def found(line, bits, prefix, besides=b"", destination=ADDRESS):
    frame = line.frame(CONTROL, 5, messages.FIND, (bits, prefix, besides), 0, destination)
    return [message for _kind, _sequence, message in answer(line, frame)]


def test_a_board_says_nothing_unasked():
    line = Line(bus_device_id=DEVICE_ID)
    line.say(CONTROL, 0, messages.HELLO, (255, "1.0", NONCE, "operator", "test"), 0)
    assert line.link.take_output(1000) == b""
    ((_kind, _sequence, acknowledged), (_, sequence, polled)) = answer(line, poll_frame(line))
    assert acknowledged[0] == messages.HELLO_ACK and (sequence, polled) == (7, [messages.POLLED, 0])
    assert line.link.take_output(1000) == b""


def test_every_turn_ends_with_a_frame_that_says_so_even_an_empty_one():
    line = on_bus()
    for sequence in (0, 1, 65535):
        assert answer(line, poll_frame(line, sequence=sequence)) == [(CONTROL, sequence, [messages.POLLED, 0])]


def test_a_turn_has_no_more_frames_and_bytes_than_were_granted_and_nothing_is_lost():
    chance = Chance(3)
    line = on_bus()
    line.lease()
    sent, heard = [], []
    for _ in range(200):
        payload = b"\x92\x30\xc4" + bytes([chance.below(90)])
        payload += chance.octets(payload[3])
        if line.link.stream(TELEMETRY, payload):
            sent.append(payload)
        credit, most = chance.below(700), chance.below(5)
        line.link.receive(poll_frame(line, credit, most))
        octets = line.link.take_output(1 << 20)
        frames = FrameReader(True).feed(octets)
        assert unpack(frames[-1].payload)[:1] == [messages.POLLED]
        end = octets[: octets.rfind(b"~", 0, -1)]
        assert len(frames) - 1 <= most and len(end) <= credit, (credit, most)
        assert unpack(frames[-1].payload)[1] == line.link._output.bytes_n()
        heard += [frame.payload for frame in frames[:-1]]
    while line.link._output.bytes_n():
        line.link.receive(poll_frame(line))
        heard += [frame.payload for frame in spoken(line)[:-1]]
    assert heard == sent and len(sent) > 50


def test_a_question_to_another_or_to_all_is_not_answered():
    line = on_bus()
    for destination in (ADDRESS + 1, 0, framing.UNASSIGNED, BROADCAST):
        line.link.receive(poll_frame(line, destination=destination))
        assert line.link.take_output(1000) == b""
        assert found(line, 0, b"", destination=destination) == []
    assert line.link.bad_messages_n == 2  # those to all


def test_an_old_question_is_not_answered():
    line = on_bus()
    assert len(answer(line, poll_frame(line), device_turn.AGE_US_MAX)) == 1
    assert answer(line, poll_frame(line), device_turn.AGE_US_MAX + 1) == []
    assert line.link.turn.late_n == 1


def test_a_question_that_something_follows_is_not_answered():
    other = framing.encode(0, ADDRESS + 1, framing.FROM_DEVICE | TELEMETRY, 1, 1, b"\x91\x30")
    for behind in (b"x", b"~", b"~x", b"~xx~", other, other[:5]):
        line = on_bus()
        assert answer(line, poll_frame(line) + behind) == [] or behind == b"~"
    line = on_bus()
    line.link.receive(poll_frame(line))
    assert answer(line, b"x") == []  # the answer had not left when the wire was in use again
    assert len(answer(line, b"noise~" + other + poll_frame(line))) == 1


def test_a_question_cut_anywhere_is_answered_once_and_whole():
    octets = poll_frame(on_bus())
    for cut in range(len(octets) + 1):
        line = on_bus()
        first = answer(line, octets[:cut])
        assert len(first + answer(line, octets[cut:])) == (1 if cut < len(octets) else 0) or cut == len(octets)


def test_what_stands_before_the_question_counts():
    line = on_bus()
    order = line.frame(REQUEST, 1, messages.COMMAND, (states.CMD_START,))
    assert len(answer(line, order + poll_frame(line))) == 1
    assert line.noted() == [(1, states.CMD_START)]
    line.link.answer_code(1, 0)
    assert line.link.take_output(1000) == b""
    assert [row[0] for row in answer(line, poll_frame(line))] == [RESPONSE, CONTROL]


def test_a_lease_for_all_is_refused_and_one_for_this_board_is_not():
    line = on_bus()
    line.lease_n = 1
    lease = (messages.LEASE_MESSAGE, (2000, 65535, 0, 0))
    line.say(LEASE, 1, *lease, destination=BROADCAST)  # its tag is right: it was made for this very frame
    assert line.link.lease_ms_renewed == 0 and line.link.bad_messages_n == 1
    line.say(LEASE, 1, *lease)
    assert line.link.lease_ms_renewed == 2000


def test_a_stop_for_all_is_noted_from_anyone_and_not_answered():
    for line in (on_bus(), Line(bus_device_id=DEVICE_ID)):
        for session in (0, line.link.session, 0x1234):
            for command in (states.CMD_STOP, states.CMD_ABORT):
                line.say(REQUEST, 0, messages.COMMAND, (command,), session, destination=BROADCAST)
                assert line.noted() == [(0, command)] and line.link.take_output(1000) == b""


def test_a_stamp_for_all_is_told_in_the_boards_turn():
    line = on_bus()
    line.now_us = 1000
    line.say(SYNC, 0, messages.SYNC_ASK, (77,), 0, BROADCAST)
    assert line.link.take_output(1000) == b""
    line.now_us = 5000
    (kind, _sequence, told), _polled = answer(line, poll_frame(line))
    assert (kind, told) == (SYNC, [messages.SYNC_TOLD, 77, 1000, 5000, messages.NO_SCAN])
    shut = Line(bus_device_id=DEVICE_ID)
    shut.say(SYNC, 0, messages.SYNC_ASK, (77,), 0, BROADCAST)
    assert len(answer(shut, poll_frame(shut))) == 1


def test_a_board_is_found_by_any_beginning_of_its_id():
    line = on_bus()
    number = int.from_bytes(DEVICE_ID, "big")
    for bits in range(65):
        prefix = (number >> (64 - bits) << (64 - bits)).to_bytes(8, "big")[: (bits + 7) // 8]
        assert found(line, bits, prefix) == [[messages.FOUND, DEVICE_ID]], bits
        assert found(line, bits, prefix, b"otherone" + DEVICE_ID) == []
        if bits:
            wrong = ((number >> (64 - bits) ^ 1) << (64 - bits)).to_bytes(8, "big")[: (bits + 7) // 8]
            assert found(line, bits, wrong) == [], bits
    assert found(line, 9, b"\x5a") == [] and found(line, 65, bytes(9)) == [] and line.link.bad_messages_n == 2


def test_a_board_on_a_line_of_its_own_is_not_on_a_bus():
    line = Line().connect()
    line.link.receive(poll_frame(line))
    assert found(line, 0, b"") == [] and line.heard() == [] and line.link.bad_messages_n == 2
