"""Where, and how much at once: instances as we see them, policies, capacity, verdicts about health.

Pure but for the log. Read `state` and `vitals`, then `target`, `choice` and `capacity`, then `pool`.
"""
