"""Errors and result codes of the wire.  One parent for all exceptions; codes are never reused."""


class ProtocolError(Exception):
    """Parent of every exception of this package."""


class BadFrame(ProtocolError):
    """The peer sent bytes that are no frame or no message (SPEC 1.6, 2.4).  Counted and dropped."""


class LocalError(ProtocolError):
    """We were asked to send what the wire cannot carry: a bug of the caller."""


# code, name, what it means, what to do about it (the technician's page); read by the host, looked into where it stands
LINES = """
0 | OK | done |
1 | UNKNOWN_OPERATION | the node does not know this request | flash the firmware that belongs to this host
2 | BAD_ARGUMENTS | fields are missing or of the wrong kind | flash the firmware that belongs to this host
3 | RANGE | a number is outside the node's hard limits | correct the recipe or the line file
4 | STATE | not allowed in the node's present state | bring the node to the state named first
5 | INTERLOCK | an interlock or a permissive forbids it | clear the cause, then reset
6 | NO_LEASE | the session does not hold the lease | reconnect as the supervisor
7 | DENIED | the role of the session does not allow it | connect with the role needed
8 | AUTHENTICATION | the tag does not prove the key | provision the key of this site
9 | EXPIRED | the request came too late | send it again
10 | BUSY | another long action is running | wait and repeat
11 | CONFLICT | the configuration changed since it was read | read it again
12 | NO_SESSION | no session is open | connect first
13 | SEQUENCE | a request number was skipped | the link repeats by itself
14 | TOO_LARGE | more than the node can hold | shorten the configuration
15 | GONE | the node does not have it, or no more | records are declared lost, a transfer is begun anew
16 | HASH | what arrived is not what was announced | download again
20 | INTERNAL | a fault inside the firmware | note the trace number and report it
"""

(OK, UNKNOWN_OPERATION, BAD_ARGUMENTS, RANGE, STATE, INTERLOCK) = range(6)
(NO_LEASE, DENIED, AUTHENTICATION, EXPIRED, BUSY, CONFLICT) = range(6, 12)
(NO_SESSION, SEQUENCE, TOO_LARGE, GONE, HASH) = range(12, 17)
INTERNAL = 20


def results() -> "list[tuple[int, str, str, str]]":
    """Every result code: code, name, what it means, what to do about it."""
    cells = [line.split("|") for line in LINES.strip().split("\n")]
    return [(int(code), name.strip(), means.strip(), do.strip()) for code, name, means, do in cells]


def result_name(code: int) -> str:
    """Name of a result code, or its number where the table does not know it."""
    for number, name, _meaning, _action in results():
        if number == code:
            return name
    return "RESULT_%d" % code
