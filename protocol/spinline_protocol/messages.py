"""Every message and the order of its fields, as data.  Numbers are never reused; fields are only appended (SPEC 3).

Integer fields come first, texts and bytes last, so that a board packs the integers with one struct call.
"""

from . import framing

# A message a line: number, name, kind of its frame (framing.py), fields with their types.  It is looked into where it
# stands: on a board that runs its files in place it takes no memory.
LINES = """
00 HELLO 0 key_id:u8 version:str host_nonce:bin role:str client:str
# event_oldest: that the node still has; the next one where it has none
01 HELLO_ACK 0 major:u8 minor:u8 session:u16 boot_id:u32 capabilities:u16 payload_max:u8 window:u8 ring_oldest:u32 \
ring_next:u32 event_oldest:u32 reset_cause:u8 state:u8 host_nonce:bin device_nonce:bin device_id:bin \
firmware_sha256:bin schema_sha256:bin configuration_sha256:bin
02 OPEN 0 session:u16 lease_ms:u16 tag:bin
03 OPENED 0 session:u16 lease_ms:u16 role:str tag:bin
04 CLOSE 0 reason:u8
# on a bus (SPEC 8): whose turn it is, the end of a turn, and who has this address
05 POLL 0 credit_bytes:u16 frames_n:u8
06 POLLED 0 waiting_bytes:u16
07 FIND 0 bits:u8 prefix:bin besides:bin
08 FOUND 0 device_id:bin
# requests
10 COMMAND 1 command:u8
11 SET_SETPOINT 1 loop:u8 setpoint:i32 ramp_256:u32
12 CONFIG_BEGIN 1 rows_n:u16 base_sha256:bin sha256:bin
13 CONFIG_PUT 1 row_i:u16 table:u8 words:bin
14 CONFIG_PREPARE 1
15 CONFIG_COMMIT 1 sha256:bin
16 CONFIG_CANCEL 1
17 BACKFILL 1 stream:u8 from_i:u32 count:u16
18 IDENTIFY 1
19 JOURNAL 1
1A PROVISION 1 role:u8 key:bin
1B TRANSFER_BEGIN 1 kind:u8 length:u32 sha256:bin
1C TRANSFER_PUT 1 transfer:u16 offset:u32 octets:bin
1D TRANSFER_END 1 transfer:u16
1E SET_MODE 1 loop:u8 mode:u8 output:i32
1F PULSE 1 output:u8 level:i32 ms:u16
# a tuning experiment (SPEC 5.6): outputs under which the pv falls, rests and rises; limits of the pv; in scans
60 TUNE_START 1 loop:u8 falling:i32 centre:i32 rising:i32 band_low:i32 band_high:i32 pv_low:i32 pv_high:i32 \
quiet_scans:u32 switches_n:u32 half_scans_max:u32
61 TUNE_STOP 1
# the slots of the firmware (SPEC 7.3)
62 UPDATE_APPLY 1 proof:bin
63 UPDATE_TRY 1 firmware_sha256:bin
64 UPDATE_CONFIRM 1 firmware_sha256:bin
65 UPDATE_STATUS 1
66 UPDATE_FILES 1 first:u16
# a bench's fixture board alone (SPEC 9): what it puts on the terminals
70 BENCH_SET 1 words:bin
# answers
20 RESULT 2 code:u8 got:i32 limit:i32 field:str
21 VIOLATIONS 2 code:u8 violations_n:u16 violations:bin
# port: of MicroPython; linux is a bench's interpreter, which is no board
22 IDENTITY 2 code:u8 word_bits:u8 interpreter:str board:str port:str
23 JOURNAL_TOLD 2 code:u8 entries:bin
24 TRANSFER_TOLD 2 code:u8 transfer:u16 offset:u32 generation:u32 chunk_bytes:u8
25 TUNE_TOLD 2 code:u8 state:u8 switches_n:u16 got:i32 limit:i32 field:str
# what the fixture limited (a bit for each word that was set), and all that it reads
26 BENCH_TOLD 2 code:u8 limited:u32 words:bin
# slot that runs, on trial or not, for how long it was watched and what spoiled it; the other slot's firmware
# version: of the firmware that runs
27 UPDATE_TOLD 2 code:u8 slot:u8 on_trial:u8 watched_s:u16 fault:u8 other_sha256:bin version:str
# of the running slot: how many files it has, and 8 bytes of the hash of each one's hash and path from `first` on
29 FILES_TOLD 2 code:u8 files_n:u16 marks:bin
# progress of a long request, under its sequence number
28 PROGRESS 3 done:u32 total:u32
# streams of the device
30 SCANS 4 first_scan:u32 oldest_scan:u32 records:bin
# boot_id: another one than HELLO_ACK's: of an earlier boot
31 EVENT 5 event_i:u32 scan:u32 code:u8 source:u8 got:i32 limit:i32 boot_id:u32
32 SUMMARIES 4 first_summary:u32 oldest_summary:u32 records:bin
# lease of the host: acknowledges what the journal holds
40 LEASE 9 lease_ms:u16 credit_bytes:u16 scans_to:u32 events_to:u32
# clocks: the host's time of sending; the device's of receiving and sending, all in us
50 SYNC_ASK 8 host_sent_us:u64
# and the scan that began with reading it, or NO_SCAN
51 SYNC_TOLD 8 host_sent_us:u64 device_received_us:u64 device_sent_us:u64 scan:u32
"""

VERSION_MAJOR = 1
VERSION_MINOR = 0
VERSION_TEXT = "1.0"

