"""Who may do what, what proves it, and that nothing heard once can be used again (SPEC 6, 3.6, 3.10 to 3.12)."""

import struct

from plain import Chance, Keys
from shared_device_link import ADDRESS, NONCE, Line

from spinline_protocol import auth, device_link, errors, framing, messages, states
from spinline_protocol.framing import AUTHENTICATED, CONTROL, EVENT, LEASE, LINK_ERROR, MASTER, REQUEST, SYNC, TELEMETRY
from spinline_protocol.packer import Packer

KEY = bytes(range(32))


def flipped(octets, at, bit):
    """The frame with one bit changed and its CRC made right again: not noise, but a forgery."""
    (frame,) = framing.FrameReader(False).feed(octets)
    body = bytearray(frame.octets)
    body[at] ^= 1 << bit
    control = body[3] & ~framing.VERSION_BITS
    numbers = (body[4] | body[5] << 8, body[6] | body[7] << 8)
    return framing.encode(body[1], body[2], control, numbers[0], numbers[1], bytes(body[8:]))


def telemetry(octets):
    """A message that carries these bytes."""
    return b"\x92\x30\xc4" + bytes([len(octets)]) + octets


def codes(line):
    """Kind, sequence and code of what the board says."""
    return [(kind, sequence, message[1]) for kind, _session, sequence, message in line.heard()]


def test_both_ends_prove_their_key_in_the_opening():
    line = Line()
    session = line.greet()
    line.ask_open(session)
    (frame,) = line.reader.feed(line.link.take_output(1 << 20))
    assert auth.proves(line.proposed_key, frame.octets) and line.link.role == auth.OPERATOR


def test_a_board_without_keys_has_viewers_only():
    for role, opened in (("viewer", 1), ("operator", 0), ("maintenance", 0)):
        line = Line(role=role, keys=Keys(()))
        line.ask_open(line.greet())
        assert line.link.opened_n == opened
        assert line.heard()[0][0] == (CONTROL if opened else LINK_ERROR)


def test_the_key_of_one_role_does_not_open_another():
    line = Line(role="maintenance", keys=Keys((auth.OPERATOR,)))
    line.ask_open(line.greet())
    assert line.link.opened_n == 0 and codes(line) == [(LINK_ERROR, 0, errors.AUTHENTICATION)]


def test_a_role_that_is_not_in_the_table_is_not_greeted():
    line = Line()
    for role in ("", "root", "Operator"):
        line.say(CONTROL, 0, messages.HELLO, (255, "1.0", NONCE, role, "test"), 0)
    assert line.heard() == [] and line.link.bad_messages_n == 3


def test_no_bit_of_an_opening_may_differ():
    line = Line()
    octets = None
    for at in range(1, 8 + 18):
        for bit in range(8):
            if at == 3 and bit >= 4:
                continue  # version, direction and tag bits: no opening at all, or noise
            line.now_us += 10 * auth.REFUSING_US
            octets = line.opening(line.greet())
            (frame,) = framing.FrameReader(False).feed(octets)
            if at < len(frame.octets):
                line.link.receive(flipped(octets, at, bit))
    assert line.link.opened_n == 0
    line.now_us += 10 * auth.REFUSING_US
    line.connect()
    assert line.link.opened_n == 1


def test_an_opening_of_another_session_opens_nothing():
    line = Line()
    octets = line.opening(line.greet())
    line.link.receive(octets)
    assert line.link.opened_n == 1
    line.link.receive(octets)
    line.greet()
    line.link.receive(octets)
    assert line.link.opened_n == 1


def test_no_bit_of_a_request_may_differ_and_the_request_itself_still_counts():
    line = Line().connect()
    octets = line.frame(REQUEST, 1, messages.COMMAND, (states.CMD_START,))
    (frame,) = framing.FrameReader(False).feed(octets)
    for at in range(1, len(frame.octets)):
        for bit in range(8):
            if at == 3 and bit >= 6:
                continue  # another version is noise
            line.now_us += 10 * auth.REFUSING_US
            line.link.receive(flipped(octets, at, bit))
            for sequence, message in line.link.requests:
                assert (sequence, message[1] in (states.CMD_STOP, states.CMD_ABORT)) == (0, True)
            line.link.requests = []
    assert line.link.lease_ms_renewed == 0 and line.link.state == device_link.OPEN
    line.now_us += 10 * auth.REFUSING_US
    line.heard()
    line.link.receive(octets)
    assert line.noted() == [(1, states.CMD_START)]


