"""Node states, commands and events: the words both ends use.  What follows on what: transitions.py."""

STATES = (
    "IDLE",
    "STARTING",
    "EXECUTE",
    "HOLDING",
    "HELD",
    "STOPPING",
    "STOPPED",
    "ABORTING",
    "ABORTED",
    "COMPLETING",
    "COMPLETE",
)
(IDLE, STARTING, EXECUTE, HOLDING, HELD, STOPPING, STOPPED, ABORTING, ABORTED, COMPLETING, COMPLETE) = range(11)

COMMANDS = ("NONE", "START", "RUN", "HOLD", "RESUME", "COMPLETE", "STOP", "ABORT", "RESET", "SUPERVISE")
(NO_COMMAND, CMD_START, CMD_RUN, CMD_HOLD, CMD_RESUME) = range(5)
(CMD_COMPLETE, CMD_STOP, CMD_ABORT, CMD_RESET, CMD_SUPERVISE) = range(5, 10)
DONE = 16  # not a command: the state's own work is finished

# states in which power may be on: the lease must be renewed here
ACTIVE = (STARTING, EXECUTE, HOLDING, HELD, COMPLETING, STOPPING)


# events: code, name.  Arguments: source (channel, loop or row), number, limit
EVENTS = (
    "NONE",
    "BOOT",
    "STATE_CHANGED",
    "LEASE_EXPIRED",
    "LEASE_RENEWED",
    "SAFE_ORDER",
    "SENSOR_FAULT",
    "SENSOR_RETURNED",
    "LOOP_FAILED",
    "INTERLOCK_TRIPPED",
    "INTERLOCK_CLEARED",
    "PERMIT_OPEN",
    "CONFIGURED",
    "SETPOINT_CHANGED",
    "SCAN_OVERRUN",
    "INTERNAL_FAULT",
    "TUNE_BEGAN",
    "TUNE_ENDED",
    "HEATER_STUCK_ON",
    "HEATER_OPEN",
    "SENSOR_SLIPPED",
    "LOOP_BREAK",
    "SENSOR_REVERSED",
    "PARTIAL_LOAD",
    "PARAMETERS_CHANGED",
    "SCANS_LATE",
    "SENSOR_MAINTENANCE",
    "MONITOR_CLEARED",
    "ENCODER_LOST",
    "OUTPUT_PULSED",
    "STORE_FAULT",
    "OUTPUT_FAULT",
)
(EVT_NONE, EVT_BOOT, EVT_STATE, EVT_LEASE_EXPIRED, EVT_LEASE_RENEWED, EVT_SAFE_ORDER, EVT_SENSOR_FAULT) = range(7)
(EVT_SENSOR_RETURNED, EVT_LOOP_FAILED, EVT_INTERLOCK_TRIPPED, EVT_INTERLOCK_CLEARED, EVT_PERMIT_OPEN) = range(7, 12)
(EVT_CONFIGURED, EVT_SETPOINT, EVT_SCAN_OVERRUN, EVT_INTERNAL) = range(12, 16)
(EVT_TUNE_BEGAN, EVT_TUNE_ENDED) = range(16, 18)  # source: the loop; ended: how (below), switches so far
# NE 107 letter M; source: the input; its raw number and -1 where it stands still, or its distance from its partner
# and the limit of that
EVT_SENSOR_MAINTENANCE = 26
EVT_ENCODER_LOST = 28  # source: the input; all drives of the node go down together, in ratio
EVT_PULSE = 29  # source: the output; level and ms that were asked for
EVT_STORE = 30  # source: which record (below); got: a result code; limit: how many of its files are spoiled
EVT_OUTPUT_FAULT = 31  # source: the output; got: what its chip says of itself (SPEC 5.10); limit: its bus's errors
(KEPT_TABLES, KEPT_KEYS, KEPT_EVENTS) = range(3)  # records that a node keeps over a restart
EVT_MONITOR_CLEARED = 27  # source: the loop; heat that had not come is there again

# how a tuning experiment stands or ended
TUNE_STATES = ("IDLE", "QUIET", "SWITCHING", "DONE", "PV_OUT", "SENSOR", "NO_RESPONSE", "DISTURBED", "STOPPED")
(TUNE_IDLE, TUNE_QUIET, TUNE_SWITCHING, TUNE_DONE, TUNE_PV_OUT, TUNE_SENSOR) = range(6)
(TUNE_NO_RESPONSE, TUNE_DISTURBED, TUNE_STOPPED) = range(6, 9)
(EVT_HEATER_ON, EVT_HEATER_OPEN, EVT_SLIPPED, EVT_LOOP_BREAK, EVT_REVERSED) = range(18, 23)
(EVT_PARTIAL_LOAD, EVT_PARAMETERS, EVT_SCANS_LATE) = range(23, 26)

# why a board started: number 3 of those in SPEC 3.4
WATCHDOG_RESET = 3

# flags of a node, one byte in each telemetry record
FLAG_HOLD = 1  # lease ran out: setpoints and ramps are frozen
FLAG_PERMIT = 2  # line_permit chain reads closed
FLAG_ALARM = 4  # something is latched
FLAG_SOAKED = 8  # every soaking loop has soaked
FLAG_OVERRUN = 16  # this scan started late
