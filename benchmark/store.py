"""``load_results``, where scripts and notebooks find it; the store itself is ``benchmark.results``."""

from benchmark.results.table import load_results

__all__ = ["load_results"]
