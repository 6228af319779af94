"""What is lost with another model is said before it is in service."""

from __future__ import annotations

from dataclasses import replace

import pytest

from harken.fleet.successor import losses
from harken.languages import NAMES
from harken.types import AlignerInfo, ModelInfo, Wish

ALIGNER = AlignerInfo(name="aligner", revision="1", languages=("English", "Chinese"))
OLD = ModelInfo(name="old", revision="1", max_segment_s=30.0, languages=NAMES, aligner=ALIGNER)


def test_a_model_that_takes_its_own_place_loses_nothing() -> None:
    """Nor does one that knows more."""
    assert losses(OLD, replace(OLD, revision="2")) == ()
    assert losses(replace(OLD, aligner=None, languages=("English",)), replace(OLD, max_segment_s=60.0)) == ()


@pytest.mark.parametrize(
    ("new", "said"),
    [
        (replace(OLD, max_segment_s=20.0), "It takes segments of up to 20 s, the present model of up to 30 s"),
        (replace(OLD, languages=NAMES[:-2]), "It does not know Hungarian, Macedonian."),
        (replace(OLD, languages=("Greek",)), "Arabic, German, French and 23 other languages."),
        (replace(OLD, aligner=None), "It has no aligner"),
        (replace(OLD, aligner=replace(ALIGNER, languages=("Chinese",))), "Its aligner does not know English."),
        (replace(OLD, lacks=(Wish.CONTEXT, Wish.LOGPROBS)), "It refuses requests with context, logprobs."),
    ],
)
def test_each_loss_is_a_sentence(new: ModelInfo, said: str) -> None:
    """So that an operator knows what clients will miss."""
    (sentence,) = losses(OLD, new)
    assert said in sentence
