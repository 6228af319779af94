"""Traces as trees, as a collector shows them."""

from __future__ import annotations

from collections import defaultdict

from harken.trace import Trace
from tests.telemetry.collector import Told

_SKEW_NS = 5_000_000
"""Two processes look at the clocks at different times."""


def check_tree(spans: list[Told], *, caller: Trace | None = None) -> Told:
    """One trace, one beginning, every parent there, every child within its parent; return the beginning."""
    assert len({one.trace_id for one in spans}) == 1
    by_id = {one.span_id: one for one in spans}
    assert len(by_id) == len(spans)
    outside = "" if caller is None else f"{caller.span_id:016x}"
    (root,) = (one for one in spans if one.parent_id == outside)
    for one in spans:
        assert one.began_ns <= one.ended_ns
        if one is not root:
            parent = by_id[one.parent_id]
            assert parent.began_ns - _SKEW_NS <= one.began_ns, (one, parent)
            assert one.ended_ns <= parent.ended_ns + _SKEW_NS, (one, parent)
    return root


def traces_in(spans: list[Told]) -> dict[str, list[Told]]:
    """Spans by the request id that all of one trace have, each in the order of its beginnings."""
    found: dict[str, list[Told]] = defaultdict(list)
    for one in sorted(spans, key=lambda span: span.began_ns):
        found[one.attributes["harken.request_id"]].append(one)
    return found


def names(spans: list[Told]) -> list[str]:
    """Of the spans, in alphabetical order."""
    return sorted(one.name for one in spans)
