"""What `spinline run` does beside the service: starts the batch, shows it, ends the service when it is over.

A thread of its own: it reads snapshots and never holds up the supervisor's loop.
"""

from __future__ import annotations

import getpass
from typing import TYPE_CHECKING

from rich.console import Console
from rich.live import Live

from spinline.edges import clock
from spinline.edges.service_view import live_view
from spinline.edges.terminal import clock_text
from spinline.errors import SpinlineError
from spinline.line.batch import ENDED
from spinline.line.desk import Command
from spinline.service.snapshot import Snapshot, temperatures

if TYPE_CHECKING:
    from spinline.service.running import Service

SHOW_US = 500_000
PLAIN_US = 60_000_000  # of the line's time, between two lines where nobody watches


def watch(service: Service, why: str, console: Console) -> None:
    """Until the batch is over; then the service is told to end."""
    seen = service.core.latest
    if seen.status["state"] == "IDLE":
        try:
            service.core.ask(Command("start", getpass.getuser(), why)).result()
        except SpinlineError as error:
            console.print(f"refused: {error}")
    else:
        console.print(f"the line is {seen.status['state']}: nothing was started; look with `spinline resume`")
    if console.is_terminal:
        _show_live(service, console)
    else:
        _show_lines(service, console)
    service.end("the batch is over")


def _over(seen: Snapshot) -> bool:
    return seen.status["state"] in ENDED


def _show_live(service: Service, console: Console) -> None:
    with Live(console=console, auto_refresh=False) as live:
        while not _over(seen := service.core.latest):
            live.update(live_view(seen.status, seen.values, temperatures), refresh=True)
            clock.rest_until_us(clock.monotonic_us() + SHOW_US)
        live.update(live_view(seen.status, seen.values, temperatures), refresh=True)


def _show_lines(service: Service, console: Console) -> None:
    begun_us, due_us, state = service.core.latest.status["at_us"], 0, ""
    while True:
        seen = service.core.latest
        at_us, now = seen.status["at_us"], seen.status["state"]
        if at_us >= due_us or now != state:
            due_us, state = at_us + PLAIN_US, now
            console.print(f"[{seen.status['mode']}] {clock_text((at_us - begun_us) / 1e6)}  {now}", markup=False)
        if _over(seen):
            return
        clock.rest_until_us(clock.monotonic_us() + SHOW_US)
