"""Measuring decisions without a cluster: the dispatcher's own code under a virtual clock.

Read in this order: `timeline` (the clock and its events), `workload` and `trace` (what comes), `instance` (what a
server does with it), `recording`, `pulling` and `owner` (Harken: the very desk, queue, pool, choice and health of the
gateway), `pushing` (nginx), `faults`, `score`, `simulation` (the whole), `plot`.
"""
