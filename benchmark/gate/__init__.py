"""The regression gate: metrics of runs held against a committed baseline. Trains nothing."""
