"""Prints whether a recording's text depends on what else runs: alone, in a batch of eight, joining in the middle.

    python tests/engine/equality_table.py [checkpoint folder] [device]

The recordings are made of the checkpoint's own canary: single words of it up to the longest segment, louder and
softer, with noise, and silence. Every way to choose a token is tried. Exit status 1 if any transcript differs in text,
language, tokens or end, or a log-probability by more than a thousandth.
"""

from __future__ import annotations

import asyncio
import dataclasses
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harken.choice import Chosen
from harken.engine.canary import read_canary
from harken.engine.engine import Engine
from harken.engine.resolve import resolve_model
from harken.qwen3_asr.model import Qwen3ASR
from harken.testing import Gate, silence
from harken.types import SAMPLE_RATE, Finish, Options, Segment, Transcript

_SLOTS = 9  # eight, and the one that holds the gate


@dataclass(kw_only=True)
class GatedModel:
    """A real network behind a gate, so that a batch is what the test says; it counts how many ran together.

    It reads many at once, as on a GPU: on a CPU it would be one after another, and nothing would be tested.
    """

    prefill_audio_s = 120.0

    model: Qwen3ASR
    gate: Gate = field(default_factory=Gate)
    prefilled: list[int] = field(default_factory=list)
    decoded: list[int] = field(default_factory=list)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.model, name)

    def prefill(self, cache: Any, prompts: Sequence[Any], slots: Sequence[int], *choices: Any) -> Chosen:
        """One call of the network."""
        self.gate.pass_through()
        self.prefilled.append(len(slots))
        return self.model.prefill(cache, prompts, slots, *choices)

    def decode(self, cache: Any, slots: Sequence[int], *others: Any) -> Chosen:
        """One call of the network."""
        self.gate.pass_through()
        self.decoded.append(len(slots))
        return self.model.decode(cache, slots, *others)


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """One recording and its transcript in each situation."""

    audio_s: float
    alone: Transcript
    batched: Transcript
    joined: Transcript
    streamed: str

    @property
    def is_equal(self) -> bool:
        """Nothing differs, log-probabilities by less than a thousandth; the pieces are the text, without a loop."""
        is_sent = self.alone.text == self.streamed
        if self.alone.finish is Finish.LOOP:
            is_sent = self.alone.text.startswith(self.streamed)
        return alike(self.alone, self.batched) and alike(self.alone, self.joined) and is_sent


def alike(one: Transcript, other: Transcript) -> bool:
    """Equal, but for a thousandth in what is told about how sure the model was."""
    if _without_numbers(one) != _without_numbers(other):
        return False
    return all(abs(a - b) <= 1e-3 for a, b in zip(_numbers(one), _numbers(other), strict=True))


def _numbers(transcript: Transcript) -> list[float]:
    told = [token.logprob for token in transcript.logprobs or ()]
    return [*told, transcript.avg_logprob or 0.0, transcript.no_speech_prob or 0.0]


def _without_numbers(transcript: Transcript) -> Transcript:
    logprobs = transcript.logprobs
    if logprobs is not None:
        logprobs = tuple(dataclasses.replace(token, logprob=0.0) for token in logprobs)
    return dataclasses.replace(transcript, logprobs=logprobs, avg_logprob=None, no_speech_prob=None)


