"""What a load test found: from the outcome of each request to the figures. Pure.

The invariants: a request counts as exactly one of succeeded and failed; and times are those of successes, so that a
server that refuses quickly does not look fast.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

QUANTILES = {"p50_s": 0.5, "p90_s": 0.9, "p95_s": 0.95, "p99_s": 0.99}


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """One request's.

    Attributes:
        server: the address it went to.
        took_s: until its answer was there; in an open loop, from when it was meant to go out.
        late_s: by how much it went out later than it was meant to.
        audio_s: length of its recording.
        code: why it failed; "" for success.
        instances: who recognised it, as far as the answer says.
        is_right: whether the text is what was said; None where nobody knows.
        is_cached: the answer came wholly from a cache.
    """

    server: str
    took_s: float
    late_s: float = 0.0
    audio_s: float = 0.0
    code: str = ""
    instances: tuple[str, ...] = ()
    is_right: bool | None = None
    is_cached: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Figures:
    """Of a whole run, or of one server's part of it.

    Attributes:
        requests: how many ended.
        successes: of these.
        success_rate: the part of them, 0 where there were none.
        right: answers with the known text; None where no text is known.
        wrong: answers with another; None where no text is known.
        cached: answers that came wholly from a cache.
        elapsed_s: from the first request to the last answer.
        audio_s: seconds of audio in all successes.
        rtfx: `audio_s` per second elapsed.
        requests_per_s: successes per second elapsed.
        mean_s: of the successes' times; None without any.
        quantiles: by the names of `QUANTILES`; empty without any success.
        max_s: the longest of these times; None without any.
        late_s: by how much a request went out late at most: more than a little means that the client is the limit.
        errors: failures by code.
        instances: answers by instance.
    """

    requests: int
    successes: int
    success_rate: float
    right: int | None
    wrong: int | None
    cached: int
    elapsed_s: float
    audio_s: float
    rtfx: float
    requests_per_s: float
    mean_s: float | None
    quantiles: dict[str, float]
    max_s: float | None
    late_s: float
    errors: dict[str, int]
    instances: dict[str, int]


def figures_of(outcomes: Sequence[Outcome], elapsed_s: float) -> Figures:
    """Sum a run up.

    Args:
        outcomes: of all requests that ended, in any order.
        elapsed_s: from the first request to the last answer.
    """
    good = [outcome for outcome in outcomes if not outcome.code]
    times = sorted(outcome.took_s for outcome in good)
    known = [outcome.is_right for outcome in good if outcome.is_right is not None]
    audio_s = sum(outcome.audio_s for outcome in good)
    per_s = 1 / elapsed_s if elapsed_s > 0 else 0.0
    return Figures(
        requests=len(outcomes),
        successes=len(good),
        success_rate=len(good) / len(outcomes) if outcomes else 0.0,
        right=sum(known) if known else None,
        wrong=len(known) - sum(known) if known else None,
        cached=sum(outcome.is_cached for outcome in good),
        elapsed_s=elapsed_s,
        audio_s=audio_s,
        rtfx=audio_s * per_s,
        requests_per_s=len(good) * per_s,
        mean_s=sum(times) / len(times) if times else None,
        quantiles={name: quantile(times, part) for name, part in QUANTILES.items()} if times else {},
        max_s=times[-1] if times else None,
        late_s=max((outcome.late_s for outcome in outcomes), default=0.0),
        errors=_counts(outcome.code for outcome in outcomes if outcome.code),
        instances=_counts(name for outcome in good for name in outcome.instances),
    )


def quantile(times: Sequence[float], part: float) -> float:
    """The value that `part` of some sorted ones do not exceed."""
    return times[max(1, math.ceil(part * len(times))) - 1]


def _counts(names: Iterable[str]) -> dict[str, int]:
    return dict(Counter(names).most_common())
