"""The measurements of the wire measure what they say, in small; the figures themselves are made by `make bench`."""

import random

import pytest

from spinline_protocol import framing
from tools import bench, bench_protocol_damage, bench_protocol_session, bench_protocol_speed, bench_protocol_wire
from tools.bench_row import Row, count_of, unmeasured


def test_a_row_that_could_not_be_measured_is_not_ok_and_says_why() -> None:
    row = unmeasured("a", "no tool")
    assert row.ok is False and row.as_json()["why"] == "no tool" and "no tool" in row.as_line()
    assert "why" not in Row("a", 1.0, "s", "lower", 1).as_json()
    with pytest.raises(AssertionError):
        Row("a", None, "s", "lower", 0)


def test_a_measurement_that_fails_is_a_row_and_the_others_go_on() -> None:
    def fails() -> list[Row]:
        raise RuntimeError("the peer has changed")

    (row,) = bench.rows_of("wire", fails)
    assert row.name == "wire" and row.ok is False and "the peer has changed" in row.why


def test_the_full_count_is_asked_for_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FULL", "")
    assert count_of(1, 2) == 1
    monkeypatch.setenv("FULL", "1")
    assert count_of(1, 2) == 2


@pytest.mark.wall
def test_names_of_rows_begin_with_the_name_of_their_measurement() -> None:
    for name, measure in (
        ("protocol.bytes_per_sample_8ch", bench_protocol_wire.bytes_per_sample),
        ("protocol.host_encode_fps", bench_protocol_speed.host_encode_fps),
    ):
        assert (name, measure) in bench.MEASUREMENTS
        rows = measure()
        assert rows and all(row.name.startswith(name) and row.value for row in rows)


def test_damage_of_every_kind_is_damage_and_is_found_by_the_reader() -> None:
    count = bench_protocol_damage.FRAMES_A_BLOCK_N * bench_protocol_damage.KINDS_N
    module = bench_protocol_damage
    wrong, hit = module.undetected(module.with_crc32, module.taken_with_crc32, count, 1)
    assert (wrong, hit) == (0, count)


def test_garbage_costs_the_reader_no_frame() -> None:
    chance = random.Random(1)
    frames = [bench_protocol_wire.scans_frame(i, bytes(28)) for i in range(300)]
    reader = framing.FrameReader(from_device=True)
    assert bench_protocol_wire.lost(frames, chance, lambda octets: len(reader.feed(octets))) == 0


def test_an_order_that_is_done_twice_or_lost_is_counted() -> None:
    assert bench_protocol_session.wrong_of([1, 2, 3], [1, 3]) == 0
    assert bench_protocol_session.wrong_of([1, 2, 2], [1]) == 1
    assert bench_protocol_session.wrong_of([1], [1, 2]) == 1


def test_the_peer_with_a_session_of_the_hosts_choice_is_right_on_a_good_wire() -> None:
    class Evenly:
        def below(self, most: int) -> int:
            return most // 2

    host, board = bench_protocol_session.NaiveHost(Evenly()), bench_protocol_session.NaiveBoard()
    answers = b""
    for _ in range(50):
        answers = board.receive(host.step(answers))
    assert board.executed == list(range(1, 51)) and host.acknowledged == list(range(1, 50))


def test_the_clock_on_a_simulated_link_keeps_its_bound() -> None:
    assert all(error <= bound for error, bound in bench_protocol_session.followed("usb_1ms", 1, 80))
