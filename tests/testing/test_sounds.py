"""Rules of harken.testing.sounds."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from harken.testing import segment, silence, speech_like, tone


@pytest.mark.parametrize("samples", [silence(0.5), tone(0.5), speech_like(0.5)])
def test_all_are_samples_as_segments_have_them(samples: NDArray[np.float32]) -> None:
    """float32, 16 kHz, within [-1, 1]."""
    assert samples.dtype == np.float32
    assert samples.shape == (8000,)
    assert np.abs(samples).max() <= 1


def test_a_tone_has_its_pitch() -> None:
    """440 Hz by default."""
    spectrum = np.abs(np.fft.rfft(tone(1)))
    assert int(spectrum.argmax()) == 440


def test_the_same_seed_gives_the_same_and_another_seed_another_recording() -> None:
    """So that texts that are computed from samples can be told apart."""
    assert np.array_equal(speech_like(1, seed=1), speech_like(1, seed=1))
    assert not np.array_equal(speech_like(1, seed=1), speech_like(1, seed=2))


def test_something_like_speech_has_pauses() -> None:
    """Its quietest tenth of a second is far below its loudest."""
    blocks = speech_like(2).reshape(-1, 1600)
    levels = np.sqrt((blocks**2).mean(axis=1))
    assert levels.min() < 0.1 * levels.max()


def test_a_segment_is_made_of_them() -> None:
    """With ids of its own."""
    made = segment(1.5, seed=3, request_id="r", index=2)
    assert (made.audio_s, made.id) == (1.5, "r.2")
    assert np.array_equal(made.samples, speech_like(1.5, seed=3))
