"""The tables both ends share: numbers in order, names once, ranges that the wire can carry (SPEC 3 to 5)."""

from plain import refused

from spinline_protocol import errors, messages, states, transitions
from spinline_protocol import quantities as q
from spinline_protocol.configuration import (
    ALL_STATES,
    INTERLOCK,
    LOOP,
    OUTPUT,
    SETPOINT_HARD,
    TABLES,
    field_index,
    range_violations,
    setpoint_hard_limits,
)
from spinline_protocol.framing import PAYLOAD_BYTES_MAX
from spinline_protocol.packer import ARRAY_N_MAX, BIN_BYTES_MAX, INTEGERS
from spinline_protocol.words import ConfigurationDigest, pack_words, unpack_words

ANY_COMMAND = list(range(len(states.COMMANDS))) + [states.DONE]


def unique(names):
    return len(set(names)) == len(names)


def test_every_quantity_has_its_number_a_name_of_its_own_and_a_range():
    assert [row[0] for row in q.QUANTITIES] == list(range(len(q.QUANTITIES)))
    assert unique([row[1] for row in q.QUANTITIES])
    assert all([row[3] < row[4] for row in q.QUANTITIES])
    assert (q.TEMPERATURE, q.SPEED, q.COUNT) == (1, 5, 14)


def test_the_bytes_of_a_quantity_hold_its_whole_range_and_no_byte_is_wasted():
    for row in q.QUANTITIES:
        width = q.wire_bytes(row[0])
        span = row[4] - row[3]
        assert span < 1 << 8 * width and (width == 1 or span >= 1 << 8 * (width - 1))


def test_a_number_is_in_range_up_to_both_ends():
    for row in q.QUANTITIES:
        assert q.in_range(row[0], row[3]) and q.in_range(row[0], row[4])
        assert not q.in_range(row[0], row[3] - 1) and not q.in_range(row[0], row[4] + 1)


def test_every_message_has_a_number_and_a_name_of_its_own():
    assert unique([row[0] for row in messages.rows()]) and unique([row[1] for row in messages.rows()])
    assert all([row[0] < 0x80 for row in messages.rows()])  # one byte on the wire
    assert refused(KeyError, messages.fields_of, 0x7F)


def test_integers_stand_before_texts_and_bytes_in_every_message():
    for row in messages.rows():
        behind = False
        for _name, kind in row[3]:
            assert kind in INTEGERS or kind in ("str", "bin")
            assert not (behind and kind in INTEGERS)
            behind = behind or kind not in INTEGERS


def test_the_names_of_messages_are_those_of_their_numbers():
    named = {row[1]: row[0] for row in messages.rows()}
    assert (named["HELLO"], named["OPENED"], named["CLOSE"]) == (messages.HELLO, messages.OPENED, messages.CLOSE)
    assert (named["COMMAND"], named["CONFIG_CANCEL"]) == (messages.COMMAND, messages.CONFIG_CANCEL)
    assert (named["BACKFILL"], named["IDENTIFY"]) == (messages.BACKFILL_REQUEST, messages.IDENTIFY)
    assert (named["RESULT"], named["IDENTITY"]) == (messages.RESULT, messages.IDENTITY)
    assert (named["SCANS"], named["EVENT"], named["LEASE"]) == (messages.SCANS, messages.EVENT, messages.LEASE_MESSAGE)


def test_every_row_of_a_configuration_fits_one_frame():
    for _number, name, fields, rows_n in TABLES:
        assert 4 * len(fields) <= BIN_BYTES_MAX and 4 * len(fields) + 16 <= PAYLOAD_BYTES_MAX, name
        assert len(fields) < ARRAY_N_MAX and rows_n < 256


def test_result_codes_are_unique_and_named():
    assert unique([row[0] for row in errors.results()]) and unique([row[1] for row in errors.results()])
    assert errors.result_name(errors.CONFLICT) == "CONFLICT" and errors.result_name(99) == "RESULT_99"
    for row in errors.results():
        assert row[2] and (row[3] or row[0] == errors.OK)  # what it means, and what to do


def test_every_state_and_command_pair_does_exactly_what_the_table_says():
    table = {(start, cause): end for start, cause, end in transitions.TRANSITIONS}
    assert len(table) == len(transitions.TRANSITIONS)
    for state in range(len(states.STATES)):
        for command in ANY_COMMAND:
            expected = table.get((state, command), -1)
            if command == states.CMD_ABORT:
                expected = -1 if state in (states.ABORTING, states.ABORTED) else states.ABORTING
            assert transitions.next_state(state, command) == expected


