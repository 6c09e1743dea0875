"""Who may ask the service for what: a file of hashed tokens, roles in order of power, and their roles on the wire.

    [[token]]
    name = "ada"                 the person, or the screen, that has it: who every action is noted under
    role = "operator"            viewer, operator, lead or admin
    sha256 = "..."               of the token; the token itself is shown once, when it is made

The file has mode 0600, and is read again when it changes, so that a token is withdrawn without a restart.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
import stat
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Annotated

from pydantic import Field, ValidationError

from spinline.errors import BadFile
from spinline.recipe.guard_model import Strict
from spinline.recipe.reading import problems_of, read_model
from spinline_protocol import auth

MODE = 0o600
TOKEN_BYTES = 32
TOKENS_N_MAX = 100


class Role(StrEnum):
    """In order of power: each may do what the ones before it may."""

    VIEWER = "viewer"
    OPERATOR = "operator"
    LEAD = "lead"
    ADMIN = "admin"

    def includes(self, needed: Role) -> bool:
        """Whether this role may do what that one may."""
        order = list(Role)
        return order.index(self) >= order.index(needed)


WIRE_ROLES: Mapping[Role, int] = {
    Role.VIEWER: auth.VIEWER,
    Role.OPERATOR: auth.OPERATOR,
    Role.LEAD: auth.OPERATOR,
    Role.ADMIN: auth.MAINTENANCE,
}


class TokenModel(Strict):
    """One token of the file."""

    name: Annotated[str, Field(pattern=r"^[\w.@-]([\w .@-]{0,62}[\w.@-])?$")]
    role: Role
    sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


class TokensModel(Strict):
    """The file."""

    token: Annotated[list[TokenModel], Field(max_length=TOKENS_N_MAX)] = []


def read_tokens(path: Path) -> list[TokenModel]:
    """The tokens of a file.  Raises BadFile: missing, open to others, a key that is none, a name given twice."""
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
    except OSError as error:
        raise BadFile(path, [f"cannot be read: {error.strerror}; `spinline token add` makes it"]) from None
    if mode & 0o077:
        raise BadFile(path, [f"mode {mode:03o} lets others use the tokens; chmod 600 allows its owner only"])
    tokens = read_model(path, TokensModel).token
    names = [token.name for token in tokens]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise BadFile(path, [f"name {', '.join(twice)} stands twice; each person has a token of their own"])
    return tokens


def add_token(path: Path, name: str, role: Role) -> str:
    """A new token, which is in the file only as its hash.  Makes the file.  Raises BadFile where the name is there."""
    tokens = read_tokens(path) if path.exists() else []
    if name in [token.name for token in tokens]:
        raise BadFile(path, [f"{name} has a token already; `spinline token remove {name}` withdraws it"])
    secret = secrets.token_urlsafe(TOKEN_BYTES)
    try:
        token = TokenModel(name=name, role=role, sha256=_hash(secret))
    except ValidationError as refusal:
        raise BadFile(path, problems_of(refusal, TokenModel)) from None
    if len(tokens) >= TOKENS_N_MAX:
        raise BadFile(path, [f"has {len(tokens)} tokens already (allowed: {TOKENS_N_MAX})"])
    _write(path, [*tokens, token])
    return secret


def remove_token(path: Path, name: str) -> None:
    """Withdraw a token.  Raises BadFile where there is none of that name."""
    tokens = read_tokens(path)
    left = [token for token in tokens if token.name != name]
    if len(left) == len(tokens):
        raise BadFile(path, [f"{name} has no token (there are: {', '.join(token.name for token in tokens) or 'none'})"])
    _write(path, left)


def write_private(path: Path, text: str) -> None:
    """A file that only its owner may read, whole or not at all.  Raises BadFile."""
    draft = path.with_name(path.name + ".new")
    try:
        draft.unlink(missing_ok=True)
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, MODE), "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.replace(draft, path)
    except OSError as error:
        raise BadFile(path, [f"cannot be written: {error.strerror}"]) from None


def _write(path: Path, tokens: list[TokenModel]) -> None:
    text = "# Tokens of the service, hashed; written by `spinline token`.\n"
    for token in tokens:
        text += f'\n[[token]]\nname = "{token.name}"\nrole = "{token.role}"\nsha256 = "{token.sha256}"\n'
    write_private(path, text)


def _hash(secret: str) -> str:
    """A token has 256 random bits, so one hash is enough: there is nothing to guess."""
    return hashlib.sha256(secret.encode()).hexdigest()


class Doorkeeper:
    """Knows who a token belongs to; reads the file again when it has changed."""

    def __init__(self, path: Path) -> None:
        """Raises BadFile as `read_tokens` does."""
        self._path = path
        self._stamp = self._stamp_now()
        self._tokens = read_tokens(path)

    def _stamp_now(self) -> tuple[int, int, int]:
        try:
            found = self._path.stat()
        except OSError:
            return (0, 0, 0)
        return (found.st_mtime_ns, found.st_ino, found.st_mode)

    def known(self, secret: str) -> TokenModel | None:
        """The token's entry; None where it is not known.  Raises BadFile where the file cannot be used any more."""
        stamp = self._stamp_now()
        if stamp != self._stamp:
            self._tokens = read_tokens(self._path)
            self._stamp = stamp
        given = _hash(secret)
        found = [token for token in self._tokens if hmac.compare_digest(token.sha256, given)]
        return found[0] if found else None
