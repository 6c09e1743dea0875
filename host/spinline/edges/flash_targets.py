"""What a person asks of `spinline flash`, and which of the boards that were found are meant.

A board is known by its device id, or by its USB serial number where it runs no firmware.
"""

from __future__ import annotations

from dataclasses import dataclass

from spinline.edges.found_boards import Found, Place
from spinline.edges.site import Site, read_controllers
from spinline.line.flash_messages import FlashStopped

ALL = "all"


@dataclass(frozen=True)
class Options:
    """``controller`` by name or all; ``board``: kind of an empty one; the rest as the command's options say."""

    controller: str = ALL
    replace: bool = False
    dry_run: bool = False
    allow_downgrade: bool = False
    cold: bool = False
    board: str = ""
    interpreter: bool = False


@dataclass(frozen=True)
class Target:
    """A board to flash as ``name``: ``empty`` answers with a prompt; ``new`` is to get the name."""

    name: str
    place: Place
    empty: bool = False
    new: bool = False


def choose(site: Site, found: list[Found], controller: str, replace: bool) -> list[Target]:
    """The boards that are meant, in the order of the line file.  FlashStopped where it is not clear which."""
    names = list(site.configurations)
    if controller != ALL and controller not in names:
        raise FlashStopped("no-controller", controller=controller, names=", ".join([ALL, *names]))
    known = read_controllers(site.controllers)
    by_id = {row.device_id: name for name, row in known.items()}
    by_serial = {row.usb_serial: name for name, row in known.items() if row.usb_serial}
    targets, strangers, problems = {}, [], []
    for one in found:
        named = by_id.get(one.hello["device_id"].hex(), "") if one.hello else by_serial.get(one.place.usb_serial, "")
        if one.problem is not None:
            problems.append((named, one.problem))
        elif named:
            targets[named] = Target(named, one.place, one.prompt)
        elif one.hello or one.prompt:
            strangers.append(one)
    wanted = [controller] if controller != ALL else [name for name in names if name in known]
    for named, problem in problems:
        if named in wanted or (not named and not set(wanted) <= set(targets)):
            raise problem
    if controller == ALL:
        return _all(wanted, targets, strangers)
    if controller in targets:
        return [targets[controller]]
    return [_stranger(controller, strangers, known[controller].device_id if controller in known else "", replace)]


def _all(wanted: list[str], targets: dict[str, Target], strangers: list[Found]) -> list[Target]:
    for one in strangers:
        if one.hello:
            raise FlashStopped("unknown-board", device_id=one.hello["device_id"].hex(), port=one.place.device)
        raise FlashStopped("empty-board", port=one.place.device)
    if not targets:
        raise FlashStopped("no-boards")
    for name in wanted:
        if name not in targets:
            raise FlashStopped("not-found", controller=name)
    return [targets[name] for name in wanted]


def _stranger(controller: str, strangers: list[Found], device_id: str, replace: bool) -> Target:
    """The one board without a name, which gets this one."""
    if not strangers:
        raise FlashStopped("not-found", controller=controller)
    if len(strangers) > 1:
        raise FlashStopped("which-board", controller=controller, count=len(strangers))
    if device_id and not replace:
        raise FlashStopped("name-taken", controller=controller, device_id=device_id)
    one = strangers[0]
    return Target(controller, one.place, one.prompt, new=True)
