"""Rules of harken.engine.load_aligner, and what loading an instance makes of an aligner."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path

import numpy as np
import pytest

from harken.config import InstanceConfig
from harken.engine.canary import packaged_canary, read_canary
from harken.engine.load import Loaded, load
from harken.engine.load_aligner import load_aligner, prove, stub_aligner
from harken.engine.resolve import resolve_aligner, resolve_model
from harken.engine.stub_aligner import StubAligner
from harken.engine.with_words import WithWords
from harken.errors import CanaryFailed, CheckpointError, ConfigError, NoWordTimes
from harken.testing import FakeAligner, silence
from harken.types import Options, Segment, Transcript, Word
from tests.qwen3_asr import aligner_reference

_WORDS = Options(wants_words=True)


def _digits_aligner() -> Path:
    folder = resolve_aligner("auto", "digits")
    assert folder is not None
    return folder


def test_an_aligner_that_finds_the_words_is_taken() -> None:
    """The packaged recording, the shipped aligner."""
    prove(load_aligner(_digits_aligner(), "cpu", "auto", max_segment_s=10.0), packaged_canary())


def test_an_aligner_proves_itself_by_times_that_agree() -> None:
    """It is its unrepaired answers that count."""
    prove(FakeAligner(agreement=0.7), packaged_canary())
    with pytest.raises(CanaryFailed, match=r"fake-aligner.*50%"):
        prove(FakeAligner(agreement=0.5), packaged_canary())


@pytest.mark.slow
def test_random_weights_do_not_find_the_words(tmp_path: Path) -> None:
    """Their times look orderly once they are repaired, and are still nonsense."""
    folder = aligner_reference.write_hf(tmp_path, aligner_reference.random_aligner(aligner_reference.TINY))
    with pytest.raises(CanaryFailed):
        prove(load_aligner(folder, "cpu", "auto", max_segment_s=10.0), packaged_canary())


def test_an_aligner_that_hears_nothing_is_not_taken() -> None:
    """All words at once, at the beginning, would agree with one another."""

    class Deaf(StubAligner):
        def prompt(self, samples: object, text: str, language: str = "") -> None:
            return None

    with pytest.raises(CanaryFailed, match="0%"):
        prove(Deaf(), packaged_canary())


def test_an_aligner_for_shorter_segments_than_the_models_is_refused() -> None:
    """Its words at the end would be lost."""
    with pytest.raises(ConfigError, match=r"30 s.*60 s"):
        load_aligner(_digits_aligner(), "cpu", "auto", max_segment_s=60.0)


@pytest.mark.parametrize("spec", ["digits-aligner", "Qwen/Qwen3-ForcedAligner-0.6B", "/no/folder"])
def test_a_stub_takes_no_real_aligner(spec: str) -> None:
    """It recognises nothing that could be aligned."""
    assert stub_aligner("none") is None
    assert stub_aligner("auto") is not None
    with pytest.raises(ConfigError, match="auto or none"):
        stub_aligner(spec)


def _recognised(loaded: Loaded, *segments: Segment, options: Options = _WORDS) -> list[Transcript]:
    async def main() -> list[Transcript]:
        async with loaded.engine as engine:
            return await asyncio.gather(*(engine.recognize(segment, options) for segment in segments))

    return asyncio.run(main())


def test_a_stub_spreads_its_words_over_the_segment() -> None:
    """So that everything around words can be tested without torch."""
    loaded = load(InstanceConfig(model="stub"))
    assert isinstance(loaded.engine, WithWords)
    (found,) = _recognised(loaded, Segment(samples=silence(3), request_id="r"))
    texts = found.text.replace(".", "").split()
    assert found.words == tuple(
        Word(text=text, start_s=float(number), end_s=float(number + 1)) for number, text in enumerate(texts)
    )


def test_without_an_aligner_words_are_refused() -> None:
    """Whether the model is a stub or not."""
    with pytest.raises(NoWordTimes):
        _recognised(load(InstanceConfig(model="stub", aligner="none")), Segment(samples=silence(1), request_id="r"))


def test_neither_is_loaded_in_the_place_of_the_other() -> None:
    """The message says which is which."""
    digits, aligner = resolve_model("digits"), _digits_aligner()
    with pytest.raises(CheckpointError, match="is a forced aligner"):
        load(InstanceConfig(model=str(aligner), aligner="none", threads=1))
    with pytest.raises(CheckpointError, match="is a speech recogniser"):
        load(InstanceConfig(model="digits", aligner=str(digits), threads=1))


@pytest.mark.slow
def test_the_packaged_pair_times_words_in_the_segment_that_has_them() -> None:
    """The same recording later is the same words later; alone or in a crowd the times are the same."""
    loaded = load(InstanceConfig(model="digits", threads=1))
    spoken = loaded.canary.samples
    pause = silence(1.6)
    segments = [
        Segment(samples=samples, request_id=str(number))
        for number, samples in enumerate(
            [spoken, np.concatenate([spoken, pause, spoken]), np.concatenate([pause, spoken]), silence(3)] * 3
        )
    ]
    found = _recognised(loaded, *segments)
    alone, twice, later, quiet = found[:4]
    assert quiet.words == ()
    assert alone.words is not None
    assert [word.text for word in alone.words] == loaded.canary.text.split()
    after_s = len(spoken) / 16_000 + 1.6
    for transcript, offset_s in ((later, 1.6), (twice, after_s)):
        assert transcript.words is not None
        last = transcript.words[-len(alone.words) :]
        for word, expected in zip(last, alone.words, strict=True):
            assert word.text == expected.text
            assert abs(word.start_s - expected.start_s - offset_s) <= 0.161
            assert abs(word.end_s - expected.end_s - offset_s) <= 0.161
    assert [each.words for each in found[4:8]] == [each.words for each in found[:4]]
    assert [each.words for each in found[8:]] == [each.words for each in found[:4]]


@pytest.mark.slow
def test_an_aligners_own_folder_can_be_named(tmp_path: Path) -> None:
    """A copy elsewhere, beside a model from a folder."""
    shutil.copytree(_digits_aligner(), tmp_path / "mine")
    shutil.copytree(resolve_model("digits"), tmp_path / "model")
    loaded = load(InstanceConfig(model=str(tmp_path / "model"), aligner=str(tmp_path / "mine"), threads=1))
    (found,) = _recognised(loaded, Segment(samples=loaded.canary.samples, request_id="r"))
    assert found.words is not None
    assert len(found.words) == 7
    canary = tmp_path / "model" / "canary.flac"
    assert np.array_equal(read_canary(canary, "one", "English").samples, loaded.canary.samples)