def test_a_number_that_is_no_command_leads_nowhere():
    for state in range(len(states.STATES)):
        for command in (-1, 10, 15, 17, 255, 1 << 40):
            assert transitions.next_state(state, command) == -1


def test_power_is_stopped_from_every_active_state_and_no_state_is_a_dead_end():
    for state in states.ACTIVE:
        if state != states.STOPPING:
            assert transitions.next_state(state, states.CMD_STOP) == states.STOPPING
        assert transitions.next_state(state, states.CMD_ABORT) == states.ABORTING
    for state in range(len(states.STATES)):
        assert [command for command in ANY_COMMAND if transitions.next_state(state, command) >= 0]


def test_power_never_comes_on_but_by_start():
    for state in range(len(states.STATES)):
        for command in ANY_COMMAND:
            if state not in states.ACTIVE and transitions.next_state(state, command) in states.ACTIVE:
                assert (state, command) == (states.IDLE, states.CMD_START)


def test_states_commands_and_events_have_a_word_for_each_number():
    assert (len(states.STATES), states.COMPLETE) == (11, 10) and ALL_STATES == (1 << len(states.STATES)) - 1
    assert states.COMMANDS[states.CMD_SUPERVISE] == "SUPERVISE" and len(states.COMMANDS) <= states.DONE
    assert states.EVENTS[states.EVT_INTERNAL] == "INTERNAL_FAULT"
    assert states.EVENTS[states.EVT_TUNE_ENDED] == "TUNE_ENDED" and states.TUNE_STATES[states.TUNE_STOPPED] == "STOPPED"
    assert states.EVENTS[states.EVT_SCANS_LATE] == "SCANS_LATE" and len(states.EVENTS) == 32
    assert states.EVENTS[states.EVT_SENSOR_MAINTENANCE] == "SENSOR_MAINTENANCE"
    assert states.EVENTS[states.EVT_MONITOR_CLEARED] == "MONITOR_CLEARED"
    assert states.EVENTS[states.EVT_ENCODER_LOST] == "ENCODER_LOST"
    assert states.EVENTS[states.EVT_PULSE] == "OUTPUT_PULSED"
    assert states.EVENTS[states.EVT_STORE] == "STORE_FAULT"


def test_fields_are_found_by_name_and_an_unknown_name_is_refused():
    assert LOOP[field_index(LOOP, "kz")][0] == "kz"
    assert refused(KeyError, field_index, OUTPUT, "kz")


def test_words_travel_and_come_back():
    words = (0, 1, -1, 0x7FFFFFFF, -0x80000000)
    assert unpack_words(pack_words(words)) == words
    assert pack_words((1, -2)) == b"\x01\x00\x00\x00\xfe\xff\xff\xff"
    assert unpack_words(b"\x00" * 7) == () == unpack_words(b"")


def test_a_field_at_its_limits_is_in_range_and_one_beyond_is_told_with_its_limit():
    for number, _name, fields, _rows_n in TABLES:
        lowest, highest = [field[1] for field in fields], [field[2] for field in fields]
        assert range_violations(number, tuple(lowest)) == [] == range_violations(number, tuple(highest))
        for i in range(len(fields)):
            low, high = lowest[:], highest[:]
            low[i] -= 1
            high[i] += 1
            assert range_violations(number, tuple(low)) == [(i, low[i], lowest[i])]
            assert range_violations(number, tuple(high)) == [(i, high[i], highest[i])]


def test_a_row_of_the_wrong_length_is_told_as_field_255():
    assert range_violations(4, (1, 2)) == [(255, 2, len(INTERLOCK))]


def test_every_word_of_a_configuration_fits_32_bits():
    for _number, _name, fields, _rows_n in TABLES:
        assert all([-(1 << 31) <= field[1] <= field[2] < 1 << 31 for field in fields])


def test_a_quantity_without_hard_limits_may_not_be_controlled():
    assert setpoint_hard_limits(q.TEMPERATURE) == (0, 250000)
    assert setpoint_hard_limits(q.SWITCH) == (0, 0)
    for quantity, low, high in SETPOINT_HARD:
        assert q.in_range(quantity, low) and q.in_range(quantity, high)


def test_the_hash_of_a_configuration_depends_on_table_order_and_words():
    def digest(rows):
        made = ConfigurationDigest()
        for table, words in rows:
            made.add(table, pack_words(words))
        return made.digest()

    rows = [(0, (1, 2)), (1, (3,))]
    others = ([(0, (1, 2)), (2, (3,))], [(1, (3,)), (0, (1, 2))], [(0, (1,)), (1, (2, 3))], [(0, (1, 2)), (1, (4,))])
    assert digest(rows) == digest(rows) and len(digest(rows)) == 32
    for other in others:
        assert digest(other) != digest(rows)
