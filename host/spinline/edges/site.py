"""The site of this PC: one TOML file that names the line, its keys and folders, and one that says which board is which.

    line = "lines/r1.toml"            recipe = "recipes/r1.toml"
    key = "site.key"                  release_key = "release.key.pub"   (who signs firmware)
    records = "records"               controllers = "controllers.toml"  (written by `spinline flash`)
    ports = "/dev/serial/by-id"       (left out: every USB port)

Paths are relative to the file.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from pydantic import Field

from spinline.edges.keys import load_key_file
from spinline.edges.signing import load_public_key
from spinline.errors import BadFile
from spinline.recipe.compiler import NodeConfiguration, compile_node
from spinline.recipe.guard_model import Strict
from spinline.recipe.line_model import load_line
from spinline.recipe.reading import read_model, read_recipe

SITE_FILE = "site.toml"


class SiteModel(Strict):
    """Keys of the site's file."""

    line: str
    recipe: str
    key: str
    release_key: str | None = None
    records: str = "records"
    controllers: str = "controllers.toml"
    ports: str | None = None


class ControllerModel(Strict):
    """One board of the site."""

    name: str
    device_id: Annotated[str, Field(pattern="^([0-9a-f]{2}){1,16}$")]
    usb_serial: str = ""


class ControllersModel(Strict):
    """The file of the site's boards."""

    controller: list[ControllerModel] = []


@dataclass(frozen=True)
class Site:
    """Everything that a flash needs of the site; ``release_key`` is empty where the file names none."""

    title: str
    configurations: dict[str, NodeConfiguration]
    site_key: bytes
    release_key: bytes
    records: Path
    controllers: Path
    ports: str | None


def read_site(path: Path, line: Path | None = None, key: Path | None = None) -> Site:
    """The site of a file; ``line`` and ``key`` go before what it names.  Raises BadFile."""
    model, folder = read_model(path, SiteModel), path.parent
    of_line, recipe = load_line(line or folder / model.line), read_recipe(folder / model.recipe)
    return Site(
        of_line.title,
        {node.name: compile_node(of_line, node, recipe) for node in of_line.node},
        load_key_file(key or folder / model.key),
        load_public_key(folder / model.release_key) if model.release_key else b"",
        folder / model.records,
        folder / model.controllers,
        model.ports,
    )


def read_controllers(path: Path) -> dict[str, ControllerModel]:
    """Boards by name of their controller; none where there is no file yet.  Raises BadFile."""
    if not path.exists():
        return {}
    found = {row.name: row for row in read_model(path, ControllersModel).controller}
    ids = [row.device_id for row in found.values()]
    if len(set(ids)) < len(ids):
        raise BadFile(path, ["device_id stands twice; each controller is a board of its own"])
    return found


def note_controller(path: Path, name: str, device_id: str, usb_serial: str) -> None:
    """From now on this board is that controller.  Raises BadFile where the file cannot be written."""
    rows = {row.name: row for row in read_controllers(path).values() if row.device_id != device_id}
    rows[name] = ControllerModel(name=name, device_id=device_id, usb_serial=usb_serial)
    text = "# Which board is which controller; written by `spinline flash`.\n"
    for row in sorted(rows.values(), key=lambda row: row.name):
        text += f'\n[[controller]]\nname = "{row.name}"\ndevice_id = "{row.device_id}"\n'
        text += f'usb_serial = "{row.usb_serial}"\n' if row.usb_serial else ""
    draft = path.with_name(path.name + ".new")
    try:
        draft.write_text(text, encoding="utf-8")
        os.replace(draft, path)
    except OSError as error:
        raise BadFile(path, [f"cannot be written: {error.strerror}"]) from None