def test_a_request_without_its_tag_or_with_half_of_it_is_refused():
    line = Line().connect()
    payload = Packer(messages.COMMAND, messages.fields_of(messages.COMMAND)).pack((states.CMD_START,))
    bare = framing.encode(ADDRESS, MASTER, REQUEST, line.session, 1, payload)
    half = framing.encode(ADDRESS, MASTER, REQUEST | AUTHENTICATED, line.session, 1, payload + bytes(4))
    line.link.receive(bare)
    line.link.receive(half)
    assert line.noted() == [] and line.link.tags.failures_n == 1 and line.link.bad_messages_n == 1
    assert codes(line) == [(LINK_ERROR, 1, errors.AUTHENTICATION)]


def test_a_frame_of_the_other_direction_is_an_echo_and_proves_nothing():
    line = Line().connect()
    octets = line.frame(REQUEST | framing.FROM_DEVICE, 1, messages.COMMAND, (states.CMD_START,))
    line.link.receive(octets)
    assert line.noted() == [] and line.link.tags.failures_n == 0


def test_requests_heard_before_are_executed_never_again():
    line = Line().connect()
    heard = [line.frame(REQUEST, sequence, messages.COMMAND, (1,)) for sequence in range(1, 13)]
    for octets in heard:
        line.link.receive(octets)
        for sequence, _command in line.noted():
            line.link.answer_code(sequence, errors.OK)
    for octets in heard + heard[::-1]:
        line.link.receive(octets)
    assert line.noted() == []
    for _ in range(3):
        line.connect()
        line.now_us += 10 * auth.REFUSING_US
        for octets in heard:
            line.link.receive(octets)
        assert line.noted() == []


def test_leases_heard_before_renew_nothing():
    line = Line().connect()
    values = (2000, 65535, 5, 5)
    heard = [line.frame(LEASE, number, messages.LEASE_MESSAGE, values) for number in (1, 2, 3)]
    for octets in (heard[0], heard[2]):
        line.link.receive(octets)
        assert line.link.lease_ms_renewed == 2000
        line.link.lease_ms_renewed = 0
    for octets in heard:
        line.link.receive(octets)
    line.connect()
    for octets in heard:
        line.link.receive(octets)
    assert line.link.lease_ms_renewed == 0


def test_lease_numbers_begin_anew_and_those_of_the_first_round_do_not_count_again():
    line = Line().connect()
    line.link._lease_n = 65534
    for number, wraps, renewed in ((65535, 0, 2000), (0, 1, 2000), (1, 1, 2000), (1, 0, 0), (2, 0, 0), (2, 1, 2000)):
        line.link.lease_ms_renewed = 0
        line.say(LEASE, number, messages.LEASE_MESSAGE, (2000, 0, 0, 0), wraps=wraps)
        assert line.link.lease_ms_renewed == renewed


def test_a_viewer_looks_and_orders_nothing_but_a_stop():
    line = Line(role="viewer").connect()
    asked = ((messages.IDENTIFY, ()), (messages.BACKFILL_REQUEST, (0, 0, 1)), (messages.JOURNAL, ()))
    asked += ((messages.COMMAND, (states.CMD_STOP,)),)
    refused = ((messages.COMMAND, (states.CMD_START,)), (messages.SET_SETPOINT, (0, 1, 0)))
    refused += ((messages.CONFIG_COMMIT, (b"",)), (messages.PROVISION, (1, KEY)), (messages.TRANSFER_END, (1,)))
    sequence = 0
    for number, values in asked + refused:
        sequence += 1
        line.say(REQUEST, sequence, number, values)
    assert [noted for noted, _message in line.link.requests] == [1, 2, 3, 4]
    assert [(row[1], row[2]) for row in codes(line)] == [(number, errors.DENIED) for number in range(5, 10)]
    line.lease(2000, 700, 9, 9)
    link = line.link
    assert (link.lease_ms_renewed, link.scans_acknowledged, link.events_acknowledged) == (0, 0, 0)
    assert link.credit_bytes == 700


