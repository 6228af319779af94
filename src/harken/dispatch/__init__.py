"""The gateway's recognizer: waiting segments on one side, instances in other processes on the other.

Four rooms that do not know the whole: `order` (who is next), `targets` (where, and how much at once), `lines` (how a
target is talked to), `recovery` (what is done for a segment that failed or is late). Then, in this order: `desk`
(order and targets: the pure core), `waiting` (futures around it), `lookout` and `prover` (who watches), `runner` and
`tries` (a segment's way), `dispatcher` (the whole).
"""
