"""A recognizer that hears what `spell` wrote, and misbehaves as it is told: loops, cut answers, leaks, deaths.

It runs on the event loop and needs no time. What it does wrong depends on the segment and its options alone, as with a
real model, so that cutting or a penalty can cure it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

from harken.errors import HarkenError
from harken.languages import NAMES
from harken.prefix import going_on
from harken.testing.spelling import hear
from harken.types import AlignerInfo, Finish, ModelInfo, Options, Segment, Send, TokenLogprob, Transcript, Word

ROUNDS = 60
"""How often a loop goes round."""

Behaviour = Callable[[Segment, Options], Finish]


def well_behaved(segment: Segment, options: Options) -> Finish:
    """Nothing goes wrong."""
    return Finish.STOP


@dataclass(kw_only=True)
class MisbehavingRecognizer:
    """Implements `harken.types.Recognizer`.

    Attributes:
        finish: how the answer to a segment ends: right, in a loop of its last word, or without its last third.
        notices_loops: False for an engine that ends a loop as if nothing had happened.
        leaks: whether it answers with the context where there is one.
        failures: one for each try, in order; None is no failure. It comes after half of the text was sent.
        max_segment_s: of its model.
        asked: start, length in samples, and options of every segment, in the order of arrival.
    """

    finish: Behaviour = well_behaved
    notices_loops: bool = True
    leaks: bool = False
    failures: list[HarkenError | None] = field(default_factory=list)
    max_segment_s: float = 30.0
    asked: list[tuple[int, int, Options]] = field(default_factory=list)

    async def model(self) -> ModelInfo:
        """A model with an aligner."""
        aligner = AlignerInfo(name="fake-aligner", revision="1", languages=("English",))
        return ModelInfo(
            name="fake", revision="1", max_segment_s=self.max_segment_s, languages=NAMES, slots=8, aligner=aligner
        )

    async def recognize(self, segment: Segment, options: Options, send: Send | None = None) -> Transcript:
        """Answer one segment, rightly or wrongly."""
        self.asked.append((segment.start, len(segment.samples), options))
        failure = self.failures.pop(0) if self.failures else None
        answer = self._answer(segment, options)
        pieces = [f" {word}" for word in answer.text.split()]
        for piece in pieces[: len(pieces) // 2] if failure else pieces:
            await asyncio.sleep(0)
            if send is not None:
                send(piece)
        if failure is not None:
            raise failure
        return answer

    def _answer(self, segment: Segment, options: Options) -> Transcript:
        finish = self.finish(segment, options)
        words = hear(segment.samples)
        texts = [word.text for word in words]
        if self.leaks and options.context:
            texts, words = options.context.split(), ()
        if finish is Finish.LENGTH:
            texts, words = texts[: len(texts) * 2 // 3], words[: len(words) * 2 // 3]
        elif finish is Finish.LOOP:
            texts += texts[-1:] * ROUNDS
            words += tuple(Word(text=word.text, start_s=word.end_s, end_s=word.end_s) for word in words[-1:]) * ROUNDS
        text = going_on(options.prefix, " ".join(texts)) if options.prefix else " ".join(texts)
        return Transcript(
            text=text,
            language=options.language or ("English" if texts else ""),
            audio_s=segment.audio_s,
            tokens=len(texts),
            finish=Finish.STOP if finish is Finish.LOOP and not self.notices_loops else finish,
            instance="fake-1",
            words=words if options.wants_words else None,
            logprobs=tuple(_token(text) for text in texts) if options.wants_logprobs else None,
            avg_logprob=-0.5 if options.wants_logprobs else None,
            no_speech_prob=0.25 if options.wants_logprobs else None,
        )


def _token(text: str) -> TokenLogprob:
    return TokenLogprob(token=f" {text}", logprob=-0.5, bytes=tuple(f" {text}".encode()))
