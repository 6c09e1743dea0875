"""The board's end of the session: who may open, what is executed and how often, what a stranger may ask (SPEC 3)."""

from plain import Chance, Keys, refused

from spinline_protocol import auth, device_link, errors, framing, messages, states
from spinline_protocol.device_link import DeviceLink
from spinline_protocol.framing import CONTROL, FROM_DEVICE, LEASE, MASTER, REQUEST, RESPONSE, TELEMETRY, FrameReader
from spinline_protocol.packer import Packer, unpack

ADDRESS = 3
NONCE = bytes(range(8))
RESULT = messages.fields_of(messages.RESULT)


def hello_ack(host_nonce, device_nonce, session):
    return (1, 0, session, 1, 0, 240, 4, 0, 0, 0, 0, 0, host_nonce, device_nonce, b"id", b"fw", b"schema", b"conf")


class Line:
    """A board's link with a wire that a test writes to and reads from; what it says is signed as its role can."""

    def __init__(self, seed=1, role="operator", keys=None, jumper=False, bus_device_id=b""):
        self.now_us = 0
        self.role = role
        self.keys = keys or Keys()
        self.link = DeviceLink(ADDRESS, hello_ack, Chance(seed).octets, self.keys, lambda: self.now_us, bus_device_id)
        self.link.jumper = jumper
        self.reader = FrameReader(True)
        self.session = 0
        self.key = b""
        self.lease_n = 0

    def frame(self, kind, sequence, number, values, session=None, destination=ADDRESS, wraps=0):
        """The frame of a message; with its tag where the role has a key and the kind wants one."""
        payload = Packer(number, messages.fields_of(number)).pack(values)
        session = self.session if session is None else session
        if not self.key or kind not in (REQUEST, LEASE) and number != messages.CLOSE:
            return framing.encode(destination, MASTER, kind, session, sequence, payload)
        control = kind | framing.AUTHENTICATED
        return framing.encode(destination, MASTER, control, session, sequence, payload, self.sign(wraps))

    def sign(self, wraps=0):
        return lambda octets: auth.tag_of(self.key, octets, wraps)

    def say(self, *frame, **more):
        self.link.receive(self.frame(*frame, **more))

    def heard(self):
        if self.link.turn.polled:
            self.say(CONTROL, 0, messages.POLL, (65535, 255), 0)
        octets = self.link.take_output(1 << 20)
        frames = [(frame, unpack(frame.payload)) for frame in self.reader.feed(octets)]
        told = [(frame.kind, frame.session, frame.sequence, message) for frame, message in frames]
        return [row for row in told if row[3][0] != messages.POLLED]

    def greet(self):
        """HELLO; returns the session that is proposed."""
        self.say(CONTROL, 0, messages.HELLO, (255, "1.0", NONCE, self.role, "test"), 0)
        acknowledged = self.heard()[-1][3]
        session, device_nonce, device_id = acknowledged[3], acknowledged[14], acknowledged[15]
        key = Keys().of(auth.role_of(self.role))
        self.proposed_key = auth.session_key(key, NONCE, device_nonce, device_id, session) if key else b""
        return session

    def opening(self, session, lease_ms=2000):
        """The frame of an OPEN."""
        tag = bytes(8) if self.proposed_key else b""
        payload = Packer(messages.OPEN, messages.fields_of(messages.OPEN)).pack((session, lease_ms, tag))
        if not tag:
            return framing.encode(ADDRESS, MASTER, CONTROL, session, 0, payload)
        key = self.proposed_key
        return framing.encode(
            ADDRESS, MASTER, CONTROL, session, 0, payload[:-8], lambda octets: auth.tag_of(key, octets)
        )

    def ask_open(self, session, lease_ms=2000):
        self.link.receive(self.opening(session, lease_ms))

    def connect(self):
        session = self.greet()
        self.ask_open(session)
        self.session, self.key = session, self.proposed_key
        self.heard()
        return self

    def lease(self, lease_ms=2000, credit_bytes=65535, scans_to=0, events_to=0):
        self.lease_n += 1
        self.say(LEASE, self.lease_n, messages.LEASE_MESSAGE, (lease_ms, credit_bytes, scans_to, events_to))

    def command(self, sequence, command, session=None):
        self.say(REQUEST, sequence, messages.COMMAND, (command,), session)

    def noted(self):
        """Requests noted since the last call: (sequence, command)."""
        found = [(sequence, message[1]) for sequence, message in self.link.requests]
        self.link.requests = []
        return found


