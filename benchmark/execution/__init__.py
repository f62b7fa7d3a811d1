"""Executing many runs: preparation, cost estimates, leases, worker pools and progress."""
