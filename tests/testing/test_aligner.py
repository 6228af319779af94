"""Rules of harken.testing.aligner."""

from __future__ import annotations

import pytest

from harken.testing import FakeAligner, fake_words, segment


def test_words_share_the_time_evenly() -> None:
    """In order, from the first sample to the last."""
    words = fake_words("one two four five", 2.0)
    assert [(word.text, word.start_s, word.end_s) for word in words] == [
        ("one", 0.0, 0.5), ("two", 0.5, 1.0), ("four", 1.0, 1.5), ("five", 1.5, 2.0),
    ]  # fmt: skip
    assert fake_words("", 2.0) == ()


def test_it_notes_its_batches_and_fails_when_told() -> None:
    """A text that breaks a pass breaks it for all that are in it."""
    aligner = FakeAligner(is_broken_by=lambda text: text == "bad")
    good, bad = (aligner.prompt(segment(1).samples, text) for text in ("good", "bad"))
    assert good is not None
    assert bad is not None
    assert [found.text for found in aligner.align([good])] == ["good"]
    with pytest.raises(RuntimeError):
        aligner.align([good, bad])
    assert aligner.batches == [["good"], ["good", "bad"]]
