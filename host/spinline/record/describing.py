"""Writes down what a configuration is: its rows, its recorded columns, and the tables that its scans will fill."""

from __future__ import annotations

import json

import apsw

from spinline.recipe.compiler import NodeConfiguration
from spinline.record import extremes, schema
from spinline.record.decode import summary_tags
from spinline.record.files import run_statement
from spinline_protocol.configuration import TABLES
from spinline_protocol.quantities import QUANTITIES


def configuration_i_of(connection: apsw.Connection, name: str, configuration: NodeConfiguration) -> int:
    """Number of a configuration of a node; where it is new, it is described and gets its tables."""
    sha256 = configuration.sha256.hex()
    known = connection.execute(
        "SELECT configuration_i FROM configuration JOIN node USING (node_i) WHERE name = ? AND sha256 = ?",
        (name, sha256),
    ).get
    if known is not None:
        return int(known)
    run_statement(connection, "INSERT INTO node (name) VALUES (?) ON CONFLICT DO NOTHING", (name,))
    scans, summaries, parts = (f"{what}_{name}_{sha256[:12]}" for what in ("scans", "summaries", "extremes"))
    head = (name, sha256, configuration.scan_ms, scans, summaries, parts)
    run_statement(
        connection,
        "INSERT INTO configuration VALUES (NULL, (SELECT node_i FROM node WHERE name = ?), ?, ?, ?, ?, ?)",
        head,
    )
    configuration_i = connection.last_insert_rowid()
    _describe(connection, configuration_i, configuration)
    tags, columns = [column.tag for column in configuration.columns], configuration.summarised
    run_statement(connection, schema.scan_table_sql(scans, tags))
    run_statement(connection, schema.summary_table_sql(summaries, summary_tags(columns), len(columns)))
    run_statement(connection, extremes.table_sql(parts, tags))
    return configuration_i


def _describe(connection: apsw.Connection, configuration_i: int, configuration: NodeConfiguration) -> None:
    for i, (table, words) in enumerate(configuration.rows):
        row = (configuration_i, i, TABLES[table][1], json.dumps(words))
        run_statement(connection, "INSERT INTO configuration_row VALUES (?, ?, ?, ?)", row)
    names = schema.quality_words(len(configuration.columns))
    for i, column in enumerate(configuration.columns):
        word_i, place = divmod(i, schema.COLUMNS_PER_QUALITY_WORD)
        _, name, wire_unit, _, _, decimals, unit = QUANTITIES[column.quantity]
        texts = (column.tag, name, wire_unit, unit, decimals, names[word_i], 2 * place)
        marks = ", ".join("?" * (len(texts) + 2))
        run_statement(connection, f'INSERT INTO "column" VALUES ({marks})', (configuration_i, i, *texts))
