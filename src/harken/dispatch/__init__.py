"""The gateway's recognizer: waiting segments on one side, instances in other processes on the other.

Read in this order: `ticket` and `queue` (who is next), `target` (an instance as we see it), `choice`, `capacity`,
`health`, `outliers` and `tally` (pure decisions), `pool` (all targets), `desk` (queue and pool), `line` (how a target
is talked to), `lookout` (who watches), `runner` and `tries` (a segment's way), `dispatcher` (the whole).
"""
