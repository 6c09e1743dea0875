"""Gives a node the keys of its site, over a node that was started with its jumper set.  Sans-I/O."""

from __future__ import annotations

from collections.abc import Callable

from spinline_protocol import auth, errors, messages
from spinline_protocol.framing import UNASSIGNED
from spinline_protocol.host_link import HostLink, LinkEvent

LEASE_MS = 2000
ROLES = (auth.OPERATOR, auth.MAINTENANCE)


class Provisioning:
    """One node.  It gets only keys derived for itself; ``done`` when it keeps all, ``problem`` says why it will not."""

    def __init__(self, site_key: bytes, entropy: Callable[[int], bytes]) -> None:
        self.done = False
        self.problem = ""
        self._site_key = site_key
        self._link = HostLink(UNASSIGNED, "provisioning", entropy)
        self._waiting: set[int] = set()

    def step(self, received: bytes, now_ms: int) -> bytes:
        """Take what arrived and return what to send.  Never raises."""
        if self._link.state == "closed" and not self.done and not self.problem:
            self._link.open(LEASE_MS, now_ms)
        for event in self._link.receive(received, now_ms) + self._link.poll(now_ms):
            self._take(event)
        return self._link.take_output()

    def _take(self, event: LinkEvent) -> None:
        fields = event.fields or {}
        if event.kind == "opened":
            for role in ROLES:
                key = auth.device_key(auth.role_key(self._site_key, role), fields["device_id"])
                self._waiting.add(self._link.request(messages.PROVISION, (role, key)))
        elif event.kind == "refused":
            self.problem = event.reason
        elif event.kind == "result" and fields["code"]:
            hint = "; set its jumper and start it again" if fields["code"] == errors.DENIED else ""
            self.problem = f"the node refused a key: {errors.result_name(fields['code'])}{hint}"
        elif event.kind == "result":
            self._waiting.discard(event.sequence)
            self.done = not self._waiting and not self.problem
        elif event.kind == "lost":
            self._waiting.clear()  # a key that is given twice is the same key