def test_three_messages_open_a_session():
    line = Line()
    proposed = line.greet()
    assert proposed != 0 and line.link.state == device_link.PROPOSED
    line.ask_open(proposed, 2000)
    ((kind, session, _sequence, opened),) = line.heard()
    assert (kind, session, opened[:4]) == (CONTROL, proposed, [messages.OPENED, proposed, 2000, "operator"])
    assert (line.link.state, line.link.session, line.link.opened_n) == (device_link.OPEN, proposed, 1)


def test_the_answer_to_a_hello_repeats_its_nonce():
    line = Line()
    line.say(CONTROL, 0, messages.HELLO, (255, "1.0", NONCE, "operator", "test"), 0)
    ((kind, session, _sequence, message),) = line.heard()
    assert (kind, session, message[0], message[13]) == (CONTROL, 0, messages.HELLO_ACK, NONCE)


def test_a_lease_outside_its_limits_is_told_back_as_the_limit():
    for asked, granted in ((0, 500), (65535, 10000), (700, 700)):
        line = Line()
        line.ask_open(line.greet(), asked)
        assert line.heard()[0][3][2] == granted


def test_a_late_hello_does_not_take_the_live_session():
    line = Line().connect()
    assert line.greet() != line.session
    line.command(1, states.CMD_START)
    assert line.link.state == device_link.OPEN and line.noted() == [(1, states.CMD_START)]


def test_a_stale_open_does_not_take_the_live_session():
    line = Line()
    first = line.greet()
    line.connect()
    for stale in (first, 0, line.session):
        line.ask_open(stale)
    assert line.heard() == [] and line.link.session == line.session and line.link.opened_n == 1


def test_an_open_without_a_hello_is_not_answered():
    for session in (0, 1, 65535):
        line = Line(role="viewer")
        line.proposed_key = b""
        line.ask_open(session)
        assert line.heard() == [] and line.link.state == device_link.CLOSED


def test_a_new_open_ends_the_old_session():
    line = Line().connect()
    old = line.session
    line.connect()
    line.command(1, states.CMD_START, old)
    assert line.session != old and line.noted() == []


def test_a_close_ends_the_session_and_only_its_own():
    line = Line().connect()
    line.say(CONTROL, 0, messages.CLOSE, (0,), line.session ^ 1)
    assert line.link.state == device_link.OPEN
    line.say(CONTROL, 0, messages.CLOSE, (0,))
    line.command(1, states.CMD_START)
    assert line.link.state == device_link.CLOSED and line.noted() == []


def test_requests_are_noted_in_order_and_out_of_order_ones_are_dropped():
    line = Line().connect()
    for sequence in (2, 1, 3, 2, 4, 3):
        line.command(sequence, sequence)
    assert line.noted() == [(1, 1), (2, 2), (3, 3)]
    assert line.link.dropped_n == 3


def test_a_repeated_request_is_noted_once_while_it_waits():
    line = Line().connect()
    for _ in range(5):
        line.command(1, states.CMD_START)
    assert line.noted() == [(1, states.CMD_START)] and line.heard() == []


def test_a_repeated_request_gets_the_kept_answer_and_is_not_noted_again():
    line = Line().connect()
    line.command(1, states.CMD_START)
    line.noted()
    line.link.answer_code(1, errors.INTERLOCK, 7, -8, "permit")
    first = line.heard()
    line.command(1, states.CMD_START)
    assert line.noted() == []
    assert first == line.heard() == [(RESPONSE, line.session, 1, [messages.RESULT, errors.INTERLOCK, 7, -8, "permit"])]


