"""What a service needs besides a line: a recipe that is in production at once, lots, keys, tokens; and its journal."""

from __future__ import annotations

import re
import shutil
from dataclasses import dataclass
from pathlib import Path

import apsw

from spinline.edges.client import Client, ClientModel
from spinline.edges.keys import new_key_file
from spinline.record.opening import open_reader
from spinline.record.series import fetch
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


def make_site(folder: Path, seed: int = 1) -> ServiceSite:
    """All files of a service in a folder."""
    recipe = folder / "recipe.toml"
    text = RECIPE_R1.read_text(encoding="utf-8")
    for name, number in PROGRAM.items():
        text = re.sub(rf"^{name} = .*$", f"{name} = {number}", text, flags=re.MULTILINE)
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
    connection = open_reader(journal)
    try:
        return [why for (why,) in fetch(connection, "SELECT why FROM action WHERE what = 'note' ORDER BY rowid")]
    finally:
        connection.close()


def holes(journal: Path) -> list[tuple[str, int]]:
    """(node, scans) that are between the first and the newest of a run and neither stored nor declared lost."""
    connection = open_reader(journal)
    try:
        runs = fetch(
            connection,
            "SELECT run, node.name, scan_table FROM run JOIN configuration USING (configuration_i)"
            " JOIN node USING (node_i)",
        )
        return [(name, hole_n) for run, name, table in runs if (hole_n := _hole_n(connection, run, table))]
    finally:
        connection.close()


def _hole_n(connection: apsw.Connection, run: int, table: str) -> int:
    query = f'SELECT count(*), coalesce(max(scan) - min(scan) + 1, 0) FROM "{table}" WHERE run = ?'
    ((stored_n, span_n),) = fetch(connection, query, (run,))
    ((lost_n,),) = fetch(connection, "SELECT coalesce(sum(to_scan - from_scan + 1), 0) FROM gap WHERE run = ?", (run,))
    return int(span_n - stored_n - lost_n)


def scans_lost(journal: Path) -> int:
    """Scans of all nodes that are declared lost."""
    connection = open_reader(journal)
    try:
        ((lost_n,),) = fetch(connection, "SELECT coalesce(sum(to_scan - from_scan + 1), 0) FROM gap")
        return int(lost_n)
    finally:
        connection.close()
