"""The record of a batch: decoded scans, a durable journal, and the summary and picture made from it."""
