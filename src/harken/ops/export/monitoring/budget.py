"""The error budget: which outcomes of a request spend it, and how fast.

Owns the objective and the list of outcomes that count, taken from the tree of errors. It refuses to know who is told.
The invariant: what a client did wrong, or gave up, spends nothing.
"""

from __future__ import annotations

from harken.errors import HarkenError, SetupError, is_our_failure, leaves
from harken.events import DONE

OBJECTIVE = 0.999
"""Of the requests that could succeed, the share that must, over 30 days."""

WINDOWS = ("5m", "30m", "1h", "2h", "6h", "1d", "3d")
"""Over which the burning is recorded."""


def bad_outcomes() -> tuple[str, ...]:
    """Return the outcomes of requests that are the cluster's fault, sorted."""
    return tuple(sorted(code for code, kind in leaves().items() if _is_ours(kind)))


def bad_pattern() -> str:
    """Write them as Prometheus matches them."""
    return "|".join(bad_outcomes())


def burn(window: str) -> str:
    """Write how fast the budget is spent: 1 spends it in 30 days, 14.4 the part of two days in an hour."""
    bad = _rate(bad_pattern(), window)
    all_of_them = _rate(f"{DONE}|{bad_pattern()}", window)
    # A cluster that has not failed yet has no series of failures.
    return f"({bad}\nor 0 * {all_of_them})\n/ {all_of_them}\n/ {1 - OBJECTIVE:.4g}"


def failed(window: str) -> str:
    """Write how many requests failed by the cluster's fault."""
    return f'sum by (cluster) (increase(harken_requests_total{{outcome=~"{bad_pattern()}"}}[{window}]))'


def _rate(outcomes: str, window: str) -> str:
    return f'sum by (cluster) (rate(harken_requests_total{{outcome=~"{outcomes}"}}[{window}]))'


def _is_ours(kind: type[HarkenError]) -> bool:
    # Only errors.py's own: those of a command line never end a request.
    is_served = kind.__module__ == HarkenError.__module__ and not issubclass(kind, SetupError)
    return is_served and is_our_failure(kind)
