-- Wireshark's dissector of the wire between supervisor and node (SPEC 1, 2): header, CRC, tag, every field by name.
-- Made by `make golden` from the tables of the protocol; for link type USER0, as `spinline link export` writes it.

local spinline = Proto("spinline", "Spinline")
local kinds = { [0] = "CONTROL", [1] = "REQUEST", [2] = "RESPONSE", [3] = "PROGRESS", [4] = "TELEMETRY", [5] = "EVENT", [6] = "TRANSFER", [7] = "BACKFILL", [8] = "SYNC", [9] = "LEASE", [10] = "LOG", [15] = "LINK_ERROR" }
local codes = { [0] = "OK", [1] = "UNKNOWN_OPERATION", [2] = "BAD_ARGUMENTS", [3] = "RANGE", [4] = "STATE", [5] = "INTERLOCK", [6] = "NO_LEASE", [7] = "DENIED", [8] = "AUTHENTICATION", [9] = "EXPIRED", [10] = "BUSY", [11] = "CONFLICT", [12] = "NO_SESSION", [13] = "SEQUENCE", [14] = "TOO_LARGE", [15] = "GONE", [16] = "HASH", [20] = "INTERNAL" }
local states = { [0] = "IDLE", [1] = "STARTING", [2] = "EXECUTE", [3] = "HOLDING", [4] = "HELD", [5] = "STOPPING", [6] = "STOPPED", [7] = "ABORTING", [8] = "ABORTED", [9] = "COMPLETING", [10] = "COMPLETE" }
local commands = { [0] = "NONE", [1] = "START", [2] = "RUN", [3] = "HOLD", [4] = "RESUME", [5] = "COMPLETE", [6] = "STOP", [7] = "ABORT", [8] = "RESET", [9] = "SUPERVISE" }
local events = { [0] = "NONE", [1] = "BOOT", [2] = "STATE_CHANGED", [3] = "LEASE_EXPIRED", [4] = "LEASE_RENEWED", [5] = "SAFE_ORDER", [6] = "SENSOR_FAULT", [7] = "SENSOR_RETURNED", [8] = "LOOP_FAILED", [9] = "INTERLOCK_TRIPPED", [10] = "INTERLOCK_CLEARED", [11] = "PERMIT_OPEN", [12] = "CONFIGURED", [13] = "SETPOINT_CHANGED", [14] = "SCAN_OVERRUN", [15] = "INTERNAL_FAULT", [16] = "TUNE_BEGAN", [17] = "TUNE_ENDED", [18] = "HEATER_STUCK_ON", [19] = "HEATER_OPEN", [20] = "SENSOR_SLIPPED", [21] = "LOOP_BREAK", [22] = "SENSOR_REVERSED", [23] = "PARTIAL_LOAD", [24] = "PARAMETERS_CHANGED", [25] = "SCANS_LATE", [26] = "SENSOR_MAINTENANCE", [27] = "MONITOR_CLEARED", [28] = "ENCODER_LOST", [29] = "OUTPUT_PULSED", [30] = "STORE_FAULT", [31] = "OUTPUT_FAULT" }
local tables = { [0] = "node", [1] = "input", [2] = "loop", [3] = "output", [4] = "interlock", [5] = "record", [6] = "gains", [7] = "monitor", [8] = "permissive" }
local roles = { [0] = "viewer", [1] = "operator", [2] = "maintenance" }
local names = { [0] = "HELLO", [1] = "HELLO_ACK", [2] = "OPEN", [3] = "OPENED", [4] = "CLOSE", [5] = "POLL", [6] = "POLLED", [7] = "FIND", [8] = "FOUND", [16] = "COMMAND", [17] = "SET_SETPOINT", [18] = "CONFIG_BEGIN", [19] = "CONFIG_PUT", [20] = "CONFIG_PREPARE", [21] = "CONFIG_COMMIT", [22] = "CONFIG_CANCEL", [23] = "BACKFILL", [24] = "IDENTIFY", [25] = "JOURNAL", [26] = "PROVISION", [27] = "TRANSFER_BEGIN", [28] = "TRANSFER_PUT", [29] = "TRANSFER_END", [30] = "SET_MODE", [31] = "PULSE", [96] = "TUNE_START", [97] = "TUNE_STOP", [98] = "UPDATE_APPLY", [99] = "UPDATE_TRY", [100] = "UPDATE_CONFIRM", [101] = "UPDATE_STATUS", [102] = "UPDATE_FILES", [112] = "BENCH_SET", [32] = "RESULT", [33] = "VIOLATIONS", [34] = "IDENTITY", [35] = "JOURNAL_TOLD", [36] = "TRANSFER_TOLD", [37] = "TUNE_TOLD", [38] = "BENCH_TOLD", [39] = "UPDATE_TOLD", [41] = "FILES_TOLD", [40] = "PROGRESS", [48] = "SCANS", [49] = "EVENT", [50] = "SUMMARIES", [64] = "LEASE", [80] = "SYNC_ASK", [81] = "SYNC_TOLD" }
local header = {
    length = ProtoField.uint8("spinline.length", "length", base.DEC),
    destination = ProtoField.uint8("spinline.destination", "destination", base.DEC),
    source = ProtoField.uint8("spinline.source", "source", base.DEC),
    control = ProtoField.uint8("spinline.control", "control", base.HEX),
    authenticated = ProtoField.bool("spinline.authenticated", "authenticated", 8, nil, 32),
    from_node = ProtoField.bool("spinline.from_node", "from_node", 8, nil, 16),
    kind = ProtoField.uint8("spinline.kind", "kind", base.DEC, kinds, 15),
    session = ProtoField.uint16("spinline.session", "session", base.HEX),
    sequence = ProtoField.uint16("spinline.sequence", "sequence", base.DEC),
    crc = ProtoField.uint32("spinline.crc", "crc", base.HEX),
    tag = ProtoField.bytes("spinline.tag", "tag", base.NONE),
}
local messages = {
    [0] = { name = "HELLO", fields = {
        { kind = "u8", number = true, field = ProtoField.uint8("spinline.hello.key_id", "key_id", base.DEC) },
        { kind = "str", number = false, field = ProtoField.string("spinline.hello.version", "version") },
        { kind = "bin", number = false, field = ProtoField.bytes("spinline.hello.host_nonce", "host_nonce", base.NONE) },
        { kind = "str", number = false, field = ProtoField.string("spinline.hello.role", "role") },
        { kind = "str", number = false, field = ProtoField.string("spinline.hello.client", "client") },
    } },
    [1] = { name = "HELLO_ACK", fields = {
        { kind = "u8", number = true, field = ProtoField.uint8("spinline.hello_ack.major", "major", base.DEC) },
        { kind = "u8", number = true, field = ProtoField.uint8("spinline.hello_ack.minor", "minor", base.DEC) },
        { kind = "u16", number = true, field = ProtoField.uint16("spinline.hello_ack.session", "session", base.DEC) },
        { kind = "u32", number = true, field = ProtoField.uint32("spinline.hello_ack.boot_id", "boot_id", base.DEC) },
        { kind = "u16", number = true, field = ProtoField.uint16("spinline.hello_ack.capabilities", "capabilities", base.DEC) },
        { kind = "u8", number = true, field = ProtoField.uint8("spinline.hello_ack.payload_max", "payload_max", base.DEC) },
        { kind = "u8", number = true, field = ProtoField.uint8("spinline.hello_ack.window", "window", base.DEC) },
        { kind = "u32", number = true, field = ProtoField.uint32("spinline.hello_ack.ring_oldest", "ring_oldest", base.DEC) },
        { kind = "u32", number = true, field = ProtoField.uint32("spinline.hello_ack.ring_next", "ring_next", base.DEC) },
        { kind = "u32", number = true, field = ProtoField.uint32("spinline.hello_ack.event_oldest", "event_oldest", base.DEC) },
        { kind = "u8", number = true, field = ProtoField.uint8("spinline.hello_ack.reset_cause", "reset_cause", base.DEC) },
        { kind = "u8", number = true, field = ProtoField.uint8("spinline.hello_ack.state", "state", base.DEC, states) },
        { kind = "bin", number = false, field = ProtoField.bytes("spinline.hello_ack.host_nonce", "host_nonce", base.NONE) },
        { kind = "bin", number = false, field = ProtoField.bytes("spinline.hello_ack.device_nonce", "device_nonce", base.NONE) },
        { kind = "bin", number = false, field = ProtoField.bytes("spinline.hello_ack.device_id", "device_id", base.NONE) },
        { kind = "bin", number = false, field = ProtoField.bytes("spinline.hello_ack.firmware_sha256", "firmware_sha256", base.NONE) },
        { kind = "bin", number = false, field = ProtoField.bytes("spinline.hello_ack.schema_sha256", "schema_sha256", base.NONE) },
        { kind = "bin", number = false, field = ProtoField.bytes("spinline.hello_ack.configuration_sha256", "configuration_sha256", base.NONE) },
    } },
    [2] = { name = "OPEN", fields = {
        { kind = "u16", number = true, field = ProtoField.uint16("spinline.open.session", "session", base.DEC) },
        { kind = "u16", number = true, field = ProtoField.uint16("spinline.open.lease_ms", "lease_ms", base.DEC) },
        { kind = "bin", number = false, field = ProtoField.bytes("spinline.open.tag", "tag", base.NONE) },
    } },
    [3] = { name = "OPENED", fields = {
        { kind = "u16", number = true, field = ProtoField.uint16("spinline.opened.session", "session", base.DEC) },
        { kind = "u16", number = true, field = ProtoField.uint16("spinline.opened.lease_ms", "lease_ms", base.DEC) },
        { kind = "str", number = false, field = ProtoField.string("spinline.opened.role", "role") },
        { kind = "bin", number = false, field = ProtoField.bytes("spinline.opened.tag", "tag", base.NONE) },
    } },
    [4] = { name = "CLOSE", fields = {
        { kind = "u8", number = true, field = ProtoField.uint8("spinline.close.reason", "reason", base.DEC) },
    } },
    [5] = { name = "POLL", fields = {
        { kind = "u16", number = true, field = ProtoField.uint16("spinline.poll.credit_bytes", "credit_bytes", base.DEC) },
        { kind = "u8", number = true, field = ProtoField.uint8("spinline.poll.frames_n", "frames_n", base.DEC) },
    } },
    [6] = { name = "POLLED", fields = {
        { kind = "u16", number = true, field = ProtoField.uint16("spinline.polled.waiting_bytes", "waiting_bytes", base.DEC) },
    } },
    [7] = { name = "FIND", fields = {
        { kind = "u8", number = true, field = ProtoField.uint8("spinline.find.bits", "bits", base.DEC) },
        { kind = "bin", number = false, field = ProtoField.bytes("spinline.find.prefix", "prefix", base.NONE) },
        { kind = "bin", number = false, field = ProtoField.bytes("spinline.find.besides", "besides", base.NONE) },
    } },
    [8] = { name = "FOUND", fields = {
        { kind = "bin", number = false, field = ProtoField.bytes("spinline.found.device_id", "device_id", base.NONE) },
    } },
    [16] = { name = "COMMAND", fields = {
        { kind = "u8", number = true, field = ProtoField.uint8("spinline.command.command", "command", base.DEC, commands) },
    } },
    [17] = { name = "SET_SETPOINT", fields = {
        { kind = "u8", number = true, field = ProtoField.uint8("spinline.set_setpoint.loop", "loop", base.DEC) },
        { kind = "i32", number = true, field = ProtoField.int32("spinline.set_setpoint.setpoint", "setpoint", base.DEC) },
        { kind = "u32", number = true, field = ProtoField.uint32("spinline.set_setpoint.ramp_256", "ramp_256", base.DEC) },
    } },
    [18] = { name = "CONFIG_BEGIN", fields = {
        { kind = "u16", number = true, field = ProtoField.uint16("spinline.config_begin.rows_n", "rows_n", base.DEC) },
        { kind = "bin", number = false, field = ProtoField.bytes("spinline.config_begin.base_sha256", "base_sha256", base.NONE) },
        { kind = "bin", number = false, field = ProtoField.bytes("spinline.config_begin.sha256", "sha256", base.NONE) },
    } },
    [19] = { name = "CONFIG_PUT", fields = {
        { kind = "u16", number = true, field = ProtoField.uint16("spinline.config_put.row_i", "row_i", base.DEC) },
        { kind = "u8", number = true, field = ProtoField.uint8("spinline.config_put.table", "table", base.DEC, tables) },
        { kind = "bin", number = false, field = ProtoField.bytes("spinline.config_put.words", "words", base.NONE) },
    } },
    [20] = { name = "CONFIG_PREPARE", fields = {
    } },
    [21] = { name = "CONFIG_COMMIT", fields = {
        { kind = "bin", number = false, field = ProtoField.bytes("spinline.config_commit.sha256", "sha256", base.NONE) },
    } },
    [22] = { name = "CONFIG_CANCEL", fields = {
    } },
    [23] = { name = "BACKFILL", fields = {
        { kind = "u8", number = true, field = ProtoField.uint8("spinline.backfill.stream", "stream", base.DEC) },
        { kind = "u32", number = true, field = ProtoField.uint32("spinline.backfill.from_i", "from_i", base.DEC) },
        { kind = "u16", number = true, field = ProtoField.uint16("spinline.backfill.count", "count", base.DEC) },
    } },
    [24] = { name = "IDENTIFY", fields = {
    } },
    [25] = { name = "JOURNAL", fields = {
    } },
    [26] = { name = "PROVISION", fields = {
        { kind = "u8", number = true, field = ProtoField.uint8("spinline.provision.role", "role", base.DEC, roles) },
        { kind = "bin", number = false, field = ProtoField.bytes("spinline.provision.key", "key", base.NONE) },
    } },
    [27] = { name = "TRANSFER_BEGIN", fields = {
        { kind = "u8", number = true, field = ProtoField.uint8("spinline.transfer_begin.kind", "kind", base.DEC) },
        { kind = "u32", number = true, field = ProtoField.uint32("spinline.transfer_begin.length", "length", base.DEC) },
        { kind = "bin", number = false, field = ProtoField.bytes("spinline.transfer_begin.sha256", "sha256", base.NONE) },
    } },
    [28] = { name = "TRANSFER_PUT", fields = {
        { kind = "u16", number = true, field = ProtoField.uint16("spinline.transfer_put.transfer", "transfer", base.DEC) },
        { kind = "u32", number = true, field = ProtoField.uint32("spinline.transfer_put.offset", "offset", base.DEC) },
        { kind = "bin", number = false, field = ProtoField.bytes("spinline.transfer_put.octets", "octets", base.NONE) },
    } },
    [29] = { name = "TRANSFER_END", fields = {
        { kind = "u16", number = true, field = ProtoField.uint16("spinline.transfer_end.transfer", "transfer", base.DEC) },
    } },
    [30] = { name = "SET_MODE", fields = {
        { kind = "u8", number = true, field = ProtoField.uint8("spinline.set_mode.loop", "loop", base.DEC) },
        { kind = "u8", number = true, field = ProtoField.uint8("spinline.set_mode.mode", "mode", base.DEC) },
        { kind = "i32", number = true, field = ProtoField.int32("spinline.set_mode.output", "output", base.DEC) },
    } },
    [31] = { name = "PULSE", fields = {
        { kind = "u8", number = true, field = ProtoField.uint8("spinline.pulse.output", "output", base.DEC) },
        { kind = "i32", number = true, field = ProtoField.int32("spinline.pulse.level", "level", base.DEC) },
        { kind = "u16", number = true, field = ProtoField.uint16("spinline.pulse.ms", "ms", base.DEC) },
    } },
    [96] = { name = "TUNE_START", fields = {
        { kind = "u8", number = true, field = ProtoField.uint8("spinline.tune_start.loop", "loop", base.DEC) },
        { kind = "i32", number = true, field = ProtoField.int32("spinline.tune_start.falling", "falling", base.DEC) },
        { kind = "i32", number = true, field = ProtoField.int32("spinline.tune_start.centre", "centre", base.DEC) },
        { kind = "i32", number = true, field = ProtoField.int32("spinline.tune_start.rising", "rising", base.DEC) },
        { kind = "i32", number = true, field = ProtoField.int32("spinline.tune_start.band_low", "band_low", base.DEC) },
        { kind = "i32", number = true, field = ProtoField.int32("spinline.tune_start.band_high", "band_high", base.DEC) },
        { kind = "i32", number = true, field = ProtoField.int32("spinline.tune_start.pv_low", "pv_low", base.DEC) },
        { kind = "i32", number = true, field = ProtoField.int32("spinline.tune_start.pv_high", "pv_high", base.DEC) },
        { kind = "u32", number = true, field = ProtoField.uint32("spinline.tune_start.quiet_scans", "quiet_scans", base.DEC) },
        { kind = "u32", number = true, field = ProtoField.uint32("spinline.tune_start.switches_n", "switches_n", base.DEC) },
        { kind = "u32", number = true, field = ProtoField.uint32("spinline.tune_start.half_scans_max", "half_scans_max", base.DEC) },
    } },
    [97] = { name = "TUNE_STOP", fields = {
    } },
    [98] = { name = "UPDATE_APPLY", fields = {
        { kind = "bin", number = false, field = ProtoField.bytes("spinline.update_apply.proof", "proof", base.NONE) },
    } },
    [99] = { name = "UPDATE_TRY", fields = {
        { kind = "bin", number = false, field = ProtoField.bytes("spinline.update_try.firmware_sha256", "firmware_sha256", base.NONE) },
    } },
    [100] = { name = "UPDATE_CONFIRM", fields = {
        { kind = "bin", number = false, field = ProtoField.bytes("spinline.update_confirm.firmware_sha256", "firmware_sha256", base.NONE) },
    } },
    [101] = { name = "UPDATE_STATUS", fields = {
    } },
    [102] = { name = "UPDATE_FILES", fields = {
        { kind = "u16", number = true, field = ProtoField.uint16("spinline.update_files.first", "first", base.DEC) },
    } },
    [112] = { name = "BENCH_SET", fields = {
        { kind = "bin", number = false, field = ProtoField.bytes("spinline.bench_set.words", "words", base.NONE) },
    } },
    [32] = { name = "RESULT", fields = {
        { kind = "u8", number = true, field = ProtoField.uint8("spinline.result.code", "code", base.DEC, codes) },
        { kind = "i32", number = true, field = ProtoField.int32("spinline.result.got", "got", base.DEC) },
        { kind = "i32", number = true, field = ProtoField.int32("spinline.result.limit", "limit", base.DEC) },
        { kind = "str", number = false, field = ProtoField.string("spinline.result.field", "field") },
    } },
    [33] = { name = "VIOLATIONS", fields = {
        { kind = "u8", number = true, field = ProtoField.uint8("spinline.violations.code", "code", base.DEC, codes) },
        { kind = "u16", number = true, field = ProtoField.uint16("spinline.violations.violations_n", "violations_n", base.DEC) },
        { kind = "bin", number = false, field = ProtoField.bytes("spinline.violations.violations", "violations", base.NONE) },
    } },
    [34] = { name = "IDENTITY", fields = {
        { kind = "u8", number = true, field = ProtoField.uint8("spinline.identity.code", "code", base.DEC, codes) },
        { kind = "u8", number = true, field = ProtoField.uint8("spinline.identity.word_bits", "word_bits", base.DEC) },
        { kind = "str", number = false, field = ProtoField.string("spinline.identity.interpreter", "interpreter") },
        { kind = "str", number = false, field = ProtoField.string("spinline.identity.board", "board") },
        { kind = "str", number = false, field = ProtoField.string("spinline.identity.port", "port") },
    } },
    [35] = { name = "JOURNAL_TOLD", fields = {
        { kind = "u8", number = true, field = ProtoField.uint8("spinline.journal_told.code", "code", base.DEC, codes) },
        { kind = "bin", number = false, field = ProtoField.bytes("spinline.journal_told.entries", "entries", base.NONE) },
    } },
    [36] = { name = "TRANSFER_TOLD", fields = {
        { kind = "u8", number = true, field = ProtoField.uint8("spinline.transfer_told.code", "code", base.DEC, codes) },
        { kind = "u16", number = true, field = ProtoField.uint16("spinline.transfer_told.transfer", "transfer", base.DEC) },
        { kind = "u32", number = true, field = ProtoField.uint32("spinline.transfer_told.offset", "offset", base.DEC) },
        { kind = "u32", number = true, field = ProtoField.uint32("spinline.transfer_told.generation", "generation", base.DEC) },
        { kind = "u8", number = true, field = ProtoField.uint8("spinline.transfer_told.chunk_bytes", "chunk_bytes", base.DEC) },
    } },
    [37] = { name = "TUNE_TOLD", fields = {
        { kind = "u8", number = true, field = ProtoField.uint8("spinline.tune_told.code", "code", base.DEC, codes) },
        { kind = "u8", number = true, field = ProtoField.uint8("spinline.tune_told.state", "state", base.DEC) },
        { kind = "u16", number = true, field = ProtoField.uint16("spinline.tune_told.switches_n", "switches_n", base.DEC) },
        { kind = "i32", number = true, field = ProtoField.int32("spinline.tune_told.got", "got", base.DEC) },
        { kind = "i32", number = true, field = ProtoField.int32("spinline.tune_told.limit", "limit", base.DEC) },
        { kind = "str", number = false, field = ProtoField.string("spinline.tune_told.field", "field") },
    } },
    [38] = { name = "BENCH_TOLD", fields = {
        { kind = "u8", number = true, field = ProtoField.uint8("spinline.bench_told.code", "code", base.DEC, codes) },
        { kind = "u32", number = true, field = ProtoField.uint32("spinline.bench_told.limited", "limited", base.DEC) },
        { kind = "bin", number = false, field = ProtoField.bytes("spinline.bench_told.words", "words", base.NONE) },
    } },
    [39] = { name = "UPDATE_TOLD", fields = {
        { kind = "u8", number = true, field = ProtoField.uint8("spinline.update_told.code", "code", base.DEC, codes) },
        { kind = "u8", number = true, field = ProtoField.uint8("spinline.update_told.slot", "slot", base.DEC) },
        { kind = "u8", number = true, field = ProtoField.uint8("spinline.update_told.on_trial", "on_trial", base.DEC) },
        { kind = "u16", number = true, field = ProtoField.uint16("spinline.update_told.watched_s", "watched_s", base.DEC) },
        { kind = "u8", number = true, field = ProtoField.uint8("spinline.update_told.fault", "fault", base.DEC) },
        { kind = "bin", number = false, field = ProtoField.bytes("spinline.update_told.other_sha256", "other_sha256", base.NONE) },
        { kind = "str", number = false, field = ProtoField.string("spinline.update_told.version", "version") },
    } },
    [41] = { name = "FILES_TOLD", fields = {
        { kind = "u8", number = true, field = ProtoField.uint8("spinline.files_told.code", "code", base.DEC, codes) },
        { kind = "u16", number = true, field = ProtoField.uint16("spinline.files_told.files_n", "files_n", base.DEC) },
        { kind = "bin", number = false, field = ProtoField.bytes("spinline.files_told.marks", "marks", base.NONE) },
    } },
    [40] = { name = "PROGRESS", fields = {
        { kind = "u32", number = true, field = ProtoField.uint32("spinline.progress.done", "done", base.DEC) },
        { kind = "u32", number = true, field = ProtoField.uint32("spinline.progress.total", "total", base.DEC) },
    } },
    [48] = { name = "SCANS", fields = {
        { kind = "u32", number = true, field = ProtoField.uint32("spinline.scans.first_scan", "first_scan", base.DEC) },
        { kind = "u32", number = true, field = ProtoField.uint32("spinline.scans.oldest_scan", "oldest_scan", base.DEC) },
        { kind = "bin", number = false, field = ProtoField.bytes("spinline.scans.records", "records", base.NONE) },
    } },
    [49] = { name = "EVENT", fields = {
        { kind = "u32", number = true, field = ProtoField.uint32("spinline.event.event_i", "event_i", base.DEC) },
        { kind = "u32", number = true, field = ProtoField.uint32("spinline.event.scan", "scan", base.DEC) },
        { kind = "u8", number = true, field = ProtoField.uint8("spinline.event.code", "code", base.DEC, events) },
        { kind = "u8", number = true, field = ProtoField.uint8("spinline.event.source", "source", base.DEC) },
        { kind = "i32", number = true, field = ProtoField.int32("spinline.event.got", "got", base.DEC) },
        { kind = "i32", number = true, field = ProtoField.int32("spinline.event.limit", "limit", base.DEC) },
        { kind = "u32", number = true, field = ProtoField.uint32("spinline.event.boot_id", "boot_id", base.DEC) },
    } },
    [50] = { name = "SUMMARIES", fields = {
        { kind = "u32", number = true, field = ProtoField.uint32("spinline.summaries.first_summary", "first_summary", base.DEC) },
        { kind = "u32", number = true, field = ProtoField.uint32("spinline.summaries.oldest_summary", "oldest_summary", base.DEC) },
        { kind = "bin", number = false, field = ProtoField.bytes("spinline.summaries.records", "records", base.NONE) },
    } },
    [64] = { name = "LEASE", fields = {
        { kind = "u16", number = true, field = ProtoField.uint16("spinline.lease.lease_ms", "lease_ms", base.DEC) },
        { kind = "u16", number = true, field = ProtoField.uint16("spinline.lease.credit_bytes", "credit_bytes", base.DEC) },
        { kind = "u32", number = true, field = ProtoField.uint32("spinline.lease.scans_to", "scans_to", base.DEC) },
        { kind = "u32", number = true, field = ProtoField.uint32("spinline.lease.events_to", "events_to", base.DEC) },
    } },
    [80] = { name = "SYNC_ASK", fields = {
        { kind = "u64", number = false, field = ProtoField.uint64("spinline.sync_ask.host_sent_us", "host_sent_us", base.DEC) },
    } },
    [81] = { name = "SYNC_TOLD", fields = {
        { kind = "u64", number = false, field = ProtoField.uint64("spinline.sync_told.host_sent_us", "host_sent_us", base.DEC) },
        { kind = "u64", number = false, field = ProtoField.uint64("spinline.sync_told.device_received_us", "device_received_us", base.DEC) },
        { kind = "u64", number = false, field = ProtoField.uint64("spinline.sync_told.device_sent_us", "device_sent_us", base.DEC) },
        { kind = "u32", number = true, field = ProtoField.uint32("spinline.sync_told.scan", "scan", base.DEC) },
    } },
}
local message_field = ProtoField.uint8("spinline.message", "message", base.HEX, names)
local no_frame = ProtoExpert.new("spinline.no_frame", "no frame: flags, length or version are wrong", expert.group.MALFORMED, expert.severity.ERROR)
local bad_crc = ProtoExpert.new("spinline.bad_crc", "the CRC is wrong: damaged", expert.group.CHECKSUM, expert.severity.ERROR)
local bad_message = ProtoExpert.new("spinline.bad_message", "no message of the tables: msgpack or fields are wrong", expert.group.MALFORMED, expert.severity.ERROR)
local unknown_message = ProtoExpert.new("spinline.unknown_message", "a message that the tables do not know", expert.group.UNDECODED, expert.severity.WARN)
local fields = { message_field }
for _, field in pairs(header) do fields[#fields + 1] = field end
for _, message in pairs(messages) do
    for _, row in ipairs(message.fields) do fields[#fields + 1] = row.field end
end
spinline.fields = fields
spinline.experts = { no_frame, bad_crc, bad_message, unknown_message }

local RESIDUE = bit.tobit(0x2144DF1C)
local DEPTH_MAX = 4
local CRC = {}
for i = 0, 255 do
    local word = i
    for _ = 1, 8 do
        local odd = bit.band(word, 1) == 1
        word = bit.rshift(word, 1)
        if odd then word = bit.bxor(word, 0xEDB88320) end
    end
    CRC[i] = word
end

local function crc_of(bytes)
    local word = 0xFFFFFFFF
    for i = 0, bytes:len() - 1 do
        word = bit.bxor(bit.rshift(word, 8), CRC[bit.band(bit.bxor(word, bytes:get_index(i)), 255)])
    end
    return bit.tobit(bit.bxor(word, 0xFFFFFFFF))
end

-- What stands between the flags, with 7D 5E and 7D 5D undone; nil without both flags.
local function unstuffed(tvb)
    local count = tvb:len()
    if count < 2 or tvb(0, 1):uint() ~= 0x7E or tvb(count - 1, 1):uint() ~= 0x7E then return nil end
    local octets, i, raw = {}, 1, tvb:bytes()
    while i < count - 1 do
        local octet = raw:get_index(i)
        local following = i + 1 < count - 1 and raw:get_index(i + 1) or 0
        if octet == 0x7D and following == 0x5E then octet, i = 0x7E, i + 1
        elseif octet == 0x7D and following == 0x5D then i = i + 1 end
        octets[#octets + 1] = string.format("%02x", octet)
        i = i + 1
    end
    if #octets == 0 then return nil end
    return ByteArray.new(table.concat(octets))
end

-- One msgpack element at `at`: its kind, its range, where the next one begins; nil where there is none.
local WIDTH = { [0xCC] = 1, [0xCD] = 2, [0xCE] = 4, [0xCF] = 8, [0xD0] = 1, [0xD1] = 2, [0xD2] = 4, [0xD3] = 8 }

local function element(tvb, at, last, depth)
    if at >= last then return nil end
    local marker = tvb(at, 1):uint()
    if marker < 0x80 then return "uint", tvb(at, 1), at + 1, marker end
    if marker >= 0xE0 then return "int", tvb(at, 1), at + 1, marker - 256 end
    local head, count, kind = 1, 0, nil
    if marker == 0xC0 then return "nil", tvb(at, 1), at + 1 end
    if WIDTH[marker] then
        count, kind = WIDTH[marker], marker < 0xD0 and "uint" or "int"
    elseif bit.band(marker, 0xE0) == 0xA0 then
        count, kind = bit.band(marker, 31), "str"
    elseif marker == 0xD9 or marker == 0xC4 then
        if at + 2 > last then return nil end
        head, count, kind = 2, tvb(at + 1, 1):uint(), marker == 0xD9 and "str" or "bin"
    elseif bit.band(marker, 0xF0) == 0x90 or marker == 0xDC then
        if depth >= DEPTH_MAX or marker == 0xDC and at + 3 > last then return nil end
        local elements_n = marker == 0xDC and tvb(at + 1, 2):uint() or bit.band(marker, 15)
        local next_at = at + (marker == 0xDC and 3 or 1)
        for _ = 1, elements_n do
            local found, _range, following = element(tvb, next_at, last, depth + 1)
            if not found then return nil end
            next_at = following
        end
        return "array", tvb(at, next_at - at), next_at
    else
        return nil
    end
    if at + head + count > last then return nil end
    if count == 0 then return kind, tvb(at + head, 0), at + head, "" end
    local range = tvb(at + head, count)
    local shown
    if kind == "uint" then shown = count == 8 and range:uint64() or range:uint()
    elseif kind == "int" then shown = count == 8 and range:int64() or range:int()
    elseif kind == "str" then shown = range:string()
    end
    return kind, range, at + head + count, shown
end

local function add_field(tree, row, kind, range, shown)
    if row.kind == "bin" and kind == "bin" then
        tree:add(row.field, range)
    elseif row.kind == "str" and kind == "str" then tree:add(row.field, range, shown)
    elseif row.kind == "u64" and kind == "uint" then
        tree:add(row.field, range, type(shown) == "number" and UInt64(shown) or shown)
    elseif row.number and (kind == "uint" or kind == "int") then tree:add(row.field, range, tonumber(tostring(shown)))
    else return false end
    return true
end

local function dissect_message(tvb, last, tree, pinfo)
    local marker = tvb(8, 1):uint()
    local at, elements_n = 9, bit.band(marker, 15)
    if marker == 0xDC and last >= 11 then at, elements_n = 11, tvb(9, 2):uint()
    elseif bit.band(marker, 0xF0) ~= 0x90 then elements_n = 0 end
    local kind, range, next_at, number = element(tvb, at, last, 1)
    if elements_n == 0 or kind ~= "uint" then
        tree:add_proto_expert_info(bad_message)
        return
    end
    tree:add(message_field, range, number)
    local message = messages[number]
    if not message then
        tree:add_proto_expert_info(unknown_message)
        return
    end
    pinfo.cols.info:append(" " .. message.name)
    local branch = tree:add(spinline, tvb(8, last - 8), message.name)
    at = next_at
    for i = 1, elements_n - 1 do
        local shown
        kind, range, next_at, shown = element(tvb, at, last, 1)
        local row = message.fields[i]
        if not kind or row and not add_field(branch, row, kind, range, shown) then
            tree:add_proto_expert_info(bad_message)
            return
        end
        at = next_at
    end
    if elements_n - 1 < #message.fields or at ~= last then tree:add_proto_expert_info(bad_message) end
end

function spinline.dissector(tvb, pinfo, root)
    pinfo.cols.protocol = "Spinline"
    local tree = root:add(spinline, tvb())
    local octets = unstuffed(tvb)
    local count = octets and octets:len() or 0
    if count < 12 or octets:get_index(0) ~= count - 4 or bit.rshift(octets:get_index(3), 6) ~= 1 then
        pinfo.cols.info = "no frame"
        tree:add_proto_expert_info(no_frame)
        return
    end
    local body = octets:tvb("Unstuffed frame")
    local good = crc_of(octets) == RESIDUE
    local control = body(3, 1)
    tree:add(header.length, body(0, 1))
    tree:add(header.destination, body(1, 1))
    tree:add(header.source, body(2, 1))
    tree:add(header.control, control)
    tree:add(header.authenticated, control)
    tree:add(header.from_node, control)
    tree:add(header.kind, control)
    tree:add_le(header.session, body(4, 2))
    tree:add_le(header.sequence, body(6, 2))
    tree:add_le(header.crc, body(count - 4, 4))
    local kind = bit.band(control:uint(), 15)
    local last = count - 4
    pinfo.cols.info = (kinds[kind] or tostring(kind)) .. " " .. body(6, 2):le_uint()
    if not good then
        pinfo.cols.info:append(" damaged")
        tree:add_proto_expert_info(bad_crc)
        return
    end
    if bit.band(control:uint(), 0x20) ~= 0 then
        if last < 16 then
            tree:add_proto_expert_info(no_frame)
            return
        end
        last = last - 8
        tree:add(header.tag, body(last, 8))
    end
    if last > 8 then dissect_message(body, last, tree, pinfo) else tree:add_proto_expert_info(bad_message) end
end

DissectorTable.get("wtap_encap"):add(wtap.USER0, spinline)
