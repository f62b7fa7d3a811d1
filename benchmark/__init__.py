"""The harness: which runs, on which data, trained and scored how, and kept where."""

__version__ = "0.1.0"
