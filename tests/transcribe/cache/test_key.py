"""The names of answers."""

from __future__ import annotations

import asyncio
import dataclasses
from typing import Any

import numpy as np
import pytest

from harken.testing import segment
from harken.transcribe.cache.key import digest, key_of
from harken.types import AlignerInfo, ModelInfo, Options, Priority, Requester

ALIGNER = AlignerInfo(name="aligner", revision="1", languages=("English",))
INFO = ModelInfo(name="model", revision="1", max_segment_s=30.0, languages=("English",), aligner=ALIGNER)
SEGMENT = segment(1.0)


def name(seg: object = SEGMENT, options: Options | None = None, info: ModelInfo = INFO, scope: str = "a") -> bytes:
    """The name of an asking."""
    return digest(seg, options or Options(), info, scope)  # type: ignore[arg-type]


def test_only_what_the_model_hears_counts_of_a_segment() -> None:
    """The same sound at another place of another request has the same name."""
    other = dataclasses.replace(
        SEGMENT,
        request_id="other",
        index=7,
        start=16_000,
        recording_s=60.0,
        requester=Requester(key="k", priority=Priority.BATCH, deadline=1.0),
    )
    assert name(other) == name()


def test_one_sample_makes_another_name() -> None:
    """The samples are hashed as they are, to the last bit."""
    samples = SEGMENT.samples.copy()
    samples[100] = np.nextafter(samples[100], np.float32(1))
    assert name(dataclasses.replace(SEGMENT, samples=samples)) != name()
    assert name(dataclasses.replace(SEGMENT, samples=SEGMENT.samples[:-1])) != name()


@pytest.mark.parametrize("field", [field.name for field in dataclasses.fields(Options)])
def test_every_option_counts(field: str) -> None:
    """An option that is added later counts too."""
    others: dict[str, Any] = {
        "language": "English",
        "context": "names",
        "temperature": 0.5,
        "repetition_penalty": 1.1,
        "wants_words": True,
        "wants_logprobs": True,
        "prefix": "one",
    }
    assert name(options=dataclasses.replace(Options(), **{field: others[field]})) != name()


def test_model_and_scope_count() -> None:
    """Other weights may answer otherwise, and nobody learns what another key asked for."""
    assert name(info=dataclasses.replace(INFO, revision="2")) != name()
    assert name(info=dataclasses.replace(INFO, name="other")) != name()
    assert name(scope="b") != name()
    assert name(info=dataclasses.replace(INFO, slots=99)) == name()


def test_the_aligner_counts_where_words_are_wanted() -> None:
    """A new aligner changes the times of words, and no text."""
    newer = dataclasses.replace(INFO, aligner=dataclasses.replace(ALIGNER, revision="2"))
    words = Options(wants_words=True)
    assert name(info=newer) == name()
    assert name(info=newer, options=words) != name(options=words)


def test_long_segments_have_the_same_name_from_a_thread() -> None:
    """Where it is hashed makes no difference, nor does how its memory lies."""
    long = segment(20.0)
    assert asyncio.run(key_of(long, Options(), INFO, "a")) == name(long)
    twice = np.repeat(SEGMENT.samples, 2)
    assert name(dataclasses.replace(SEGMENT, samples=twice[::2])) == name()
