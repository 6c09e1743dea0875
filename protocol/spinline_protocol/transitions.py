"""The table of transitions: which state follows on which command.  It is the law (SPEC 5)."""

from .states import (
    ABORTED,
    ABORTING,
    CMD_ABORT,
    CMD_COMPLETE,
    CMD_HOLD,
    CMD_RESET,
    CMD_RESUME,
    CMD_RUN,
    CMD_START,
    CMD_STOP,
    COMPLETE,
    COMPLETING,
    DONE,
    EXECUTE,
    HELD,
    HOLDING,
    IDLE,
    STARTING,
    STOPPED,
    STOPPING,
)

# state, command or DONE -> next state.  What is not in the table is refused and leaves the state as it was.
TRANSITIONS = (
    (IDLE, CMD_START, STARTING),  # heat up; fiber stands
    (STARTING, CMD_RUN, EXECUTE),  # extrude and draw; refused until every soaking loop has soaked
    (EXECUTE, CMD_HOLD, HOLDING),
    (HOLDING, DONE, HELD),  # fiber stands, zones at setpoint
    (HELD, CMD_RESUME, EXECUTE),
    (EXECUTE, CMD_COMPLETE, COMPLETING),  # run the line out
    (COMPLETING, DONE, COMPLETE),
    (STARTING, CMD_STOP, STOPPING),
    (EXECUTE, CMD_STOP, STOPPING),
    (HOLDING, CMD_STOP, STOPPING),
    (HELD, CMD_STOP, STOPPING),
    (COMPLETING, CMD_STOP, STOPPING),
    (STOPPING, DONE, STOPPED),
    (ABORTING, DONE, ABORTED),
    (STOPPED, CMD_RESET, IDLE),
    (COMPLETE, CMD_RESET, IDLE),
    (ABORTED, CMD_RESET, IDLE),  # leaving ABORTED is a person's explicit act
)


def next_state(state: int, command: int) -> int:
    """The state that follows, or -1 where the table has no such transition.  ABORT is allowed from anywhere."""
    if command == CMD_ABORT:
        return -1 if state in (ABORTING, ABORTED) else ABORTING
    for start, cause, end in TRANSITIONS:
        if start == state and cause == command:
            return end
    return -1