(HELLO, HELLO_ACK, OPEN, OPENED, CLOSE, POLL, POLLED, FIND, FOUND) = range(9)
(COMMAND, SET_SETPOINT, CONFIG_BEGIN, CONFIG_PUT, CONFIG_PREPARE, CONFIG_COMMIT, CONFIG_CANCEL) = range(0x10, 0x17)
(BACKFILL_REQUEST, IDENTIFY, JOURNAL, PROVISION, TRANSFER_BEGIN, TRANSFER_PUT, TRANSFER_END) = range(0x17, 0x1E)
SET_MODE = 0x1E
PULSE = 0x1F
(RESULT, VIOLATIONS, IDENTITY, JOURNAL_TOLD, TRANSFER_TOLD, TUNE_TOLD, BENCH_TOLD, UPDATE_TOLD) = range(0x20, 0x28)
(TUNE_START, TUNE_STOP) = (0x60, 0x61)
(UPDATE_APPLY, UPDATE_TRY, UPDATE_CONFIRM, UPDATE_STATUS, UPDATE_FILES) = range(0x62, 0x67)
FILES_TOLD = 0x29
MARK_BYTES = 8  # of a file in FILES_TOLD
BENCH_SET = 0x70
PROGRESS_MESSAGE = 0x28
(SCANS, EVENT, SUMMARIES) = (0x30, 0x31, 0x32)
LEASE_MESSAGE = 0x40
(SYNC_ASK, SYNC_TOLD) = (0x50, 0x51)
NUMBERS_N = 0x80  # one byte on the wire
NO_SCAN = 0xFFFFFFFF  # the node has no configuration

# What a node sends; every other message comes from the host.
FROM_NODE = (HELLO_ACK, OPENED, POLLED, FOUND, RESULT, VIOLATIONS, IDENTITY, JOURNAL_TOLD, TRANSFER_TOLD, TUNE_TOLD) + (
    BENCH_TOLD,
    UPDATE_TOLD,
    FILES_TOLD,
    PROGRESS_MESSAGE,
    SCANS,
    EVENT,
    SUMMARIES,
    SYNC_TOLD,
)
# A refusal is told in a frame of its own kind: it must not pass for the answer to a request.
ALSO_IN = ((RESULT, framing.LINK_ERROR),)
_PLACE_OF_UNKNOWN = framing.REQUEST  # a newer host's request: it is answered as an unknown operation

# streams that can be asked for again
STREAM_SCANS = 0
STREAM_SUMMARIES = 1
STREAM_EVENTS = 2  # of earlier boots

CODE_AT = 3  # in every answer of a board: array header, number, marker, then the code

# one executed request of the journal: session, sequence, operation, code
JOURNAL_LAYOUT = ">HHBB"
JOURNAL_BYTES = 6
JOURNAL_N = 16
UNFINISHED = 255  # its code where its session ended before it was answered: begun, its end is not known

# one violation of a prepared configuration: table, row, field, 0, got (i32), limit (i32)
VIOLATION_LAYOUT = ">BBBBii"
VIOLATION_BYTES = 12
VIOLATIONS_N_MAX = 16  # as many as one answer carries; the count says how many there were


def rows() -> "map[tuple[int, str, int, tuple[tuple[str, str], ...]]]":
    """Every message in the order of the table: number, name, kind of its frame, ((field, type), ...)."""
    return map(_parsed, _lines())  # type: ignore[no-untyped-call]


def _lines():  # type: ignore[no-untyped-def]
    at = 1
    while at < len(LINES):
        end = LINES.find("\n", at)
        if LINES[at] != "#":
            yield LINES[at:end]
        at = end + 1


def _parsed(line: str) -> "tuple[int, str, int, tuple[tuple[str, str], ...]]":
    words = line.split()
    return int(words[0], 16), words[1], int(words[2]), tuple([tuple(word.split(":")) for word in words[3:]])  # type: ignore[misc]


def _line_of(number: int) -> str:
    """The line of a message.  Raises KeyError for an unknown number."""
    at = LINES.find("\n%02X " % number)
    if at < 0:
        raise KeyError(number)
    return LINES[at + 1 : LINES.find("\n", at + 1)]


# low five bits of control (direction and kind) of the frames in which a message may travel (SPEC 2.8), by its number
_PLACES = bytearray([_PLACE_OF_UNKNOWN] * NUMBERS_N)
for _row in rows():
    assert _row[2] != framing.RESPONSE or _row[0] in FROM_NODE, _row  # an answer comes from a node
    _PLACES[_row[0]] = _row[2] | (framing.FROM_DEVICE if _row[0] in FROM_NODE else 0)


def places_of(number: int) -> "list[int]":
    """Low five bits of control of every frame in which a message may travel."""
    return [_PLACES[number]] + [kind | framing.FROM_DEVICE for also, kind in ALSO_IN if also == number]


def in_its_place(number, control: int) -> bool:  # type: ignore[no-untyped-def]
    """Whether a message may travel in a frame with this control byte; ``number`` is whatever the payload began with."""
    if isinstance(number, bool) or not isinstance(number, int):
        return False
    place = control & (framing.FROM_DEVICE | framing.TYPE_MASK)
    if not 0 <= number < NUMBERS_N:
        return place == _PLACE_OF_UNKNOWN
    if place == _PLACES[number]:
        return True
    for also, kind in ALSO_IN:
        if also == number and place == kind | framing.FROM_DEVICE:
            return True
    return False


def fields_of(number: int) -> "tuple[tuple[str, str], ...]":
    """Fields of a message in wire order.  Raises KeyError for an unknown number."""
    return _parsed(_line_of(number))[3]


def name_of(number: int) -> str:
    """Name of a message, or its number where the table does not know it."""
    try:
        return _parsed(_line_of(number))[1]
    except KeyError:
        return "0x%02X" % number
