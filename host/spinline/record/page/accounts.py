"""The part of a batch's page that says of every tag: scans expected = stored + missing.  Reads the journal."""

from __future__ import annotations

from html import escape

import apsw

from spinline.record.accounts import Account, accounts

HEADS = (
    '<tr><th>tag</th><th class="r">expected</th><th class="r">stored</th><th class="r">of them not usable</th>'
    '<th class="r">missing</th><th>why</th></tr>'
)


def tags_table(connection: apsw.Connection) -> str:
    """A row for each tag, folded away under its node; what is missing with its reasons."""
    return "".join(
        f"<details><summary>{escape(node.node)}: {len(node.tags)} tags, {_sum(node.scans)}</summary>"
        f"<table>{HEADS}{''.join(_row(*tag) for tag in node.tags.items())}</table></details>"
        for node in accounts(connection)
    )


def _sum(account: Account) -> str:
    return f"{account.expected_n} scans expected = {account.stored_n} stored + {account.missing_n} missing"


def _row(tag: str, account: Account) -> str:
    numbers = (account.expected_n, account.stored_n, account.bad_n, account.missing_n)
    cells = "".join(f'<td class="r">{number}</td>' for number in numbers)
    reasons = ", ".join(f"{scans_n}: {escape(reason)}" for reason, scans_n in account.missing.items())
    return f"<tr><td>{escape(tag)}</td>{cells}<td>{reasons}</td></tr>"
