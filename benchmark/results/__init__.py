"""Stored runs: the records on disk, reading and writing them, and the table of results."""