def test_an_operator_does_no_maintenance_and_maintenance_may_operate():
    line = Line().connect()
    line.say(REQUEST, 1, messages.PROVISION, (1, KEY))
    line.say(REQUEST, 2, messages.COMMAND, (states.CMD_START,))
    assert line.noted() == [(2, states.CMD_START)] and codes(line)[0][1:] == (1, errors.DENIED)
    line = Line(role="maintenance").connect()
    line.say(REQUEST, 1, messages.PROVISION, (1, KEY))
    line.say(REQUEST, 2, messages.COMMAND, (states.CMD_START,))
    assert [sequence for sequence, _message in line.link.requests] == [1, 2]


def test_a_refused_request_is_answered_alike_when_it_comes_again():
    line = Line(role="viewer").connect()
    for _ in range(2):
        line.command(1, states.CMD_START)
        assert [row[1:] for row in codes(line)] == [(1, errors.DENIED)]


def test_a_viewer_does_not_take_the_line_from_an_operator_who_is_heard():
    line = Line().connect()
    line.lease()
    viewer = Line(role="viewer")
    viewer.link, viewer.session = line.link, line.session
    viewer.ask_open(viewer.greet())
    assert codes(viewer) == [(LINK_ERROR, 0, errors.BUSY)] and line.link.role == auth.OPERATOR
    line.now_us += device_link.LEASE_MS_HIGH * 1000 + 1
    viewer.ask_open(viewer.greet())
    assert line.link.role == auth.VIEWER


def test_stop_and_abort_need_no_tag_and_cost_no_failure():
    line = Line().connect()
    line.key = b""
    for command in (states.CMD_STOP, states.CMD_ABORT):
        line.command(1, command)
        assert line.noted() == [(0, command)]
    assert line.link.tags.failures_n == 0


def test_after_five_failures_nothing_with_a_tag_is_taken_for_two_seconds_but_a_stop():
    line = Line().connect()
    line.key, key = bytes(32), line.key
    for sequence in range(1, 9):
        line.command(sequence, states.CMD_START)
    assert len(line.heard()) == line.link.tags.failures_n == auth.FAILURES_N_MAX
    line.key = key
    line.command(1, states.CMD_START)
    line.lease()
    assert line.noted() == [] and line.link.lease_ms_renewed == 0
    line.command(1, states.CMD_ABORT)
    assert line.noted() == [(0, states.CMD_ABORT)]
    line.now_us += auth.REFUSING_US
    line.command(1, states.CMD_START)
    assert line.noted() == [(1, states.CMD_START)]


def test_openings_that_fail_do_not_disturb_the_open_session():
    line = Line().connect()
    for _ in range(9):
        line.proposed_key = bytes(32)
        session = line.greet()
        line.proposed_key = bytes(32)
        line.ask_open(session)
        line.heard()
    assert line.link.openings.failures_n == auth.FAILURES_N_MAX
    line.command(1, states.CMD_START)
    assert line.noted() == [(1, states.CMD_START)]


def test_a_close_without_its_tag_closes_nothing():
    line = Line().connect()
    key, line.key = line.key, b""
    line.say(CONTROL, 0, messages.CLOSE, (0,))
    assert line.link.state == device_link.OPEN
    line.key = key
    line.say(CONTROL, 0, messages.CLOSE, (0,))
    assert line.link.state == device_link.CLOSED


def test_with_the_jumper_anyone_gives_keys_and_nobody_operates():
    line = Line(role="viewer", keys=Keys(()), jumper=True).connect()
    line.say(REQUEST, 1, messages.PROVISION, (1, KEY))
    assert [sequence for sequence, _message in line.link.requests] == [1]
    line = Line(jumper=True).connect()
    line.command(1, states.CMD_START)
    line.lease()
    assert line.noted() == [] and line.link.lease_ms_renewed == 0
    assert [row[1:] for row in codes(line)] == [(1, errors.STATE)]


def journal(line, sequence):
    """The journal as the board tells it."""
    line.say(REQUEST, sequence, messages.JOURNAL, ())
    line.link.requests = []
    line.link.answer_journal(sequence)
    octets = line.heard()[-1][3][2]
    size = messages.JOURNAL_BYTES
    return [struct.unpack_from(messages.JOURNAL_LAYOUT, octets, at) for at in range(0, len(octets), size)]


