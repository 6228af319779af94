"""What a load test found: from the requests to the figures. Pure.

The invariants: a request counts as exactly one of succeeded and failed; times are those of successes, so that a server
that refuses quickly does not look fast; and a quantile is a time that was measured, never one between two.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from harken.bench.load.instances import in_rows
from harken.bench.load.outcomes import Columns
from harken.bench.load.target import Target

QUANTILES = {"p50_s": 0.5, "p90_s": 0.9, "p95_s": 0.95, "p99_s": 0.99}

REFUSALS = (429, 503)
"""Statuses of servers that have enough to do, or cannot just now."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Rates:
    """How wrong the texts are.

    Attributes:
        words: in the references.
        substitutions: words that are others.
        deletions: words that are missing.
        insertions: words too many.
        word_error_rate: all of these over the words; None where there are none.
        characters: in the references.
        char_error_rate: characters to change, drop or add over the characters; None where there are none.
    """

    words: int
    substitutions: int
    deletions: int
    insertions: int
    word_error_rate: float | None
    characters: int
    char_error_rate: float | None

    def is_above(self, share: float) -> bool:
        """Whether more words are wrong than this part of all; where nothing is said, whether any word is written."""
        return self.substitutions + self.deletions + self.insertions > share * self.words


@dataclass(frozen=True, kw_only=True, slots=True)
class Figures:
    """Of all requests, or of some of them.

    Attributes:
        requests: how many ended.
        successes: of these.
        success_rate: the part of them, 0 where there were none.
        refused: answered with 429 or 503.
        right: answers with the text that the model knows by heart; None where there is none such.
        wrong: answers with another; None where there is none such.
        cached: answers that came wholly from a cache.
        elapsed_s: from the first request to the last answer.
        audio_s: seconds of audio in all successes.
        rtfx: `audio_s` per second elapsed.
        requests_per_s: successes per second elapsed.
        within: the part of all requests that succeeded within the target; without one, that succeeded.
        goodput_per_s: of these, per second elapsed.
        goodput_rtfx: seconds of audio in these, per second elapsed.
        mean_s: of the successes' times; None without any.
        quantiles: by the names of `QUANTILES`; empty without any success.
        max_s: the longest of these times; None without any.
        first_text: quantiles of the time to the first text; empty where nothing was streamed.
        after_commit: of live streams: quantiles of the time from a turn's commit to its text; empty elsewhere.
        updates_per_s: of live streams: how often a text grew or changed in each second of speech; None elsewhere.
        reconnects: of live streams: connections that broke.
        late_s: by how much a request went out late at most: more than a little means that the client is the limit.
        rates: how wrong the texts of successes are; None where nobody knows what is said.
        errors: failures by code.
        instances: successes by instance; one that two worked on counts for "several".
    """

    requests: int
    successes: int
    success_rate: float
    refused: int
    right: int | None
    wrong: int | None
    cached: int
    elapsed_s: float
    audio_s: float
    rtfx: float
    requests_per_s: float
    within: float
    goodput_per_s: float
    goodput_rtfx: float
    mean_s: float | None
    quantiles: dict[str, float]
    max_s: float | None
    first_text: dict[str, float]
    after_commit: dict[str, float]
    updates_per_s: float | None
    reconnects: int
    late_s: float
    rates: Rates | None
    errors: dict[str, int]
    instances: dict[str, int]

    @property
    def p99_is_thin(self) -> bool:
        """Whether a p99 is no more than the longest time."""
        return 0 < self.successes < 100


def figures_of(requests: Columns, elapsed_s: float, target: Target) -> Figures:
    """Sum a run up.

    Args:
        requests: all that ended, in any order.
        elapsed_s: from the first request to the last answer.
        target: which answers are good.
    """
    good = requests.only(requests.is_("code", ""))
    times, first = np.sort(good["took_s"]), good["first_text_s"]
    in_time = target.is_met(good.numbers["took_s"], good.numbers["audio_s"])  # type: ignore[arg-type] # float32
    known = good["is_right"][good["is_right"] >= 0]
    per_s = 1 / elapsed_s if elapsed_s > 0 else 0.0
    audio_s = float(good["audio_s"].sum(dtype=np.float64))
    commit, speech_s = good["after_commit_s"], float(good["speech_s"].sum(dtype=np.float64))
    return Figures(
        requests=len(requests),
        successes=len(good),
        success_rate=len(good) / len(requests) if len(requests) else 0.0,
        refused=int(np.isin(requests["status"], REFUSALS).sum()),
        right=int(known.sum()) if len(known) else None,
        wrong=len(known) - int(known.sum()) if len(known) else None,
        cached=int(good["is_cached"].sum()),
        elapsed_s=elapsed_s,
        audio_s=audio_s,
        rtfx=audio_s * per_s,
        requests_per_s=len(good) * per_s,
        within=int(in_time.sum()) / len(requests) if len(requests) else 0.0,
        goodput_per_s=int(in_time.sum()) * per_s,
        goodput_rtfx=float(good["audio_s"][in_time].sum(dtype=np.float64)) * per_s,
        mean_s=float(times.mean(dtype=np.float64)) if len(times) else None,
        quantiles=quantiles_of(times),
        max_s=float(times[-1]) if len(times) else None,
        first_text=quantiles_of(np.sort(first[~np.isnan(first)])),
        after_commit=quantiles_of(np.sort(commit[~np.isnan(commit)])),
        updates_per_s=float(good["updates"].sum()) / speech_s if speech_s > 0 else None,
        reconnects=int(requests["reconnects"].sum()),
        late_s=float(requests["late_s"].max(initial=0.0)),
        rates=rates_of(good),
        errors=requests.counts("code"),
        instances=in_rows(good.counts("instance")),
    )


def quantiles_of(times: NDArray[np.float64]) -> dict[str, float]:
    """The quantiles of some sorted times; none of nothing."""
    return {name: quantile(times, part) for name, part in QUANTILES.items()} if len(times) else {}


def quantile(times: NDArray[np.float64], part: float) -> float:
    """The value that `part` of some sorted ones do not exceed."""
    return float(times[max(1, math.ceil(part * len(times))) - 1])


def rates_of(good: Columns) -> Rates | None:
    """Sum up how wrong the texts are, where anybody knows what is said."""
    known = good.errors[:, good.errors[0] >= 0]
    if not known.shape[1]:
        return None
    words, substitutions, deletions, insertions, characters, character_errors = known.sum(axis=1).tolist()
    errors = substitutions + deletions + insertions
    return Rates(
        words=words,
        substitutions=substitutions,
        deletions=deletions,
        insertions=insertions,
        word_error_rate=errors / words if words else None,
        characters=characters,
        char_error_rate=character_errors / characters if characters else None,
    )
