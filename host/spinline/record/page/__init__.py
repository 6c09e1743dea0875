"""The report of a batch: one self-contained HTML page from its journal."""
