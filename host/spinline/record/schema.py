"""The tables of a journal, as SQL that a person can read.  Holds no code that reads or writes rows.

The records file has what is here and the chained tables of `chain`; the scans of a day, its summaries and extremes
lie in a file of that day (`days`), whose tables have their patterns, always empty, in the records file.

Times are int64 microseconds UTC.  Numbers of a scan are whole numbers of their quantity's wire unit; the
table "column" says how to show them: shown = number / 10^decimals, in unit.
"""

from __future__ import annotations

from spinline_protocol.states import EVENTS

APPLICATION_ID = 0x53504C4E  # "SPLN": the file says itself what it is
SCHEMA_VERSION = 5
COLUMNS_PER_QUALITY_WORD = 31  # two bits each: a word stays positive in 63 bits
RUN_SHIFT = 32  # a scan's key is run * 2^32 + scan
SCAN_MASK = (1 << RUN_SHIFT) - 1

TABLES = (
    # which journal this is: its day files carry the same name
    "CREATE TABLE journal (journal_id TEXT NOT NULL) STRICT",
    # what ran: nodes, configurations, recorded columns, starts of a node
    "CREATE TABLE node (node_i INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE) STRICT",
    """CREATE TABLE configuration (
        configuration_i INTEGER PRIMARY KEY, node_i INTEGER NOT NULL REFERENCES node, sha256 TEXT NOT NULL,
        scan_ms INTEGER NOT NULL, scan_table TEXT NOT NULL UNIQUE, summary_table TEXT NOT NULL UNIQUE,
        extreme_table TEXT NOT NULL UNIQUE, UNIQUE (node_i, sha256)) STRICT""",
    # the rows that were downloaded, words as a JSON array; the protocol's configuration.py names their fields
    """CREATE TABLE configuration_row (
        configuration_i INTEGER NOT NULL REFERENCES configuration, row_i INTEGER NOT NULL, table_name TEXT NOT NULL,
        words TEXT NOT NULL, PRIMARY KEY (configuration_i, row_i)) STRICT""",
    # quality of a column: (quality_word >> quality_shift) & 3; 0 good, 1 uncertain, 2 bad, 3 check
    """CREATE TABLE "column" (
        configuration_i INTEGER NOT NULL REFERENCES configuration, column_i INTEGER NOT NULL, tag TEXT NOT NULL,
        quantity TEXT NOT NULL, wire_unit TEXT NOT NULL, unit TEXT NOT NULL, decimals INTEGER NOT NULL,
        quality_word TEXT NOT NULL, quality_shift INTEGER NOT NULL,
        PRIMARY KEY (configuration_i, column_i), UNIQUE (configuration_i, tag)) STRICT""",
    """CREATE TABLE run (
        run INTEGER PRIMARY KEY, configuration_i INTEGER NOT NULL REFERENCES configuration, boot_id INTEGER NOT NULL,
        first_scan INTEGER NOT NULL, first_event INTEGER NOT NULL, firmware_sha256 TEXT NOT NULL,
        micropython TEXT NOT NULL, word_bits INTEGER NOT NULL) STRICT""",
    # when scans were: scan s of the run, from from_scan to the next row's, was at
    # at_us + n - n * drift_ppb / 10^9 with n = (s - from_scan) * 1000 * scan_ms, at most bound_us away from the truth
    """CREATE TABLE clock (
        run INTEGER NOT NULL REFERENCES run, from_scan INTEGER NOT NULL, at_us INTEGER NOT NULL,
        drift_ppb INTEGER NOT NULL, bound_us INTEGER NOT NULL, basis TEXT NOT NULL CHECK (basis IN ('sync', 'frame')),
        PRIMARY KEY (run, from_scan)) STRICT, WITHOUT ROWID""",
    # what happened
    """CREATE TABLE event (
        run INTEGER NOT NULL REFERENCES run, event_i INTEGER NOT NULL, at_us INTEGER NOT NULL, scan INTEGER NOT NULL,
        code TEXT NOT NULL, source INTEGER NOT NULL, got INTEGER NOT NULL, "limit" INTEGER NOT NULL,
        PRIMARY KEY (run, event_i)) STRICT""",
    # events of boots before a restart that were not told then: what a node had kept, told at told_us
    """CREATE TABLE earlier_event (
        node TEXT NOT NULL, boot_id INTEGER NOT NULL, event_i INTEGER NOT NULL, told_us INTEGER NOT NULL,
        scan INTEGER NOT NULL, code TEXT NOT NULL, source INTEGER NOT NULL, got INTEGER NOT NULL,
        "limit" INTEGER NOT NULL, PRIMARY KEY (node, boot_id, event_i)) STRICT""",
    # runs of metres at take-up whose quantity was not in its window; window is empty where it is about no quantity
    """CREATE TABLE deviation (
        at_us INTEGER NOT NULL, from_m INTEGER NOT NULL, to_m REAL NOT NULL, window TEXT NOT NULL,
        quantity TEXT NOT NULL, verdict TEXT NOT NULL, low REAL, high REAL, PRIMARY KEY (window, from_m)) STRICT""",
    # scans declared lost, from_scan and to_scan included
    """CREATE TABLE gap (
        run INTEGER NOT NULL REFERENCES run, from_scan INTEGER NOT NULL, to_scan INTEGER NOT NULL,
        at_us INTEGER NOT NULL, reason TEXT NOT NULL, PRIMARY KEY (run, from_scan, to_scan)) STRICT""",
    # events declared lost, likewise
    """CREATE TABLE event_gap (
        run INTEGER NOT NULL REFERENCES run, from_event INTEGER NOT NULL, to_event INTEGER NOT NULL,
        at_us INTEGER NOT NULL, PRIMARY KEY (run, from_event, to_event)) STRICT""",
    # orders: there before they are sent; outcome is NULL only while an order is under way
    """CREATE TABLE "order" (
        node TEXT NOT NULL, boot_id INTEGER NOT NULL, session INTEGER NOT NULL, sequence INTEGER NOT NULL,
        operation INTEGER NOT NULL, what TEXT NOT NULL, asked_us INTEGER NOT NULL,
        outcome TEXT CHECK (outcome IN ('done', 'refused', 'unknown')), reason TEXT NOT NULL,
        PRIMARY KEY (node, boot_id, session, sequence, asked_us)) STRICT""",
)


