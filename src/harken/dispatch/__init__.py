"""The gateway's recognizer: waiting segments on one side, instances in other processes on the other.

Read in this order: `queue` (who waits), `target` (an instance as we see it), `choice`, `health` and `tally` (pure
decisions), `pool` (all targets), `relay` and `probe` (the two ways to talk to an instance), `dispatcher` (the whole).
"""
