"""What the service costs: three nodes on pseudo-terminals by the wall clock, in production, a reader of its events.

R1's nodes record fewer tags than the 200 at 10 Hz that a line may have; scanned faster they give as many numbers, in
more rows.  More tags would need more channels than R1 has, and would be made up.
"""

from __future__ import annotations

import http.client
import re
from dataclasses import dataclass
from pathlib import Path

from spinline.edges.client import PREFIX
from spinline.recipe.compiler import compile_node
from spinline.recipe.line_model import load_line
from spinline.recipe.reading import read_recipe
from spinline.record.opening import open_reader
from spinline.record.series import fetch

from .interpreters import Interpreter
from .pty_bench import LineProcess
from .run import LINE_R1
from .service_kills import all_answer, into_production, reach
from .service_process import Services
from .service_site import ServiceSite, journal_of, make_site
from .wall import Beside, now_s, rest_until

SCAN_MS = {"melt": 50, "bath": 100, "draw": 25}
READ_BYTES = 65536


@dataclass(frozen=True)
class Load:
    """CPU time in percent of one core, and what was done for it: the tags of each node, numbers on the disk."""

    percent: float
    tags_n: dict[str, int]
    numbers_per_s: float

    @property
    def words(self) -> str:
        """What it is: each node's tags and scans a second, all rows, all numbers."""
        nodes = [f"{name} {tags_n} tags at {1000 // SCAN_MS[name]} Hz" for name, tags_n in self.tags_n.items()]
        rows_n = sum(1000 // scan_ms for scan_ms in SCAN_MS.values())
        return (
            f"{', '.join(nodes)}: {sum(self.tags_n.values())} tags, {rows_n} rows/s,"
            f" {self.numbers_per_s:.0f} numbers/s on the disk"
        )


def service_load(interpreter: Interpreter, folder: Path, seconds: float) -> Load:
    """Measure for so many seconds of production.  Raises NotReached."""
    site, line_path = make_site(folder), folder / "line.toml"
    text = LINE_R1.read_text(encoding="utf-8")
    for name, scan_ms in SCAN_MS.items():
        text = re.sub(rf'(name = "{name}"\n(?:.*\n)*?scan_ms =) \d+', rf"\1 {scan_ms}", text, count=1)
    line_path.write_text(text, encoding="utf-8")
    line, recipe = load_line(line_path), read_recipe(site.recipe)
    columns = {node.name: len(compile_node(line, node, recipe).columns) for node in line.node}
    links = folder / "by-id"
    process = LineProcess(interpreter, folder, 1.0, "--preheated", "--links", str(links))
    services = Services(line_path, site.recipe, site.key, site.records, site.tokens, 1.0)
    try:
        url = services.start({name: str(next(links.glob(f"*{name.upper()}*"))) for name in columns})
        client = site.client(url)
        reach(lambda: all_answer(client), "every node answers")
        client.order("start", {"why": "load"})
        into_production(client)
        Beside(lambda: _read_events(url, site))
        numbers_n, cpu_s, began_s = _numbers_n(site, columns), _cpu_s(services.pid), now_s()
        rest_until(began_s + seconds)
        spent_s, lasted_s = _cpu_s(services.pid) - cpu_s, now_s() - began_s
        numbers_n = _numbers_n(site, columns) - numbers_n
    finally:
        services.close()
        process.close()
    return Load(100 * spent_s / lasted_s, columns, numbers_n / lasted_s)


def _cpu_s(pid: int) -> float:
    """Time that the threads of a process were on a core, to the ns: ticks of the system miss bursts of a ms."""
    threads = Path(f"/proc/{pid}/task").iterdir()
    return sum(int((thread / "schedstat").read_text(encoding="ascii").split()[0]) for thread in threads) / 1e9


def _numbers_n(site: ServiceSite, columns: dict[str, int]) -> int:
    """Numbers of scans that are on the disk."""
    connection = open_reader(journal_of(site))
    try:
        tables = fetch(connection, "SELECT name, scan_table FROM configuration JOIN node USING (node_i)")
        return sum(
            columns[name] * int(fetch(connection, f'SELECT count(*) FROM "{table}"')[0][0]) for name, table in tables
        )
    finally:
        connection.close()


def _read_events(url: str, site: ServiceSite) -> None:
    """Until the service ends."""
    connection = http.client.HTTPConnection(url.removeprefix("http://"))
    connection.request("GET", f"{PREFIX}/events", headers={"Authorization": f"Bearer {site.token}"})
    answer = connection.getresponse()
    try:
        while answer.read1(READ_BYTES):
            pass
    except (OSError, http.client.HTTPException):
        pass  # the service ended before the measurement's reader
