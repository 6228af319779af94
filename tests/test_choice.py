"""Rules of harken.choice: which segments have a manner of their own, and what its draws are seeded by."""

from __future__ import annotations

import numpy as np
import pytest

from harken.choice import manner_of
from harken.testing import speech_like
from harken.types import Options


@pytest.mark.parametrize("options", [Options(), Options(language="Thai", context="x", wants_words=True)])
def test_a_plain_segment_has_no_manner(options: Options) -> None:
    """So that it costs nothing: language, context and word times change nothing about how tokens are chosen."""
    assert manner_of(options, speech_like(0.1)) is None


def test_a_manner_says_what_the_options_ask() -> None:
    """Temperature, penalty, notes, and whether a header is to come."""
    options = Options(language="Thai", temperature=0.5, repetition_penalty=1.2, wants_logprobs=True)
    manner = manner_of(options, speech_like(0.1))
    assert manner is not None
    assert (manner.temperature, manner.penalty, manner.wants_logprobs, manner.is_forced) == (0.5, 1.2, True, True)


def test_draws_are_seeded_by_the_samples_alone() -> None:
    """Every sample counts, where they lie in memory does not; nothing is computed where nothing is drawn."""
    samples = speech_like(0.5)
    hot = Options(temperature=0.5)
    other = samples.copy()
    other[-1] += np.float32(1e-4)
    seeds = [
        manner.seed
        for options, heard in (
            (hot, samples),
            (Options(temperature=1.0, language="Thai", context="x"), np.repeat(samples, 2)[::2]),
            (hot, other),
            (Options(wants_logprobs=True), samples),
        )
        if (manner := manner_of(options, heard)) is not None
    ]
    assert seeds[0] == seeds[1] != seeds[2]
    assert seeds[3] == b""