def test_the_last_eight_answers_are_kept():
    line = Line().connect()
    for sequence in range(1, 13):
        line.command(sequence, 1)
        line.noted()
        line.link.answer_code(sequence, errors.OK)
    line.heard()
    for sequence in range(1, 13):
        line.command(sequence, 1)
    assert [row[2] for row in line.heard()] == [5, 6, 7, 8, 9, 10, 11, 12] and line.noted() == []


def test_only_a_noted_request_is_answered_and_only_once():
    line = Line().connect()
    line.command(1, 1)
    for sequence in (1, 1, 2, 0):
        line.link.answer_code(sequence, errors.OK)
    assert [row[2] for row in line.heard()] == [1]


def test_request_numbers_go_on_from_65535_to_1():
    line = Line().connect()
    line.link._expected = 65535
    for sequence, wraps in ((1, 1), (65535, 0), (0, 1), (1, 1), (2, 1), (1, 0), (65535, 0)):
        line.say(REQUEST, sequence, messages.COMMAND, (1,), wraps=wraps)
    assert line.noted() == [(65535, 1), (1, 1), (2, 1)]
    assert line.link.tags.failures_n == 1  # number 1 of the first round is not number 1 of the second


def test_no_more_requests_wait_than_the_limit():
    line = Line().connect()
    for sequence in range(1, 30):
        line.command(sequence, 1)
    assert len(line.noted()) == device_link.REQUESTS_N_MAX
    line.command(device_link.REQUESTS_N_MAX + 1, 1)
    assert len(line.noted()) == 1  # the refused one is still the next in order


def test_stop_and_abort_of_a_stranger_are_noted_and_not_answered():
    for connected in (False, True):
        line = Line().connect() if connected else Line()
        for command in (states.CMD_STOP, states.CMD_ABORT):
            line.command(9, command, 0x4321)
            assert line.noted() == [(0, command)]
            line.link.answer_code(0, errors.OK)
        assert line.heard() == []


def test_nothing_else_of_a_stranger_is_noted():
    line = Line().connect()
    stranger = line.session ^ 0x5555
    for command in range(len(states.COMMANDS)):
        if command not in (states.CMD_STOP, states.CMD_ABORT):
            line.command(1, command, stranger)
    line.say(REQUEST, 1, messages.SET_SETPOINT, (0, 1, 0), stranger)
    line.say(REQUEST, 1, messages.CONFIG_COMMIT, (b"",), stranger)
    line.say(LEASE, 1, messages.LEASE_MESSAGE, (2000, 0, 0, 0), stranger)
    assert line.noted() == [] and line.link.lease_ms_renewed == 0 and line.heard() == []


def test_only_a_lease_of_the_session_renews_and_acknowledges():
    line = Line().connect()
    line.lease(3000, 9, 17, 5)
    link = line.link
    assert (link.lease_ms_renewed, link.scans_acknowledged, link.events_acknowledged) == (3000, 17, 5)


def test_frames_for_another_board_are_not_heard():
    line = Line().connect()
    line.say(REQUEST, 1, messages.COMMAND, (1,), destination=ADDRESS + 1)
    assert line.noted() == []
    line.say(REQUEST, 1, messages.COMMAND, (1,), destination=framing.UNASSIGNED)
    assert line.noted() == [(1, 1)]


def test_of_what_is_said_to_all_only_a_stop_is_noted_and_nothing_is_answered():
    line = Line().connect()
    line.say(REQUEST, 1, messages.COMMAND, (states.CMD_START,), destination=framing.BROADCAST)
    line.say(LEASE, 1, messages.LEASE_MESSAGE, (2000, 65535, 0, 0), destination=framing.BROADCAST)
    line.say(CONTROL, 0, messages.HELLO, (255, "1.0", NONCE, "operator", "test"), 0, framing.BROADCAST)
    assert line.noted() == [] and line.link.lease_ms_renewed == 0 and line.link.bad_messages_n == 3
    line.say(REQUEST, 1, messages.COMMAND, (states.CMD_STOP,), destination=framing.BROADCAST)
    assert line.noted() == [(0, states.CMD_STOP)] and line.heard() == []


