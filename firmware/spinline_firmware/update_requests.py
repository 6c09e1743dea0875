"""Serves what a host asks about the slots: build the other one, try it, keep it (SPEC 7.3, 7.4).

It is made when somebody asks: its code is memory that the running line needs.
"""

from spinline_protocol import errors, messages
from spinline_protocol.auth import MAINTENANCE
from spinline_protocol.packer import Packer
from spinline_protocol.states import IDLE

from .updater import Updater

_FILES = Packer(messages.FILES_TOLD, messages.fields_of(messages.FILES_TOLD))
_UPDATE = Packer(messages.UPDATE_TOLD, messages.fields_of(messages.UPDATE_TOLD))


class UpdateRequests:
    """The node's ``slot``, the name of its board, its keys, its trial, and the hash of the firmware that runs."""

    def __init__(self, slot: str, board_name: str, keys, trial, firmware_sha256: bytes) -> None:  # type: ignore[no-untyped-def]
        self._updater = Updater(slot, board_name)
        self._keys = keys
        self._trial = trial
        self._firmware_sha256 = firmware_sha256

    def stop(self) -> None:
        """The session is gone: nobody waits."""
        self._updater.stop()

    def scan(self, link, state: int) -> None:  # type: ignore[no-untyped-def]
        """Once a scan: a piece of the work."""
        self._updater.scan(link, state)

    def serve(self, link, sequence: int, operation: int, fields: list, state: int, refusal, now_us: int) -> bool:  # type: ignore[no-untyped-def, type-arg]
        """Answer one request; True where the board must start anew.  ``refusal``: why a trial cannot be kept now."""
        updater, trial = self._updater, self._trial
        if operation == messages.UPDATE_APPLY:
            updater.begin(link, sequence, state, self._keys.of(MAINTENANCE), fields[0])
        elif operation == messages.UPDATE_TRY:
            code = updater.try_other(fields[0]) if state == IDLE else errors.STATE
            link.answer_code(sequence, code, state)
            return bool(code == errors.OK)
        elif operation == messages.UPDATE_CONFIRM:
            code, got, limit, field = refusal
            if code == errors.OK and fields[0] != self._firmware_sha256:
                code = errors.HASH
            if code == errors.OK:
                updater.confirm()
                trial.on_trial = False
            link.answer_code(sequence, code, got, limit, field)
        elif operation == messages.UPDATE_FILES:
            files_n, marks = updater.marks(fields[0])
            link.answer(sequence, _FILES.pack((errors.OK, files_n, marks)))
        else:
            watched_s = max(0, now_us - trial.configured_us) // 1000000 if trial.on_trial else 0
            slot = "ab".index(updater.slot)
            told = (errors.OK, slot, int(trial.on_trial), watched_s, trial.fault, updater.other_sha256())
            link.answer(sequence, _UPDATE.pack(told + (updater.version(),)))
        return False
