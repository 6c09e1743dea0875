"""What the link refuses, and what it never forgets: each test is a fault that was found and mended."""

import pytest
from shared_device_link import Line
from test_link_pair import greeted

from spinline_protocol import errors, framing, messages, states
from spinline_protocol.host_link import HostLink
from spinline_protocol.host_messages import unpack_message
from spinline_protocol.packer import pack_text


def test_a_stop_that_was_noted_before_an_open_is_not_forgotten() -> None:
    line = Line()
    session = line.greet()
    line.command(1, states.CMD_STOP, 0x4321)
    line.ask_open(session)
    assert line.noted() == [(0, states.CMD_STOP)]


@pytest.mark.parametrize("fields", [{"session": "seven"}, {"schema_sha256": None}])
def test_a_hello_answer_with_fields_of_the_wrong_kind_never_raises(fields: dict[str, object]) -> None:
    assert greeted(**fields).bad_messages_n == 1


def test_a_request_before_the_session_is_open_is_refused() -> None:
    host = HostLink(framing.UNASSIGNED, "test", lambda count: b"n" * count)
    host.open(2000, 0)
    with pytest.raises(AssertionError):
        host.request(messages.COMMAND, (states.CMD_START,))


def test_a_text_that_is_not_printable_ascii_is_refused_by_the_packer() -> None:
    for text in ("\n", "\u00b0C"):
        with pytest.raises(errors.LocalError):
            pack_text(text)


class Drawn(Exception):
    """The nonce was drawn too often."""


@pytest.mark.parametrize("address", [1, 2, 3, 4, 5, 10, 13])
def test_a_hello_to_any_address_is_sent(address: int) -> None:
    draws = []

    def entropy(count: int) -> bytes:
        draws.append(count)
        if len(draws) > 100:
            raise Drawn
        return bytes(range(len(draws), len(draws) + count))

    HostLink(address, "test", entropy).open(2000, 0)


def test_a_true_in_the_place_of_a_message_number_is_no_message():
    with pytest.raises(ValueError):
        unpack_message(bytes((0x96, 0xC3, 0xA0, 0xA0, 0xA0, 0xA0, 0xA0)))