def test_a_message_of_the_wrong_kind_is_counted_and_changes_nothing():
    line = Line(role="viewer").connect()
    before = (line.link.state, line.link.session)
    for kind in range(16):
        for payload in (b"", b"\x90", b"\xc0", b"\x91\xa1x", b"\x96\x00\x00\x00\x00\x00\x00", b"\x93\x02\xa1a\x00"):
            line.link.receive(framing.encode(ADDRESS, MASTER, kind, line.session, 99, payload))
    line.say(LEASE, 1, messages.COMMAND, (1,))
    assert (line.link.state, line.link.session) == before and line.noted() == [] and line.heard() == []
    assert line.link.bad_messages_n > 16


def test_nothing_that_arrives_raises():
    chance = Chance(5)
    line = Line(role="viewer").connect()
    for _ in range(2000):
        payload = b"\x95" + bytes([chance.below(256) for _ in range(chance.below(30))])
        session = line.link.session if chance.below(2) else chance.below(65536)
        line.link.receive(framing.encode(ADDRESS, MASTER, chance.below(16), session, chance.below(12), payload))
        line.link.receive(chance.octets(chance.below(30)))
        line.noted()
        line.heard()


def test_telemetry_is_sent_only_in_an_open_session():
    line = Line()
    assert not line.link.stream(TELEMETRY, b"\x91\x30") and line.heard() == []
    line.connect()
    assert line.link.stream(TELEMETRY, b"\x91\x30")
    assert line.heard() == [(TELEMETRY, line.session, 1, [messages.SCANS])]


def test_telemetry_gives_way_before_the_output_is_full_and_answers_do_not():
    line = Line().connect()
    line.lease()
    sent = 0
    while line.link.stream(TELEMETRY, b"\x91\x30" + bytes(200)):
        sent += 1
    assert 0 < sent < 30
    line.command(1, 1)
    line.link.answer_code(1, errors.OK)
    octets = line.link.take_output(1 << 20)
    assert len(octets) < device_link.OUTPUT_BYTES_MAX + 2 * framing.FRAME_BYTES_MAX
    assert FrameReader(True).feed(octets)[-1].kind == RESPONSE


def test_output_is_taken_in_pieces_as_the_transmitter_has_room():
    line = Line()
    line.say(CONTROL, 0, messages.HELLO, (255, "1.0", NONCE, "operator", "test"), 0)
    pieces = []
    while True:
        piece = line.link.take_output(7)
        if not piece:
            break
        assert len(piece) <= 7
        pieces.append(piece)
    (frame,) = FrameReader(True).feed(b"".join(pieces))
    assert frame.control & FROM_DEVICE and unpack(frame.payload)[0] == messages.HELLO_ACK


def test_sessions_of_one_boot_differ_from_the_live_one_and_are_never_zero():
    line = Line(8)
    for _ in range(300):
        live = line.session
        line.connect()
        assert line.session not in (0, live)


def test_a_result_that_does_not_fit_its_fields_is_our_own_fault_and_is_told_so():
    line = Line().connect()
    line.command(1, 1)
    assert refused(errors.LocalError, line.link.answer_code, 1, errors.RANGE, 1 << 31)
    line.link.answer_code(1, errors.INTERNAL)
    assert line.heard()[0][3][1] == errors.INTERNAL and len(RESULT) == 4


def test_a_session_is_not_proposed_twice_in_a_row_so_that_a_late_open_is_not_judged_by_newer_nonces():
    drawn = [b"\x05\x00", bytes(8), b"\x05\x00", b"\x06\x00", bytes(8)]
    line = Line()
    line.link._entropy = lambda count: drawn.pop(0)
    assert (line.greet(), line.greet()) == (5, 6)
