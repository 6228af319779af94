"""`harken doctor`: what this machine has, what the configured fleet needs, and what would help where it does not fit.

Read in this order: finding, facts (plain data), checks (pure, one small function each), needs and fits (what fits, and
what would), report. The looks at the machine are in `look`, `software`, `checkpoints`, `hub` and `places`, all bounded
by `bounded`.
"""
