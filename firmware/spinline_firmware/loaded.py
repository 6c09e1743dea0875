"""Parts of the firmware that are loaded when somebody asks for them, and forgotten again: it is memory of the line."""

import gc
import sys

# the tables of the protocol: numbers of theirs stand in the compiled files, a node asks for the rest now and then
TABLES = tuple(["spinline_protocol." + name for name in "schema configuration quantities states".split()])
PACK_BYTES = 4096  # a collection after so many: what stays lies close, and a later piece finds room
JUDGES = ("spinline_firmware.configuring", "spinline_firmware.transaction", "spinline_firmware.control.guard_places")


def nothing():  # type: ignore[no-untyped-def]
    """In place of a part that is not loaded."""
    return None


def pack(on: bool = True) -> None:
    """While something is loaded: behind garbage its names, which stay for ever, would leave gaps all over the heap."""
    if not hasattr(gc, "threshold"):
        return  # a desktop's Python: its heap is not packed, and a collection of it is long
    if on:
        gc.collect()
    gc.threshold(PACK_BYTES if on else -1)


def update_requests(*given):  # type: ignore[no-untyped-def]
    """What serves an update of the firmware: 10 kB."""
    pack()
    from .update_requests import UpdateRequests

    pack(False)
    return UpdateRequests(*given)


def transfer():  # type: ignore[no-untyped-def]
    """What takes a firmware from the wire: 3 kB."""
    pack()
    from .drivers.staging import Staging
    from .transfer import Transfer

    pack(False)
    return Transfer(Staging())


def configuring(active: bool):  # type: ignore[no-untyped-def]
    """What takes and judges a configuration: 7 kB.  Until it is forgotten, a node that is not active packs its rows."""
    pack()
    from .configuring import Configuring

    if active:
        pack(False)
    return Configuring()


def schema_sha256() -> bytes:
    """The hash of all tables of the protocol, which are loaded for it alone: 20 kB."""
    from spinline_protocol.schema import schema_sha256 as made

    digest = made()
    forget(*TABLES)
    return digest


def same_structure(old, new) -> bool:  # type: ignore[no-untyped-def]
    """True where two sets of tables differ in nothing but numbers that may change in a running line."""
    pack()
    from .control.structure import same_structure as judged

    pack(False)
    same = judged(old, new)
    forget("spinline_firmware.control.structure", *TABLES)
    return same


def forget(*paths: str) -> None:
    """Drop modules, so that their memory is free when nothing of them is used any more."""
    for path in paths:
        if path in sys.modules:
            del sys.modules[path]
            package, _, name = path.rpartition(".")
            delattr(sys.modules[package], name)