# Only what was not told in its own boot.
EARLIER_EVENT_INSERT = (
    "INSERT INTO earlier_event SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9 WHERE NOT EXISTS"
    " (SELECT 1 FROM event JOIN run USING (run) JOIN configuration USING (configuration_i) JOIN node USING (node_i)"
    " WHERE node.name = ?1 AND boot_id = ?2 AND event_i = ?3) ON CONFLICT DO NOTHING"
)
# One statement for both, so that a commit keeps their order.
ORDER_UPSERT = (
    'INSERT INTO "order" VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (node, boot_id, session, sequence, asked_us)'
    " DO UPDATE SET outcome = excluded.outcome, reason = excluded.reason"
)
ALARM_STATES = "SELECT point, state FROM alarm WHERE n IN (SELECT max(n) FROM alarm GROUP BY point)"
ORDERS_OPEN = (
    'SELECT node, boot_id, session, sequence, operation, what, asked_us FROM "order" WHERE outcome IS NULL'
    " ORDER BY rowid"
)
# Setpoints that were ordered from a time on, and those of them that their node took the last time they were sent.
SETPOINTS_TAKEN = (
    "SELECT count(*), coalesce(sum(outcome IS 'done'), 0) FROM (SELECT outcome, max(rowid)"
    ' FROM "order" WHERE operation = ? AND asked_us >= ? GROUP BY node, what)'
)


def event_name(code: int) -> str:
    """An event as the record names it, also one that this program does not know."""
    return EVENTS[code] if code < len(EVENTS) else f"EVENT_{code}"


def quoted(name: str) -> str:
    """A name as SQL wants it where it is no plain word: tags such as melt.Z3.pv."""
    return '"' + name.replace('"', '""') + '"'


def quality_words(columns_n: int) -> list[str]:
    """Names of the quality words of a scan table with this many columns: quality, quality_2, ..."""
    words_n = max(1, -(-columns_n // COLUMNS_PER_QUALITY_WORD))
    return ["quality", *(f"quality_{i}" for i in range(2, words_n + 1))]


def scan_table_sql(name: str, tags: list[str]) -> str:
    """CREATE TABLE of the scans of one configuration: a row a scan, a column a tag.

    Run and scan are read out of the key, so that they cost no bytes and the rows lie in their order.
    """
    words = "".join(f", {word} INTEGER NOT NULL" for word in quality_words(len(tags)))
    numbers = "".join(f", {quoted(tag)} INTEGER NOT NULL" for tag in tags)
    return (
        f"CREATE TABLE {quoted(name)} (run_scan INTEGER PRIMARY KEY, "
        f"run INTEGER GENERATED ALWAYS AS (run_scan >> {RUN_SHIFT}) VIRTUAL, "
        f"scan INTEGER GENERATED ALWAYS AS (run_scan & {SCAN_MASK}) VIRTUAL, "
        f"at_us INTEGER NOT NULL, state INTEGER NOT NULL, flags INTEGER NOT NULL{words}{numbers}) STRICT"
    )


def insert_sql(name: str, key: str, columns_n: int) -> str:
    """INSERT of a row, all that the table does not read out of its key; one that is there already is left as it is.

    It names no columns: two hundred names cost as much as the ten rows of a commit.
    """
    return f"INSERT INTO {quoted(name)} VALUES ({', '.join('?' * columns_n)}) ON CONFLICT ({key}) DO NOTHING"


def summary_table_sql(name: str, tags: list[str], columns_n: int) -> str:
    """CREATE TABLE of the summaries of one configuration: a row for each 5 s, ``tags`` of `decode.summary_tags`.

    Quality words hold the worst of each of the ``columns_n`` summarised columns, in the order of their last numbers.
    """
    words = "".join(f", {word} INTEGER NOT NULL" for word in quality_words(columns_n))
    numbers = "".join(f", {quoted(tag)} INTEGER NOT NULL" for tag in tags)
    return (
        f"CREATE TABLE {quoted(name)} (run_summary INTEGER PRIMARY KEY, "
        f"run INTEGER GENERATED ALWAYS AS (run_summary >> {RUN_SHIFT}) VIRTUAL, "
        f"summary INTEGER GENERATED ALWAYS AS (run_summary & {SCAN_MASK}) VIRTUAL, "
        "at_us INTEGER NOT NULL, bound_us INTEGER NOT NULL, "
        f"first_scan INTEGER NOT NULL, state INTEGER NOT NULL, flags INTEGER NOT NULL"
        f"{words}{numbers}) STRICT"
    )
