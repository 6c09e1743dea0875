"""Verdicts on the bench itself, never mixed with those on the product: a port, a flashed board, a wire of the bench."""

from __future__ import annotations


class Infra(Exception):
    """The bench, not the product, is at fault: nothing more is run.  ``verdict`` and ``exit_status`` of the session."""

    verdict = "INFRA"
    exit_status = 20


class InfraPort(Infra):
    """A serial port is missing or taken."""

    verdict, exit_status = "INFRA_PORT", 21


class InfraFlash(Infra):
    """A board runs other firmware than this host's, or holds another site's key."""

    verdict, exit_status = "INFRA_FLASH", 22


class InfraBench(Infra):
    """The bench does not do what it is told: the self-test names the channel."""

    verdict, exit_status = "INFRA_BENCH", 23
