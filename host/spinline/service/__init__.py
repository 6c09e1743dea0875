"""The service: the supervisor's loop, and the HTTP interface that only passes commands and snapshots to and fro."""
