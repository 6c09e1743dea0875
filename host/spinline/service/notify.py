"""What the service tells systemd (sd_notify(3)): one datagram to the socket that NOTIFY_SOCKET names.

Only the supervisor's loop tells WATCHDOG=1, when it has finished a scan; a thread or a timer never does.
"""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Mapping

READY, STOPPING, WATCHDOG = "READY=1", "STOPPING=1", "WATCHDOG=1"


class Notifier:
    """``environment`` as a service is started with; without NOTIFY_SOCKET nothing is told to anybody."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        name = environment.get("NOTIFY_SOCKET", "")
        self._address = "\0" + name[1:] if name.startswith("@") else name
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) if name else None
        if self._socket:
            self._socket.setblocking(False)

    def tell(self, *lines: str) -> None:
        """Never waits, never raises: a supervisor does not stop because nobody listens."""
        if self._socket:
            with contextlib.suppress(OSError):
                self._socket.sendto("\n".join(lines).encode(), self._address)

    def close(self) -> None:
        """Give the socket back."""
        if self._socket:
            self._socket.close()
