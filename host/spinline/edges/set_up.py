"""Sets up a board that answers with MicroPython's prompt: an empty one, or one in safe mode.

main.py comes last, under its name only when the board has proved every hash: cut anywhere, the board comes back to its
prompt and is set up again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable

from spinline.edges import clock
from spinline.edges.bundle import SLOT, SLOT_MANIFEST, BoardPart, Bundle
from spinline.edges.flash_targets import Target
from spinline.edges.found_boards import find_boards
from spinline.edges.rescue import ARCHITECTURES, BoardPrompt, PromptFailed, PromptIdentity
from spinline.line.flash_messages import FlashStopped
from spinline.line.flash_rules import version_words
from spinline_protocol import auth

BACK_US = 30_000_000  # from the restart to the first answer
PROMPTS_N = 2  # so often it answers with its prompt behind the restart: the first may be from before
STARTER, STARTER_DRAFT = "main.py", "main.new"
# what an earlier life may have left: the starter first, so that nothing half laid is ever started
OLD = [STARTER, "select.txt", "b/manifest.txt", f"{SLOT}/{SLOT_MANIFEST}", "incoming.txt", "incoming.bin"]
KEY_CODE = """
import sys
sys.path.insert(0, "a")
from spinline_firmware.keystore import KeyStore
_keys = KeyStore()
print([_keys.put(_role, _key) for _role, _key in {keys!r}])
"""


def set_up(
    target: Target, bundle: Bundle, site_key: bytes, board: str, told: Callable[[str, str, int, int], None]
) -> tuple[str, PromptIdentity]:
    """All of it; returns the kind of the board and what it said of itself.  FlashStopped says why not."""
    name = target.name
    try:
        prompt = BoardPrompt(target.place.device)
        try:
            seen = prompt.identity()
            kind = _kind_of(name, seen, bundle, board)
            part = bundle.boards[kind]
            _lay(prompt, part, seen.device_id, site_key, lambda done, total: told(name, "set-up", done, total))
            prompt.restart()
        finally:
            prompt.close()
    except PromptFailed as failed:
        raise FlashStopped("not-set-up", controller=name, why=str(failed)) from None
    _wait(target, part.image.firmware_sha256)
    return kind, seen


def _kind_of(name: str, seen: PromptIdentity, bundle: Bundle, board: str) -> str:
    """The kind of board that it is: named, or the only one of its port that its processor can run."""
    if version_words(seen.interpreter) < version_words(bundle.micropython_min):
        words = {"interpreter": seen.interpreter, "needed": bundle.micropython_min}
        raise FlashStopped("micropython", controller=name, **words)
    fit = [kind for kind, part in bundle.boards.items() if part.port == seen.port and seen.loads(part.architecture)]
    highest = max((ARCHITECTURES.index(bundle.boards[kind].architecture) for kind in fit), default=0)
    fit = [kind for kind in fit if ARCHITECTURES.index(bundle.boards[kind].architecture) == highest]
    if board in fit:
        return board
    if board or not fit:
        told = f"{seen.port} {seen.architecture}"
        raise FlashStopped("wrong-board", controller=name, board=told, boards=board or " or ".join(bundle.boards))
    if len(fit) > 1:
        raise FlashStopped("which-kind", controller=name, kinds=" or ".join(fit))
    return fit[0]


def _lay(
    prompt: BoardPrompt, part: BoardPart, device_id: bytes, site_key: bytes, told: Callable[[int, int], None]
) -> None:
    """Slot, files beside it, keys, hashes, starter.  PromptFailed."""
    slot = {path: file.octets for path, file in part.image.files.items()} | {SLOT_MANIFEST: part.image.manifest}
    files = {f"{SLOT}/{path}": octets for path, octets in slot.items()}
    files |= {STARTER_DRAFT if path == STARTER else path: octets for path, octets in part.root_files.items()}
    prompt.remove(OLD)
    for i, (path, octets) in enumerate(files.items()):
        told(i, len(files) + 1)
        prompt.write(path, octets)
    for path, octets in files.items():
        if prompt.sha256_of(path) != hashlib.sha256(octets).digest():
            raise PromptFailed(f"the flash does not hold {path} as it was written")
    keys = [
        (role, auth.device_key(auth.role_key(site_key, role), device_id)) for role in (auth.OPERATOR, auth.MAINTENANCE)
    ]
    if "[True, True]" not in prompt.run(KEY_CODE.format(keys=keys)):
        raise PromptFailed("it does not keep the keys")
    prompt.run(f"import os\nos.rename({STARTER_DRAFT!r}, {STARTER!r})")
    told(len(files) + 1, len(files) + 1)


def _wait(target: Target, firmware_sha256: str) -> None:
    """Until the board runs it, or shows that its jumper keeps it in safe mode."""
    end_us, prompts_n = clock.monotonic_us() + BACK_US, 0
    while clock.monotonic_us() < end_us:
        found = find_boards([target.place])[0]
        if found.hello and found.hello["firmware_sha256"].hex() == firmware_sha256:
            return
        prompts_n += found.prompt
        if prompts_n == PROMPTS_N:
            raise FlashStopped("jumper-set", controller=target.name)
    raise FlashStopped("not-set-up", controller=target.name, why="it was laid whole and does not start")
