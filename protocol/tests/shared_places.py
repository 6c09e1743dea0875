"""Every message in every kind of frame on a board: in a wrong one it is counted and has no effect (SPEC 2.8)."""

from plain import Chance
from shared_device_link import ADDRESS, Line

from spinline_protocol import auth, framing, messages
from spinline_protocol.framing import CONTROL, MASTER, REQUEST
from spinline_protocol.packer import Packer

KINDS = range(16)
FIELDS = {"str": "viewer", "bin": bytes(range(8))}


def filled(number):
    """Fields of a message that any receiver takes."""
    return tuple([FIELDS.get(kind, 1) for _name, kind in messages.fields_of(number)])


def seen_of(link):
    """Everything that a message could change."""
    session = (link.state, link.session, link.role, link._proposal, link._expected, link._lease_n, link.opened_n)
    work = (list(link.requests), list(link._waiting), list(link._cache), list(link._syncs), link._journal.octets())
    stream = (link.credit_bytes, link.lease_ms_renewed, link.scans_acknowledged, link.events_acknowledged)
    return session, work, stream, link._output._frames[:], link.turn._answer, link.dropped_n, link.tags.failures_n


def said(line, number, kind):
    """The message in a frame of this kind, with a tag that proves it wherever the session has a key."""
    payload = Packer(number, messages.fields_of(number)).pack(filled(number))
    control = kind | (framing.AUTHENTICATED if line.key else 0)
    sign = line.sign() if line.key else None
    line.link.receive(framing.encode(ADDRESS, MASTER, control, line.session, 1, payload, sign))


def test_a_board_counts_every_message_in_a_frame_where_it_does_not_belong_and_nothing_changes():
    for bus_device_id in (b"", b"boardone"):
        for role in ("viewer", "operator", "maintenance"):
            line = Line(role=role, bus_device_id=bus_device_id).connect()
            before = seen_of(line.link)
            for row in messages.rows():
                for kind in KINDS:
                    if not messages.in_its_place(row[0], kind):
                        bad_n = line.link.bad_messages_n
                        said(line, row[0], kind)
                        assert line.link.bad_messages_n == bad_n + 1, (role, row[1], kind)
                        assert seen_of(line.link) == before, (role, row[1], kind)


def test_a_board_counts_no_message_that_is_where_it_belongs():
    taken = 0
    for row in messages.rows():
        for kind in KINDS:
            if messages.in_its_place(row[0], kind):
                line = Line(role="maintenance", bus_device_id=b"boardone").connect()
                before = seen_of(line.link)
                said(line, row[0], kind)
                assert line.link.bad_messages_n == 0, row[1]
                assert seen_of(line.link) != before or row[0] in (messages.OPEN, messages.FIND), row[1]
                taken += 1
    assert taken == len(list(messages.rows())) - len(messages.FROM_NODE)


def test_nothing_that_a_node_sends_is_taken_from_a_host_and_the_other_way_round():
    for row in messages.rows():
        for kind in KINDS:
            of_node, of_host = (
                messages.in_its_place(row[0], framing.FROM_DEVICE | kind),
                messages.in_its_place(row[0], kind),
            )
            assert not (of_node and of_host)
            if of_node or of_host:
                assert of_node == (row[0] in messages.FROM_NODE)
                assert kind in (row[2], framing.LINK_ERROR)


def test_every_message_has_one_kind_of_frame_and_a_result_two():
    for row in messages.rows():
        places = [control for control in range(32) if messages.in_its_place(row[0], control)]
        assert len(places) == (2 if row[0] == messages.RESULT else 1), row[1]
        for control in places:  # version and tag do not matter here
            assert messages.in_its_place(row[0], control | framing.VERSION_BITS | framing.AUTHENTICATED)


def test_a_number_that_no_table_knows_may_come_in_a_request_alone():
    for number in (0x09, 0x1E, 0x7F, 1 << 20):
        assert [control for control in range(32) if messages.in_its_place(number, control)] == [REQUEST]
    for nothing in (-1, None, "", b"\x10", [0x10], True, False):
        assert nothing == -1 or not messages.in_its_place(nothing, REQUEST)
        assert not messages.in_its_place(nothing, CONTROL)


def test_noise_of_any_kind_with_the_right_session_and_tag_changes_nothing():
    chance = Chance(11)
    line = Line(role="maintenance").connect()
    before = seen_of(line.link)
    for _ in range(300):
        payload = b"\x92" + bytes([chance.below(128), chance.below(128)])
        kind = chance.below(16)
        if messages.in_its_place(payload[1], kind):
            continue
        octets = framing.encode(
            ADDRESS, MASTER, kind | framing.AUTHENTICATED, line.session, chance.below(3), payload,
            lambda octets: auth.tag_of(line.key, octets),
        )  # fmt: skip
        line.link.receive(octets)
        assert seen_of(line.link) == before
