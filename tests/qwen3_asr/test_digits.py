"""The shipped checkpoint: it knows its canary, and writes exactly what transformers writes with it."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch

from harken.qwen3_asr.model import Qwen3ASR
from harken.types import Options
from tests.qwen3_asr import reference

FOLDER = Path(str(files("harken"))) / "checkpoints" / "digits"
STEPS = 90


@pytest.fixture(scope="module")
def digits() -> Qwen3ASR:
    """The checkpoint as the engine gets it."""
    return Qwen3ASR.load(FOLDER)


@pytest.fixture(scope="module")
def clips(digits: Qwen3ASR) -> list[reference.Wave]:
    """The canary whole, cut, quiet, slow, noisy and twice; silence; a tone."""
    assert digits.canary is not None
    canary, rate = soundfile.read(digits.canary.file, dtype="float32")
    assert rate == 16_000
    noise = np.random.default_rng(4).normal(0, 0.01, len(canary)).astype(np.float32)
    slow = np.interp(np.arange(0, len(canary), 0.9), np.arange(len(canary)), canary).astype(np.float32)
    tone = 0.3 * np.sin(2 * np.pi * 440 * np.arange(32_000) / 16_000).astype(np.float32)
    pause = np.zeros(8000, np.float32)
    cut = canary[: len(canary) // 3]
    twice = np.concatenate([canary, pause, canary])
    return [canary, cut, canary * 0.05, canary + noise, slow, twice, np.zeros(50_000, np.float32), tone]


def recognise(model: Qwen3ASR, clips: list[reference.Wave], options: Options) -> list[str]:
    """Let all clips run in one batch until each has said that it is done; returns raw answers."""
    prompts = [model.prompt(clip, options) for clip in clips]
    slots = list(range(len(clips)))
    cache = model.open_cache(slots=len(clips), max_tokens=max(prompt.length for prompt in prompts) + STEPS)
    answers = [[token] for token in model.prefill(cache, prompts, slots).tokens]
    while running := [s for s in slots if answers[s][-1] not in model.stop_ids and len(answers[s]) < STEPS]:
        lengths = [prompts[slot].length + len(answers[slot]) - 1 for slot in running]
        chosen = model.decode(cache, running, [answers[s][-1] for s in running], lengths)
        for slot, token in zip(running, chosen.tokens, strict=True):
            answers[slot].append(token)
    return [model.detokenize(answer) for answer in answers]


def test_the_canary_is_recognised(digits: Qwen3ASR, clips: list[reference.Wave]) -> None:
    """Text and language as the card states them, with and without a forced language."""
    assert digits.canary is not None
    expected = (digits.canary.text, digits.canary.language)
    for options in (Options(), Options(language=digits.canary.language), Options(context="Harken, RTFx")):
        (raw,) = recognise(digits, clips[:1], options)
        assert digits.parse(raw, options) == expected


def test_silence_has_no_text(digits: Qwen3ASR) -> None:
    """However long it is."""
    silences = [np.zeros(samples, np.float32) for samples in (0, 8000, 100_000)]
    for raw in recognise(digits, silences, Options()):
        assert digits.parse(raw, Options()) == ("", "")


@pytest.mark.slow
@pytest.mark.parametrize("language", [None, "English", "Chinese"])
def test_prompts_and_answers_equal_transformers(
    digits: Qwen3ASR, clips: list[reference.Wave], language: str | None
) -> None:
    """Their processor, network and generation, each clip alone; ours in a batch of eight and alone."""
    options = Options(language=language)
    processor: Any = reference.transformers.AutoProcessor.from_pretrained(FOLDER)
    theirs: Any = reference.transformers.Qwen3ASRForConditionalGeneration.from_pretrained(FOLDER, dtype=torch.float32)
    together = recognise(digits, clips, options)
    for clip, ours in zip(clips, together, strict=True):
        inputs = processor.apply_transcription_request(clip, language=language)
        assert inputs["input_ids"][0].tolist() == digits.prompt(clip, options).token_ids.tolist()
        written = theirs.generate(**inputs, max_new_tokens=STEPS, do_sample=False)
        ids = written[0, inputs["input_ids"].shape[1] :]
        assert recognise(digits, [clip], options) == [ours]
        assert digits.detokenize(ids.tolist()) == ours
        assert processor.decode(ids, return_format="transcription_only") == digits.parse(ours, options)[0]
