"""The demonstration: recipe R1 on the simulated line, from the check of the recipe to the record of the fiber.

    python -m hil_tests.demo [--recipe RECIPE.toml] [--seed N] [--folder DIR] [--mpy PATH]

Writes journal.sqlite, summary.json, report.html and trends.png.  Exit code 0 only when the batch ended COMPLETE and
nothing was lost.
"""

from __future__ import annotations

import argparse
import shutil
import sys
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.live import Live
from rich.table import Table

from spinline.claims import judge_claims
from spinline.claims.judgement import ClaimVerdict
from spinline.edges.keys import fingerprint, new_key_file
from spinline.edges.terminal import clock_text, line_view
from spinline.edges.whole_file import write_whole
from spinline.errors import SpinlineError
from spinline.recipe.check import CheckReport, check_recipe
from spinline.recipe.report import render
from spinline.record.measured import measured_evidence
from spinline.record.page.page import page
from spinline.record.picture import draw_picture
from spinline.record.plan_record import keep_plan
from spinline.record.series import reading
from spinline.record.summary import make_summary, write_summary

from .bench.interpreters import find_interpreter
from .bench.run import DAY, RECIPE_R1, ROOT, START_US, BenchRun
from .bench.wall import now_s

REFUSED = ROOT / "recipes" / "refused_plasticizer.toml"
FOLDER = ROOT / "build" / "demo"
PLAIN_COLUMNS_N = 120  # when the output is no terminal
LIMIT_S = 6 * 3600.0  # of virtual time: a batch that takes longer has gone wrong
SHOW_S = 0.25  # wall time between two pictures of the progress
PLAIN_S = 600.0  # virtual time between two lines of progress, when the output is no terminal


def _check(console: Console, recipe_path: Path) -> CheckReport:
    """The recipe's verdicts, then those of a recipe that is refused."""
    console.rule("1  check the recipe")
    report = check_recipe(recipe_path, DAY)
    console.print(render(report))
    console.rule("2  a recipe that is refused")
    refused = check_recipe(REFUSED, DAY)
    for claim in refused.failed_claims:
        console.print(f"{REFUSED.name}: {claim.verdict.value} of claim {claim.claim}: {claim.reason}")
    console.print(f"{REFUSED.name}: refused before any download (exit code {int(refused.exit_code)})")
    return report


def _run(console: Console, run: BenchRun) -> float:
    """Run the batch to its end; returns the wall time it took in s."""
    started_s = now_s()
    shown_s = 0.0
    plain_us = 0

    def over() -> bool:
        return run.supervisor.batch.ended or run.supervisor.refused

    with Live(console=console, auto_refresh=False, transient=False) as live:
        while not over() and run.bench.now_us < LIMIT_S * 1e6:
            run.step()
            at_s = now_s()
            if console.is_terminal and at_s - shown_s > SHOW_S:
                shown_s = at_s
                live.update(
                    line_view(run.line, run.supervisor, run.record, run.bench.now_us / 1e6, "SIMULATED"), refresh=True
                )
            elif not console.is_terminal and run.bench.now_us >= plain_us:
                plain_us = run.bench.now_us + round(PLAIN_S * 1e6)
                console.print(_progress_line(run))
        if console.is_terminal:
            live.update(
                line_view(run.line, run.supervisor, run.record, run.bench.now_us / 1e6, "SIMULATED"), refresh=True
            )
    return now_s() - started_s


def _progress_line(run: BenchRun) -> str:
    zones = [loop.name for loop in run.line.node[0].loop if loop.soaks]
    away = []
    for zone in zones:
        pv, setpoint = run.record.latest(f"melt.{zone}.pv"), run.record.latest(f"melt.{zone}.sp")
        away.append(f"{zone} {pv - setpoint:+.1f}" if pv is not None and setpoint is not None else f"{zone} -")
    return f"{clock_text(run.bench.now_us / 1e6)}  {run.supervisor.batch.state:<11} {'  '.join(away)} K"


def _record(run: BenchRun, report: CheckReport, wall_s: float) -> dict[str, Any]:
    """Judge what was made, close the journal, write summary and picture."""
    at_us = START_US + run.bench.now_us
    journal = run.record.journal
    run.supervisor.end_ledger()
    required = run.recipe.recipe.required_claims
    journal.end_batch(at_us)
    journal.commit()
    for number, made in _judge(run, report).items():
        journal.add_claim(at_us, number, made.verdict.value, number in required, made.reason, "measured")
    journal.commit()
    summary = make_summary(run.journal_path, run.line, wall_s=wall_s, trace_sha256=run.bench.trace_sha256())
    write_summary(run.folder / "summary.json", summary)
    draw_picture(run.journal_path, run.line, run.folder / "trends.png")
    with reading(run.journal_path) as connection:
        write_whole(run.folder / "report.html", page(connection, run.line))
    return summary