def recordings(canary: NDArray[np.float32], max_segment_s: float) -> list[NDArray[np.float32]]:
    """Eight of mixed lengths, from 0.3 s to the longest segment; float32 [n] each."""
    chance = np.random.default_rng(7)
    longest = np.resize(canary, round(max_segment_s * SAMPLE_RATE))
    noise = chance.normal(0, 0.01, size=len(canary)).astype(np.float32)
    return [
        canary[: round(0.3 * SAMPLE_RATE)],
        canary[: len(canary) // 2],
        longest,
        canary,
        silence(3.01),
        np.clip(canary * np.float32(0.25) + noise, -1, 1),
        longest[: len(longest) * 3 // 4 + 77],
        canary[len(canary) // 3 :],
    ]


async def _alone(model: Qwen3ASR, segments: Sequence[Segment], options: Options) -> list[Transcript]:
    async with Engine(model, slots=1, waiting=0, is_strict=True) as engine:
        return [await engine.recognize(segment, options) for segment in segments]


async def _batched(model: GatedModel, segments: Sequence[Segment], options: Options) -> list[Transcript]:
    """All eight are read in one prefill and written in the same steps: the gate is opened when all have come."""
    async with Engine(model, slots=_SLOTS, waiting=0, is_strict=True) as engine, asyncio.TaskGroup() as group:
        first = group.create_task(engine.recognize(segments[0], options))
        await asyncio.to_thread(model.gate.wait_until_used_up)
        tasks = [group.create_task(engine.recognize(segment, options)) for segment in segments]
        while engine._inbox.qsize() < len(segments):
            await asyncio.sleep(0.001)
        model.gate.open()
        await first
        return [await task for task in tasks]


async def _joined(
    model: GatedModel, segments: Sequence[Segment], options: Options
) -> tuple[list[Transcript], list[str]]:
    """Each joins two steps after the one before it, and all are streamed."""
    pieces: list[list[str]] = [[] for _ in segments]
    async with Engine(model, slots=_SLOTS, waiting=0, is_strict=True) as engine, asyncio.TaskGroup() as group:
        tasks = []
        for segment, heard in zip(segments, pieces, strict=True):
            tasks.append(group.create_task(engine.recognize(segment, options, heard.append)))
            while len(engine._tickets) < engine.in_flight or not (model.gate.is_used_up or tasks[-1].done()):
                await asyncio.sleep(0.001)  # until it has come, and the steps so far are done
            model.gate.let_through(2)
        model.gate.open()
        return [await task for task in tasks], ["".join(heard) for heard in pieces]


def table(model: Qwen3ASR, canary: NDArray[np.float32], options: Options) -> tuple[list[Row], GatedModel]:
    """Recognise all recordings in each situation; also returns what was seen of the batches."""
    segments = [
        Segment(samples=samples, request_id="equality", index=index)
        for index, samples in enumerate(recordings(canary, model.info.max_segment_s))
    ]
    together, joining = GatedModel(model=model), GatedModel(model=model)
    alone = asyncio.run(_alone(model, segments, options))
    batched = asyncio.run(_batched(together, segments, options))
    joined, streamed = asyncio.run(_joined(joining, segments, options))
    rows = [
        Row(audio_s=segment.audio_s, alone=one, batched=two, joined=three, streamed=text)
        for segment, one, two, three, text in zip(segments, alone, batched, joined, streamed, strict=True)
    ]
    return rows, together


def main(arguments: Sequence[str]) -> int:
    """Print the table for each of `asked`."""
    folder = Path(arguments[0]) if arguments else resolve_model("digits")
    model = Qwen3ASR.load(folder, device=arguments[1] if len(arguments) > 1 else "cpu")
    if model.canary is None:
        sys.stderr.write(f"{folder} has no canary recording to make recordings of\n")
        return 2
    canary = read_canary(model.canary.file, model.canary.text, model.canary.language).samples
    all_equal = True
    lines = [f"{model.info.name} {model.info.revision}"]
    for options in asked(model.info.languages[0]):
        rows, seen = table(model, canary, options)
        batches = f"largest prefill {max(seen.prefilled)}, largest decode step {max(seen.decoded)}"
        lines += ["", f"language {options.language or 'detected'}, {_said(options)}; {batches}"]
        lines += ["seconds  tokens  batch of 8  joining  streamed  text alone", *map(_line, rows)]
        all_equal &= all(row.is_equal for row in rows)
    sys.stdout.write("\n".join(lines) + "\n")
    return 0 if all_equal else 1


def asked(language: str) -> tuple[Options, ...]:
    """Plain, forced, penalised, drawn, and all at once with log-probabilities."""
    return (
        Options(),
        Options(language=language),
        Options(repetition_penalty=1.3),
        Options(temperature=0.8),
        Options(wants_logprobs=True),
        Options(language=language, repetition_penalty=1.15, temperature=1.2, wants_logprobs=True),
    )


def _said(options: Options) -> str:
    told = f"temperature {options.temperature:g}, penalty {options.repetition_penalty:g}"
    return told + (", with log-probabilities" if options.wants_logprobs else "")


def _line(row: Row) -> str:
    same = (alike(row.batched, row.alone), alike(row.joined, row.alone), row.streamed == row.alone.text)
    batched, joined, streamed = ("equal" if is_same else "DIFFERS" for is_same in same)
    text = row.alone.text if len(row.alone.text) < 60 else row.alone.text[:57] + "..."
    return f"{row.audio_s:7.2f}  {row.alone.tokens:6}  {batched:>10}  {joined:>7}  {streamed:>8}  {text}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
