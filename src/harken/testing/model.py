"""`FakeModel`: a network for tests of the engine, without torch, that notices when it is used wrongly.

Its tokens are the UTF-8 bytes of its raw answer, so that half characters really occur between two tokens; only the mark
at the header's end is one token, as it is in the real vocabulary. Each slot of its cache remembers what was put there;
a wrong slot, length or token is an error at once instead of wrong text later.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from harken.choice import Choice, Chosen, Note
from harken.languages import NAMES
from harken.prefix import going_on
from harken.qwen3_asr.answer import TEXT_MARK, AnswerReader, parse_answer
from harken.testing.gate import Gate
from harken.types import ModelInfo, Options

STOP = 256
"""The token behind the 256 bytes."""

_MARK = 257
_TEMPLATE_TOKENS = 15
_TOKENS_PER_S = 13


def fake_text(samples: NDArray[np.float32]) -> str:
    """What a FakeModel hears in samples: "" in silence, else words that name these very samples, some in Chinese."""
    if not samples.any():
        return ""
    return f"clip {zlib.crc32(samples.tobytes()) & 0xFFFF:04x} 片 ☕"


def _no_loop(samples: NDArray[np.float32]) -> int:
    return 0


def encode(raw: str) -> tuple[int, ...]:
    """The fake's tokens of a raw answer."""
    header, mark, text = raw.partition(TEXT_MARK)
    return (*header.encode(), *([_MARK] if mark else []), *text.encode())


@dataclass(frozen=True, kw_only=True, slots=True)
class FakePrompt:
    """A segment made ready.

    Attributes:
        length: tokens, counted like the real ones.
        answer: known already, the prefix included.
        prefix: what the prompt ends with.
        loop: tokens at its end that the model repeats for ever; 0 for none.
    """

    length: int
    answer: tuple[int, ...]
    prefix: tuple[int, ...] = ()
    loop: int = 0


@dataclass(kw_only=True, slots=True)
class FakeCache:
    """What each slot holds.

    Attributes:
        max_tokens: room in each slot.
        answers: prompt per slot, None where nothing was put yet.
        lengths: tokens per slot.
        written: tokens given out per slot.
    """

    max_tokens: int
    answers: list[FakePrompt | None]
    lengths: list[int]
    written: list[list[int]]


