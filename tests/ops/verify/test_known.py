"""The recording whose text is known."""

from __future__ import annotations

import io
import random
import wave
from pathlib import Path

import numpy as np
import pytest

from harken.audio import decode
from harken.errors import ConfigError
from harken.ops.verify.known import own, packaged
from harken.types import SAMPLE_RATE


def test_no_two_copies_are_the_same_and_nobody_hears_it() -> None:
    """They differ in the lowest of sixteen bits."""
    known, chance = packaged(), random.Random(1)
    first, second = (decode(known.copy(chance)).samples for _ in range(2))
    assert len(first) == len(second) == len(known.samples)
    assert not np.array_equal(first, second)
    assert max(np.abs(first - known.samples).max(), np.abs(second - known.samples).max()) < 2.5 / 32_768


def test_a_copy_is_a_plain_wav() -> None:
    """Of any length that is asked for, loud ones included."""
    known = packaged()
    with wave.open(io.BytesIO(known.copy(random.Random(1), times=3))) as reader:
        assert (reader.getframerate(), reader.getnchannels(), reader.getsampwidth()) == (SAMPLE_RATE, 1, 2)
        assert reader.getnframes() == 3 * len(known.samples) + 2 * int(0.4 * SAMPLE_RATE)


@pytest.mark.parametrize(
    ("heard", "model", "is_right"),
    [
        ("nine five eight seven three two two zero six", "qwen3-asr-digits", True),
        ("9 5 8 7 3 2 2 0 6.", "Qwen/Qwen3-ASR-1.7B", True),
        ("Nine, five, eight, seven, tree, to, to, zero, six.", "Qwen/Qwen3-ASR-1.7B", True),
        ("nine five eight seven three two two zero", "qwen3-asr-digits", False),
        ("stub 5e1f00d5 1.50s", "Qwen/Qwen3-ASR-1.7B", False),
        ("", "Qwen/Qwen3-ASR-1.7B", False),
    ],
)
def test_a_model_may_be_wrong_as_far_as_it_never_promised(heard: str, model: str, is_right: bool) -> None:
    """The packaged model not at all; others in a third of the words; spelling is no matter."""
    known = packaged()
    assert (known.wrong_words(heard) <= known.may_be_wrong(model)) is is_right


def test_an_own_recording_is_read_or_refused_in_a_sentence(tmp_path: Path) -> None:
    """Any container; its text must have words."""
    path = tmp_path / "own.wav"
    path.write_bytes(packaged().copy(random.Random(1)))
    assert own(path, "nine five", 0.5).may_be_wrong("qwen3-asr-digits") == 1
    assert own(path, "nine five eight", None).may_be_wrong("any") == 1
    (tmp_path / "words.wav").write_text("words")
    for wrong, text in (
        (path, " … "),
        (tmp_path / "none.wav", "one"),
        (tmp_path / "words.wav", "one"),
        (tmp_path, "x"),
    ):
        with pytest.raises(ConfigError, match=r"--(recording|text)"):
            own(wrong, text, None)
