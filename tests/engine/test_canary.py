"""Rules of harken.engine.canary."""

from __future__ import annotations

import asyncio
from pathlib import Path

import numpy as np
import pytest
import soundfile

from harken.engine.canary import Canary, packaged_canary, read_canary
from harken.errors import CanaryFailed, CheckpointError
from harken.testing import silence
from harken.types import ModelInfo, Options, Segment, Send, Transcript
from harken.words import words_of


class _Says:
    """A recognizer with one answer."""

    def __init__(self, text: str, language: str = "English") -> None:
        self._text = text
        self._language = language

    async def model(self) -> ModelInfo:
        """Any."""
        return ModelInfo(name="says", revision="1", max_segment_s=30, languages=("English",))

    async def recognize(self, segment: Segment, options: Options, send: Send | None = None) -> Transcript:
        """The same for all."""
        return Transcript(text=self._text, language=self._language, audio_s=segment.audio_s)


def _check(canary: Canary, text: str, language: str = "English") -> None:
    asyncio.run(canary.check(_Says(text, language)))


@pytest.mark.parametrize(
    "spelling",
    [
        "one two three",
        "One, two, three.",
        "1, 2, 3.",
        "123",
        "1 two-3!",
        "一二三",
        "幺两三。",
        "１２３",
        " one\ntwo  three ",
    ],
)
def test_spelling_is_no_matter(spelling: str) -> None:
    """Case, punctuation, digits as words or figures, in either script."""
    assert words_of(spelling) == ["1", "2", "3"]


def test_other_words_are_kept_whole_and_ideographs_single() -> None:
    """So that a difference counts for what it is."""
    assert words_of("Stub 5e1f 你好") == ["stub", "5", "e", "1", "f", "你", "好"]


def test_a_right_answer_passes_and_a_wrong_one_names_both_texts() -> None:
    """What is said in the recording, and what was recognised."""
    canary = Canary(samples=silence(1), text="one two three", language="English")
    _check(canary, "1 2 3")
    with pytest.raises(CanaryFailed, match=r"'one two three' is said.*recognised 'one two four'"):
        _check(canary, "one two four")


def test_a_wrong_language_fails_too() -> None:
    """Unless the canary does not name one."""
    with pytest.raises(CanaryFailed, match="is English; the model took it for Chinese"):
        _check(Canary(samples=silence(1), text="1", language="English"), "一", "Chinese")
    _check(Canary(samples=silence(1), text="1"), "一", "Chinese")


def test_the_packaged_recording_allows_one_third_to_differ() -> None:
    """It is synthetic speech; a model that hears one digit of five wrong still works, one that hears none does not."""
    canary = packaged_canary()
    said = words_of(canary.text)
    assert 2 < len(canary.samples) / 16_000 < 10
    _check(canary, canary.text)
    _check(canary, " ".join(["x", *said[1:]]))
    with pytest.raises(CanaryFailed):
        _check(canary, " ".join(said[: len(said) // 2]))
    with pytest.raises(CanaryFailed):
        _check(canary, "")


@pytest.mark.parametrize(("rate", "channels"), [(8000, 1), (16_000, 2)])
def test_a_recording_of_another_kind_is_refused(tmp_path: Path, rate: int, channels: int) -> None:
    """It would be heard at the wrong speed, or not at all."""
    soundfile.write(tmp_path / "c.flac", np.zeros((100, channels)), rate)
    with pytest.raises(CheckpointError, match="must be mono with 16000"):
        read_canary(tmp_path / "c.flac", "one", "English")


def test_a_recording_that_cannot_be_read_is_refused_by_name(tmp_path: Path) -> None:
    """Broken, or not there."""
    (tmp_path / "broken.flac").write_bytes(b"no audio")
    for name in ("broken.flac", "absent.flac"):
        with pytest.raises(CheckpointError, match=name):
            read_canary(tmp_path / name, "one", "English")
