"""Harken's gateway beside a real nginx, over the same instances, under the same arrivals.

`python -m benchmarks.dispatch` runs it; docs/reference/benchmarks.md says what is compared and why that is fair.
Here no instance recognises anything: all of them serve at a set speed, so what differs is the balancing alone.
"""
