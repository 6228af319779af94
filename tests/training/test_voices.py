"""Rules of training.voices."""

from __future__ import annotations

import random

from training.voices import (
    HELD_OUT_SPEEDS,
    HELD_OUT_VARIANTS,
    TRAINED_SPEEDS,
    TRAINED_VARIANTS,
    held_out_manner,
    trained_manner,
)

_DEFAULT_SPEED = 175


def test_no_variant_is_both_trained_and_held_out() -> None:
    """The error rates would be worth nothing."""
    assert not set(TRAINED_VARIANTS) & set(HELD_OUT_VARIANTS)


def test_no_speed_is_both_trained_and_held_out() -> None:
    """Bands do not touch, and the default speed lies in a trained one."""
    for low, high in HELD_OUT_SPEEDS:
        assert all(high < first or last < low for first, last in TRAINED_SPEEDS)
    assert any(low <= _DEFAULT_SPEED <= high for low, high in TRAINED_SPEEDS)


def test_manners_are_drawn_from_their_own_side() -> None:
    """A thousand draws of both."""
    rng = random.Random(1)
    for language in ("English", "Chinese"):
        for _ in range(500):
            trained, held_out = trained_manner(rng, language), held_out_manner(rng, language)
            assert trained.voice.partition("+")[2] in TRAINED_VARIANTS
            assert held_out.voice.partition("+")[2] in HELD_OUT_VARIANTS
            assert any(low <= trained.speed_wpm <= high for low, high in TRAINED_SPEEDS)
            assert any(low <= held_out.speed_wpm <= high for low, high in HELD_OUT_SPEEDS)
