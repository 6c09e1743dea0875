"""The hash of everything both ends must agree on: messages, quantities, states, configuration tables."""

import hashlib

from . import configuration, messages, quantities, states, transitions


def schema_sha256() -> bytes:
    """SHA-256 of the canonical text of all tables: equal on both ends, or the node is not driven."""
    digest = hashlib.sha256()
    tables = (
        messages.rows(),
        [(number, messages.places_of(number)) for number in sorted([row[0] for row in messages.rows()])],
        quantities.QUANTITIES,
        states.STATES,
        states.COMMANDS,
        transitions.TRANSITIONS,
        states.EVENTS,
        configuration.TABLES,
        configuration.SETPOINT_HARD,
    )
    for table in tables:
        for row in table:
            digest.update(repr(row).encode())
    return digest.digest()
