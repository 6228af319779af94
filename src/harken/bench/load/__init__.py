"""A load test of real servers: what is sent, when, what became of it, and the report.

All of it is pure but for the reading of recordings; who sends is `harken.cli.bench_runner`. Read in this order:
`listing`, `takes` and `reading` (the recordings somebody has), `classes` and `deck` (which of them is sent as the
n-th), `arrivals` and `loops` (when), `live` (streams of them, paced), `texts` (how wrong an answer is), `outcomes`
(every request, in columns), `target`, `figures` and `timeline` (what they come to), `knee` (how much is too much),
`run` (all of it in one value), `saved` and `rows` (as JSON and CSV), `compare` (two of them), `report` (as a page).
"""
