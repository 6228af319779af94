"""Figures and tables of the dispatcher's benchmark."""

from __future__ import annotations

from dataclasses import asdict

from benchmarks.dispatch.play import Played, Seen
from benchmarks.dispatch.report import Row, as_markdown, differing, summarise
from benchmarks.dispatch.trace import Arrival, Kind, Trace


def test_the_warm_up_and_failures_have_no_time() -> None:
    """What is sent in the first part is not in the quantiles; what failed is counted and not timed."""
    played = _played(_seen(at_s=1.0, took_s=50.0), _seen(took_s=2.0), _seen(took_s=0.1, problem="503 queue_full"))
    row = _row(played)
    assert row.quantiles_s["short_p99"] == 2.0
    assert row.quantiles_s["long_p95"] is None
    assert (row.failed, row.problems, row.requests) == (1, {"503 queue_full": 1}, 3)


def test_a_failure_of_the_warm_up_counts() -> None:
    """A request is a request."""
    assert _row(_played(_seen(at_s=0.0, problem="502 from the proxy"))).failed == 1


def test_other_texts_in_other_arms_are_found() -> None:
    """Unless an answer was wrong anyway."""
    right, other, failed = _seen(digest=1), _seen(digest=2), _seen(digest=0, problem="0 gone")
    assert differing([_played(right, right), _played(right, other), _played(failed, right)]) == 1


def test_the_table_has_harken_s_ratio_beside_each_other_figure() -> None:
    """In brackets, per load."""
    rows = [_row(_played(_seen(took_s=took_s)), arm=arm) for arm, took_s in (("guide", 6.0), ("harken", 1.5))]
    faults = [_row(_played(_seen(problem="502 from the proxy")), arm="guide", fault="one killed")]
    about = {"machine": "m", "commit": "c", "rtfx": 20.0, "slots": 32, "capacity": 622.4, "listens": "fully"}
    loads = {"0.9": {"about": about, "rows": list(map(asdict, rows)), "differing": 0}}
    table = as_markdown({"loads": loads, "faults": {"about": about, "rows": list(map(asdict, faults))}})
    assert "## At 90% of the capacity" in table
    assert "| guide | 6.00 (4.0×) |" in table
    assert "| harken | 1.50 |" in table
    assert "| one killed | guide | 1 of 1 | 1 × 502 from the proxy |" in table


def _seen(
    *, at_s: float = 50.0, took_s: float = 1.0, problem: str = "", digest: int = 1, kind: Kind = Kind.SHORT
) -> Seen:
    return Seen(kind=kind, at_s=at_s, late_s=0.001, took_s=took_s, problem=problem, digest=digest)


def _played(*seen: Seen) -> Played:
    return Played(seen=seen, wall_s=100.0, cpu_share=0.5, cpu_peak=0.7, cpu_s={"client": 0.1})


def _row(played: Played, *, arm: str = "harken", fault: str = "") -> Row:
    trace = Trace(arrivals=(Arrival(number=1, at_s=1.0, audio_s=6.0, kind=Kind.SHORT),), seconds=100.0)
    return summarise(played, trace, load=0.9, arm=arm, label=arm, fault=fault)
