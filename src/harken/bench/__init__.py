"""Measuring: decisions without a cluster, and clusters from outside.

The simulator is the dispatcher's own code under a virtual clock. Read in this order: `timeline` (the clock and its
events), `workload` and `trace` (what comes), `instance` (what a server does with it), `recording`, `pulling` and
`owner` (Harken: the very desk, queue, pool, choice and health of the gateway), `pushing` (nginx), `faults`, `score`,
`simulation` (the whole), `plot`. Load tests of real servers are a room of their own, `load`.
"""
