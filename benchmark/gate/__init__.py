"""The regression gate: compares metrics of runs with a committed baseline."""
