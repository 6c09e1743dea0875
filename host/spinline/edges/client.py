"""A client of the service: URL and token from a small file, one request at a time, errors as a sentence.

url = "http://127.0.0.1:8471"
token = "..."                     the file has mode 0600; `spinline token add --client` writes it
"""

from __future__ import annotations

import http.client
import json
import stat
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import Field

from spinline.errors import BadFile, BadInput, Refused, SpinlineError
from spinline.recipe.guard_model import Strict
from spinline.recipe.reading import read_model
from spinline.service.tokens import write_private

PREFIX = "/api/v1"
ANSWER_S = 15.0
ANSWER_BYTES_MAX = 16_000_000


class NoAnswer(SpinlineError):
    """The service did not answer, or does not know what became of a command."""


class ClientModel(Strict):
    """The file."""

    url: Annotated[str, Field(pattern=r"^https?://[^/\s]+/?$")]
    token: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{20,200}$")]


def write_client(path: Path, model: ClientModel) -> None:
    """Readable by its owner only; one that exists is not overwritten.  Raises BadFile."""
    if path.exists():
        raise BadFile(path, ["exists; it may hold another person's token"])
    write_private(path, f'# Where the service is, and who I am there.\nurl = "{model.url}"\ntoken = "{model.token}"\n')


def read_client(path: Path) -> ClientModel:
    """Raises BadFile: missing, open to others, wrong."""
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
    except OSError as error:
        raise BadFile(path, [f"cannot be read: {error.strerror}; `spinline token add --client` writes it"]) from None
    if mode & 0o077:
        raise BadFile(path, [f"mode {mode:03o} lets others use the token; chmod 600 allows its owner only"])
    return read_model(path, ClientModel)


class Client:
    """Raises Refused with what the service says against it, NoAnswer where nobody answers."""

    def __init__(self, given: ClientModel) -> None:
        self._parts = urlsplit(given.url)
        self._headers = {"Authorization": f"Bearer {given.token}", "Content-Type": "application/json"}

    def get(self, name: str) -> dict[str, Any]:
        """A view."""
        return self._request("GET", f"{PREFIX}/{name}", None)

    def order(self, name: str, body: dict[str, Any]) -> dict[str, Any]:
        """A command."""
        return self._request("POST", f"{PREFIX}/commands/{name}", json.dumps(body))

    def _request(self, method: str, path: str, body: str | None) -> dict[str, Any]:
        kind = http.client.HTTPSConnection if self._parts.scheme == "https" else http.client.HTTPConnection
        where = f"{self._parts.scheme}://{self._parts.netloc}"
        try:
            connection = kind(self._parts.hostname or "", self._parts.port, timeout=ANSWER_S)
            connection.request(method, path, body, self._headers)
            answer = connection.getresponse()
            octets = answer.read(ANSWER_BYTES_MAX)
            connection.close()
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise NoAnswer(f"{where} does not answer: {error}") from None
        try:
            told = json.loads(octets)
        except ValueError:
            raise NoAnswer(f"{where} is no Spinline service: it answers with {answer.status}") from None
        return _checked(answer.status, told)


def _checked(status: int, told: Any) -> dict[str, Any]:
    if status == http.HTTPStatus.OK and isinstance(told, dict):
        return told
    if status == http.HTTPStatus.UNPROCESSABLE_ENTITY:
        raise BadInput([f"{'.'.join(map(str, row['loc'][1:]))}: {row['msg']}" for row in told["detail"]])
    problem = str(told.get("problem", told)) if isinstance(told, dict) else str(told)
    if status == http.HTTPStatus.SERVICE_UNAVAILABLE:
        raise NoAnswer(problem)
    raise Refused(problem)