def _judge(run: BenchRun, report: CheckReport) -> dict[int, ClaimVerdict]:
    with reading(run.journal_path) as connection:
        evidence = measured_evidence(connection, run.line, run.recipe, report.papers.certificates, DAY)
    return judge_claims(evidence)


def _show(console: Console, summary: dict[str, Any], folder: Path) -> None:
    console.rule("5  summary")
    table = Table(show_header=False, box=None)
    metres, records, parts, draw = summary["metres"], summary["records"], summary["parts"], summary["draw_ratio"]
    zones = max(summary["zones"].items(), key=lambda zone: zone[1]["max_abs_deviation_K"])
    made = ", ".join(f"{metres[key]:.0f} m {key}" for key in ("made", "pass", "fail", "unknown", "scrap"))
    rows = (
        ("batch", f"{summary['batch_state']}, {summary['simulated_s'] / 60:.0f} simulated minutes"),
        ("speed", f"{summary['wall_s']:.0f} s of wall time, {summary['real_time_factor']:.0f} times real time"),
        (
            "nodes",
            ", ".join(f"{n['name']} MicroPython {n['micropython']} {n['word_bits']} bit" for n in summary["nodes"]),
        ),
        ("zones", f"largest deviation of a 10 s mean {zones[1]['max_abs_deviation_K']:.2f} K ({zones[0]})"),
        ("draw ratio", f"{draw['setpoint']}, error at most {draw['max_abs_error_percent']:.2f} %"),
        (
            "parts",
            ", ".join(
                f"{k} {v['setpoint']}, error at most {v['max_abs_error_percent']:.2f} %" for k, v in parts.items()
            ),
        ),
        ("metres at take-up", made),
        ("records", f"{records['scans']} scans, {records['lost']} lost"),
        ("claims (measured)", ", ".join(f"{number} {verdict}" for number, verdict in summary["claims"].items())),
        ("trace", summary["trace_sha256"]),
    )
    for row in rows:
        table.add_row(*row)
    console.print(table)
    console.print(f"in {folder}: journal.sqlite, summary.json, report.html, trends.png")


def main() -> int:
    """Run the demonstration; returns the exit code."""
    parser = argparse.ArgumentParser(description=str(__doc__).partition("\n")[0])
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--folder", type=Path, default=FOLDER)
    parser.add_argument("--mpy", help="MicroPython interpreter to use")
    parser.add_argument("--recipe", type=Path, default=RECIPE_R1)
    given = parser.parse_args()
    console = Console(width=None if sys.stdout.isatty() else PLAIN_COLUMNS_N)
    try:
        return _demonstrate(console, given.recipe, given.seed, given.folder, given.mpy)
    except SpinlineError as error:
        console.print(f"refused: {error}", style="bold red")
        return 2


def _demonstrate(console: Console, recipe: Path, seed: int, folder: Path, interpreter_path: str | None) -> int:
    report = _check(console, recipe)
    if report.exit_code:
        return int(report.exit_code)
    shutil.rmtree(folder, ignore_errors=True)
    console.rule("3  connect, compare hashes, download")
    run = BenchRun(find_interpreter(interpreter_path), folder, seed, recipe_path=recipe)
    key = new_key_file(folder / "site.key", run.bench.site_key)
    console.print(f"site key {fingerprint(key)}, given to each node while its jumper was set")
    try:
        run.run_until(lambda: not run.supervisor.setting_up or run.supervisor.refused, 60)
        for session in run.supervisor.sessions.values():
            sent = f"configuration {session.configuration.sha256.hex()[:12]}, {len(session.configuration.rows)} rows"
            console.print(f"{session.name:<5} firmware {run.firmware_sha256[:12]} as expected, {sent}: {session.phase}")
        console.rule("4  run the batch")
        keep_plan(run.record.journal, report, START_US + run.bench.now_us)
        run.start()
        run.bench.keep_to_cores()
        wall_s = _run(console, run)
        for problem in run.supervisor.problems:
            console.print(problem, style="bold red")
        summary = _record(run, report, wall_s)
    finally:
        run.close()
    _show(console, summary, folder)
    whole = summary["batch_state"] == "COMPLETE" and summary["records"]["lost"] == 0
    return 0 if whole else 1


if __name__ == "__main__":
    sys.exit(main())
