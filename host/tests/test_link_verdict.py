"""The doctor of a line names the cause that is there, and nothing where the line is well."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spinline.edges.link_verdict import HELLO_US, LinkCounters, LinkExamination, findings_of
from spinline_protocol import framing, messages
from spinline_protocol.host_messages import pack_message, unpack_message
from spinline_protocol.schema import schema_sha256

Node = Callable[[bytes], bytes]


def hello_ack(hello: bytes, boot_id: int = 7, schema: bytes | None = None) -> bytes:
    """A node's answer to the HELLO in a frame; empty where there is none."""
    answers = b""
    for frame in framing.FrameReader(from_device=False).feed(hello):
        nonce = unpack_message(frame.payload)[1]["host_nonce"]
        fields: dict[str, object] = {
            name: b"" if kind == "bin" else "" if kind == "str" else 0
            for name, kind in messages.fields_of(messages.HELLO_ACK)
        }
        fields |= {"host_nonce": nonce, "boot_id": boot_id, "schema_sha256": schema or schema_sha256()}
        payload = pack_message(messages.HELLO_ACK, tuple(fields.values()))
        answers += framing.encode(0, 1, framing.FROM_DEVICE | framing.CONTROL, 0, 0, payload)
    return answers


def examined(node: Node, turns: int = 10, late_us: int = 0, answer_us: int = 1000) -> LinkExamination:
    """An examination of a node that answers so; ``late_us``: each turn comes so late."""
    examination, now_us = LinkExamination(random.Random(1).randbytes), 0
    for _ in range(turns):
        answer = node(examination.step(b"", now_us))
        examination.step(answer, now_us + answer_us)
        now_us += HELLO_US + late_us
    return examination


def codes(examination: LinkExamination) -> list[str]:
    return [found.code for found in findings_of(examination.counted)]


def test_a_well_line_has_no_finding() -> None:
    examination = examined(hello_ack)
    assert codes(examination) == []
    assert examination.counted.answers_n == examination.counted.hellos_n == 10


def test_damaged_bytes_are_told_with_their_share() -> None:
    chance = random.Random(3)

    def node(hello: bytes) -> bytes:
        answer = bytearray(hello_ack(hello))
        if answer and chance.random() < 0.4:
            answer[len(answer) // 2] ^= 4
        return bytes(answer)

    examination = examined(node, 40)
    assert codes(examination) == ["damaged"] and examination.counted.answers_n > 10
    assert f"{examination.counted.noise_n} damaged pieces" in findings_of(examination.counted)[0].sentence


@pytest.mark.parametrize("text", [b"\r\n>>> ", b"raw REPL; CTRL-B to exit\r\n>"])
def test_a_prompt_means_that_no_application_is_running(text: bytes) -> None:
    assert codes(examined(lambda hello: text if hello else b"")) == ["no application"]


def test_a_prompt_that_comes_byte_by_byte_is_seen() -> None:
    examination = LinkExamination(random.Random(1).randbytes)
    for i, octet in enumerate(b"\r\n>>> "):
        examination.step(bytes((octet,)), i)
    assert codes(examination)[0] == "no application"


def test_a_node_that_starts_again_is_told() -> None:
    boots = iter([7, 7, 7, 8, 8, 9, 9, 9, 9, 9])
    examination = examined(lambda hello: hello_ack(hello, next(boots)) if hello else b"")
    assert codes(examination) == ["reset"] and "2 times" in findings_of(examination.counted)[0].sentence


def test_a_late_computer_is_told_and_not_blamed_on_the_node() -> None:
    assert codes(examined(hello_ack, late_us=900_000)) == ["host late"]


def test_slow_answers_are_told() -> None:
    examination = LinkExamination(random.Random(1).randbytes)
    answer = hello_ack(examination.step(b"", 0))
    for now_us in range(HELLO_US, 4 * HELLO_US, HELLO_US):
        examination.step(b"", now_us)
    examination.step(answer, 4 * HELLO_US)
    assert codes(examination) == ["slow"]


def test_answers_that_are_missing_though_nothing_is_damaged_are_told() -> None:
    turns = iter(range(100))
    examination = examined(lambda hello: hello_ack(hello) if hello and next(turns) % 3 else b"", 12)
    assert codes(examination) == ["lost"] and "of 12 questions" in findings_of(examination.counted)[0].sentence


def test_nobody_answers() -> None:
    assert codes(examined(lambda hello: b"")) == ["silent"]


def test_an_echo_is_not_an_answer() -> None:
    assert codes(examined(lambda hello: hello)) == ["echo"]


def test_frames_without_an_answer_and_another_schema_are_told() -> None:
    lease = framing.encode(0, 1, framing.FROM_DEVICE | framing.TELEMETRY, 1, 1, pack_message(0x30, (0, 0, b"")))
    assert codes(examined(lambda hello: lease if hello else b"")) == ["no answer"]
    assert codes(examined(lambda hello: hello_ack(hello, schema=bytes(32)))) == ["schema"]


def test_a_port_that_cannot_be_opened_is_the_only_finding() -> None:
    assert [one.code for one in findings_of(LinkCounters(port_problem="/dev/x: busy", port_losses_n=3))] == ["port"]


@given(st.lists(st.binary(max_size=60), max_size=20))
def test_no_bytes_make_the_examination_raise(pieces: list[bytes]) -> None:
    examination = LinkExamination(random.Random(1).randbytes)
    for i, piece in enumerate(pieces):
        examination.step(piece, i * 100_000)
    findings_of(examination.counted)


def test_hello_has_no_byte_that_a_prompt_acts_on() -> None:
    examination = LinkExamination(random.Random(5).randbytes)
    for i in range(300):
        assert not set(examination.step(b"", i * HELLO_US)) & set(b"\x01\x02\x03\x04\x05\x0a\x0d")
