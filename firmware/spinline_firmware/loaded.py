"""Parts of the firmware that are loaded when somebody asks for them, and forgotten again: it is memory of the line."""

import sys


def nothing():  # type: ignore[no-untyped-def]
    """In place of a part that is not loaded."""
    return None


def update_requests(*given):  # type: ignore[no-untyped-def]
    """What serves an update of the firmware: 10 kB."""
    from .update_requests import UpdateRequests

    return UpdateRequests(*given)


def configuring():  # type: ignore[no-untyped-def]
    """What takes and judges a configuration: 7 kB."""
    from .configuring import Configuring

    return Configuring()


def forget(*names: str) -> None:
    """Drop modules below this package, so that their memory is free when nothing of them is used any more."""
    package = __name__[: __name__.rindex(".") + 1]
    for name in names:
        path = package + name
        if path in sys.modules:
            del sys.modules[path]
            at = path.rindex(".")
            delattr(sys.modules[path[:at]], path[at + 1 :])