@dataclass(frozen=True, kw_only=True, slots=True)
class FakeStep:
    """One call of the model, for tests to look at afterwards."""

    name: str
    slots: tuple[int, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class FakePending:
    """A step whose result has not been asked for."""

    chosen: Chosen | None = None
    error: RuntimeError | None = None

    def result(self) -> Chosen:
        """See `harken.engine.model.Pending`."""
        if self.error is not None:
            raise self.error
        assert self.chosen is not None
        return self.chosen


@dataclass(kw_only=True)
class FakeModel:
    """Implements `harken.engine.model.Model`.

    Attributes:
        text: what it hears in samples.
        language: what it detects, when none is forced and there is text.
        never_stops: repeats its whole answer for ever.
        loops: how many tokens at the end of the answer to samples it repeats for ever, like a model in a loop.
        loop_penalty: a repetition penalty from which on it does not loop.
        gate: each step waits in front of it.
        failing: names of calls ("open_cache", "prompt", "prefill", "decode") that raise from now on.
        failing_once: names of calls that raise at their next use only.
        most_slots: a cache for more raises MemoryError.
        most_prompt_tokens: a prefill of more of them raises MemoryError.
        looks_ahead: decode steps are launched before the tokens of the last one were read.
        prefill_audio_s: seconds of audio that are read at once.
        max_segment_s: the longest segment.
        steps: every prefill and decode so far.
        caches: how many caches were opened.
    """

    text: Callable[[NDArray[np.float32]], str] = fake_text
    language: str = "English"
    never_stops: bool = False
    loops: Callable[[NDArray[np.float32]], int] = _no_loop
    loop_penalty: float = math.inf
    gate: Gate | None = None
    failing: set[str] = field(default_factory=set)
    failing_once: set[str] = field(default_factory=set)
    most_slots: float = math.inf
    most_prompt_tokens: float = math.inf
    looks_ahead: bool = False
    prefill_audio_s: float = 120.0
    max_segment_s: float = 30.0
    steps: list[FakeStep] = field(default_factory=list)
    caches: int = 0

    @property
    def info(self) -> ModelInfo:
        """A model called fake, with all languages."""
        return ModelInfo(name="fake", revision="1", max_segment_s=self.max_segment_s, languages=NAMES)

    @property
    def stop_ids(self) -> frozenset[int]:
        """The one token that is no byte."""
        return frozenset({STOP})

    def open_cache(self, *, slots: int, max_tokens: int) -> FakeCache:
        """See `Model`."""
        self._fail_if_told("open_cache")
        if slots > self.most_slots:
            raise MemoryError(f"no room for {slots} slots")
        self.caches += 1
        return FakeCache(
            max_tokens=max_tokens, answers=[None] * slots, lengths=[0] * slots, written=[[] for _ in range(slots)]
        )

    def prompt(self, samples: NDArray[np.float32], options: Options) -> FakePrompt:
        """See `Model`; 13 tokens a second, 15 of the template, one per character of the context, the prefix's bytes."""
        self._fail_if_told("prompt")
        heard = self.text(samples)
        text = going_on(options.prefix, heard) if options.prefix else heard
        prefix = encode(options.prefix.strip())
        header = "" if options.language else f"language {self.language if text else 'None'}{TEXT_MARK}"
        length = (
            _TEMPLATE_TOKENS + math.ceil(_TOKENS_PER_S * len(samples) / 16_000) + len(options.context) + len(prefix)
        )
        answer = encode(header + text)
        loop = len(answer) if self.never_stops else self.loops(samples)
        return FakePrompt(
            length=length,
            answer=answer,
            prefix=prefix,
            loop=loop if options.repetition_penalty < self.loop_penalty else 0,
        )

    def prefill(
        self,
        cache: FakeCache,
        prompts: Sequence[FakePrompt],
        slots: Sequence[int],
        choices: Sequence[Choice | None] = (),
    ) -> Chosen:
        """See `Model`."""
        self._begin("prefill", slots)
        if (tokens := sum(prompt.length for prompt in prompts)) > self.most_prompt_tokens:
            raise MemoryError(f"no memory to read {tokens} tokens at once")
        for prompt, slot in zip(prompts, slots, strict=True):
            assert prompt.length <= cache.max_tokens, f"slot {slot}: {prompt.length} tokens > {cache.max_tokens}"
            cache.answers[slot] = prompt
            cache.lengths[slot] = prompt.length
            cache.written[slot] = list(prompt.prefix)
        return self._choose(cache, slots, choices)

    def decode(
        self,
        cache: FakeCache,
        slots: Sequence[int],
        tokens: Sequence[int],
        lengths: Sequence[int],
        choices: Sequence[Choice | None] = (),
    ) -> Chosen:
        """See `Model`."""
        self._begin("decode", slots)
        for slot, token, length in zip(slots, tokens, lengths, strict=True):
            assert cache.answers[slot] is not None, f"slot {slot} was never filled"
            assert length == cache.lengths[slot], f"slot {slot} holds {cache.lengths[slot]} tokens, not {length}"
            assert length < cache.max_tokens, f"slot {slot} is full"
            expected = cache.written[slot][-1]
            assert token == expected, f"slot {slot} wrote {expected} last, not {token}"
            cache.lengths[slot] += 1
        return self._choose(cache, slots, choices)

    def launch(self, cache: FakeCache, slots: Sequence[int], lengths: Sequence[int]) -> FakePending:
        """See `Model`; the step is made at once, and fails when it is asked for its result."""
        assert self.looks_ahead, "this model does not look ahead"
        tokens = [cache.written[slot][-1] for slot in slots]
        try:
            return FakePending(chosen=self.decode(cache, slots, tokens, lengths))
        except RuntimeError as error:
            return FakePending(error=error)

    def detokenize(self, ids: Sequence[int]) -> str:
        """See `Model`."""
        if _MARK in ids:
            at = list(ids).index(_MARK)
            return self.detokenize(ids[:at]) + TEXT_MARK + self.detokenize(ids[at + 1 :])
        return bytes(ids).decode("utf-8", errors="replace")

    def parse(self, raw: str, options: Options) -> tuple[str, str]:
        """See `Model`; the format is the real one."""
        return parse_answer(raw, forced=options.language)

    def reader(self, options: Options) -> AnswerReader:
        """See `Model`."""
        return AnswerReader(forced=options.language)

    def bytes_of(self, token: int) -> bytes:
        """See `Model`."""
        return TEXT_MARK.encode() if token == _MARK else bytes([token]) if token < STOP else b""

    def text_start(self, ids: Sequence[int]) -> int:
        """See `Model`."""
        return ids.index(_MARK) + 1 if _MARK in ids else 0

    def _begin(self, name: str, slots: Sequence[int]) -> None:
        assert len(set(slots)) == len(slots), f"{name}: a slot twice in {list(slots)}"
        if self.gate is not None:
            self.gate.pass_through()
        self.steps.append(FakeStep(name=name, slots=tuple(slots)))
        self._fail_if_told(name)

    def _choose(self, cache: FakeCache, slots: Sequence[int], choices: Sequence[Choice | None]) -> Chosen:
        """Take each slot's next token; what is asked about it is answered by a rule that a test can repeat."""
        assert len(choices) in (0, len(slots)), f"{len(choices)} choices for {len(slots)} slots"
        notes: dict[int, Note] = {}
        for place, choice in enumerate(choices):
            written = cache.written[slots[place]]
            assert choice is None or list(choice.written) == written, f"slot {slots[place]} wrote {written}"
            if choice is not None and choice.manner.wants_logprobs:
                notes[place] = Note(logprob=-(len(written) + 1) / 64, no_speech=_no_speech(choice))
        return Chosen(tokens=[self._next(cache, slot) for slot in slots], notes=notes)

    def _next(self, cache: FakeCache, slot: int) -> int:
        prompt, written = cache.answers[slot], cache.written[slot]
        assert prompt is not None, f"slot {slot} was never filled"
        beyond = len(written) - len(prompt.answer)
        if beyond < 0:
            token = prompt.answer[len(written)]
        else:
            token = prompt.answer[beyond % prompt.loop - prompt.loop] if prompt.loop else STOP
        written.append(token)
        return token

    def _fail_if_told(self, name: str) -> None:
        if name in self.failing or name in self.failing_once:
            self.failing_once.discard(name)
            raise RuntimeError(f"{name} was told to fail")


def _no_speech(choice: Choice) -> float | None:
    """One half for the first letter of "None", where the answer may still be that; one for the letters around it."""
    path, place = b"language None", len(choice.written)
    if choice.manner.is_forced or place >= len(path) or bytes(min(t, 255) for t in choice.written) != path[:place]:
        return None
    return 0.5 if place == len(b"language ") else 1.0
