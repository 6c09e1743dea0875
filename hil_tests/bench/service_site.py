"""What a service needs besides a line: a recipe that is in production at once, lots, keys, tokens; and its journal."""

from __future__ import annotations

import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from spinline.edges.client import Client, ClientModel
from spinline.edges.keys import new_key_file
from spinline.record.series import fetch, reading
from spinline.service.tokens import Role, add_token

from .provisioning import bench_site_key
from .run import RECIPE_R1

PROGRAM = {"heatup_ramp_K_min": 60, "soak_min": 0, "threading_min": 0, "production_min": 600}  # of a preheated line
OPERATOR = "ada"


@dataclass(frozen=True)
class ServiceSite:
    """Files of one service; ``token`` is the operator's."""

    recipe: Path
    key: Path
    tokens: Path
    records: Path
    token: str

    def client(self, url: str) -> Client:
        """The operator's."""
        return Client(ClientModel(url=url, token=self.token))


def make_site(folder: Path, seed: int = 1, numbers: Mapping[str, float] = PROGRAM) -> ServiceSite:
    """All files of a service in a folder; its recipe is R1 with other numbers."""
    recipe = folder / "recipe.toml"
    text = RECIPE_R1.read_text(encoding="utf-8")
    for name, number in numbers.items():
        text, found_n = re.subn(rf"^{name} = .*$", f"{name} = {number}", text, flags=re.MULTILINE)
        assert found_n == 1, name
    recipe.write_text(text, encoding="utf-8")
    shutil.copytree(RECIPE_R1.parent / "lots", folder / "lots")
    new_key_file(folder / "site.key", bench_site_key(seed))
    token = add_token(folder / "tokens.toml", OPERATOR, Role.OPERATOR)
    return ServiceSite(recipe, folder / "site.key", folder / "tokens.toml", folder / "records", token)


def journal_of(site: ServiceSite) -> Path:
    """The journal of the batch under way."""
    return site.records / (site.records / "current").read_text(encoding="utf-8").strip()


def noted(journal: Path) -> list[str]:
    """Every note in a journal, in order."""
    with reading(journal) as connection:
        return [why for (why,) in fetch(connection, "SELECT why FROM action WHERE what = 'note' ORDER BY rowid")]


def holes(journal: Path) -> list[tuple[str, int]]:
    """(node, scans) that are before the newest of a run and neither stored nor declared lost."""
    return [(name, len(gone)) for _run, name, gone in _gone(journal, {}) if gone]


def acknowledged_and_gone(journal: Path, recorded_to: dict[str, int]) -> list[tuple[str, int]]:
    """(node, scans) of its newest run, before what was acknowledged, that are neither stored nor declared lost."""
    newest = {name: gone for _run, name, gone in _gone(journal, recorded_to)}
    return [(name, len(gone)) for name, gone in newest.items() if gone]


def _gone(journal: Path, to: dict[str, int]) -> list[tuple[int, str, set[int]]]:
    """Of each run, oldest first: scans before its newest stored one and before ``to`` of its node that are nowhere."""
    found = []
    with reading(journal) as connection:
        runs = fetch(
            connection,
            "SELECT run, node.name, scan_table, first_scan FROM run JOIN configuration USING (configuration_i)"
            " JOIN node USING (node_i) ORDER BY run",
        )
        for run, name, table, first in runs:
            there = {scan for (scan,) in fetch(connection, f'SELECT scan FROM "{table}" WHERE run = ?', (run,))}
            end = max([to.get(name, first), *(scan + 1 for scan in there)])
            for low, high in fetch(connection, "SELECT from_scan, to_scan FROM gap WHERE run = ?", (run,)):
                there.update(range(low, high + 1))
            found.append((run, name, set(range(first, end)) - there))
    return found


def scans_lost(journal: Path) -> int:
    """Scans of all nodes that are declared lost."""
    with reading(journal) as connection:
        return int(fetch(connection, "SELECT coalesce(sum(to_scan - from_scan + 1), 0) FROM gap")[0][0])