def test_the_journal_outlives_its_session_and_tells_what_was_executed():
    line = Line().connect()
    first = line.session
    line.command(1, states.CMD_START)
    line.command(2, states.CMD_RUN)
    line.say(REQUEST, 3, messages.IDENTIFY, ())
    line.command(4, states.CMD_HOLD)
    line.link.requests.pop(0)
    line.link.answer_code(1, errors.OK)
    line.link.requests.pop(0)  # begun, and not answered before the session ends
    line.connect()
    assert line.session != first and journal(line, 1) == [
        (first, 0, messages.OPEN, auth.OPERATOR),
        (first, 1, messages.COMMAND, errors.OK),
        (first, 2, messages.COMMAND, messages.UNFINISHED),
        (line.session, 0, messages.OPEN, auth.OPERATOR),
    ]


def test_the_journal_keeps_the_last_sixteen():
    line = Line().connect()
    for sequence in range(1, 41):
        line.command(sequence, 1)
        line.noted()
        line.link.answer_code(sequence, errors.STATE)
    line.heard()
    assert [entry[1] for entry in journal(line, 41)] == list(range(25, 41))


def test_a_question_of_time_is_answered_ahead_of_telemetry_with_the_times_of_both_ends():
    line = Line().connect()
    line.lease()
    line.now_us = 5 << 40
    line.link.next_scan = 60
    line.say(SYNC, 0, messages.SYNC_ASK, (1 << 50,))
    line.say(SYNC, 0, messages.SYNC_ASK, (2 << 50,))
    for _ in range(5):
        assert line.link.stream(TELEMETRY, b"\x91\x30" + bytes(100))
    begun = b"".join(line.link._output._frames)[:50]
    line.link._syncs, asked = [], line.link._syncs
    assert line.link.take_output(50) == begun
    line.link._syncs = asked
    line.now_us += 7
    kinds = [(frame.kind, frame.payload) for frame in line.reader.feed(begun + line.link.take_output(1 << 20))]
    assert [kind for kind, _payload in kinds] == [TELEMETRY, SYNC, SYNC] + 4 * [TELEMETRY]
    told = Packer(messages.SYNC_TOLD, messages.fields_of(messages.SYNC_TOLD))
    assert kinds[1][1] == told.pack((1 << 50, 5 << 40, (5 << 40) + 7, 60))


def test_no_more_questions_of_time_wait_than_the_limit():
    line = Line(role="viewer").connect()
    for at in range(50):
        line.say(SYNC, 0, messages.SYNC_ASK, (at,))
    assert [row[3][1] for row in line.heard()] == list(range(42, 50))


def test_no_more_telemetry_is_sent_than_the_credit_and_answers_do_not_need_it():
    line = Line().connect()
    chance = Chance(3)
    for credit in (0, 1, 300, 1000, 3000):
        line.lease(2000, credit)
        sent_n = 0
        while line.link.stream((TELEMETRY, EVENT)[chance.below(2)], telemetry(chance.octets(chance.below(99)))):
            sent_n += 1
        assert line.link._output.bytes_n() <= credit and (sent_n > 0) == (credit >= 300)
        assert credit - line.link._output.bytes_n() < 2 * 115
        line.heard()
    line.command(1, states.CMD_START)
    line.link.answer_code(1, errors.OK)
    assert len(line.heard()) == 1


def test_a_session_has_a_first_credit_and_65535_is_no_limit():
    line = Line().connect()
    sent = 0
    while line.link.stream(TELEMETRY, b"\x92\x30\xc4" + bytes(200)):
        sent += len(line.link.take_output(1 << 20))
    assert 0 < sent <= device_link.CREDIT_BYTES_FIRST
    line.lease(2000, 65535)
    for _ in range(1000):
        assert line.link.stream(TELEMETRY, b"\x92\x30\xc4" + bytes(200))
        line.link.take_output(1 << 20)


def test_progress_goes_under_the_number_of_a_request_that_waits():
    line = Line().connect()
    line.command(1, 1)
    line.link.progress(1, 5, 9)
    line.link.progress(2, 5, 9)
    assert [row[:4] for row in line.heard()] == [(framing.PROGRESS, line.session, 1, [messages.PROGRESS_MESSAGE, 5, 9])]
