"""The result: transcripts of pieces at their place in the recording, and of the whole recording.

Owns these words as data, what was repaired on the way, and what is flagged because it could not be. Knows neither how
pieces are recognised nor how results are written out. The invariant: nothing that may be missing or doubled is hidden;
what could not be mended is among its warnings.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from harken.types import SAMPLE_RATE, Finish, TokenLogprob, Word


class RepairKind(StrEnum):
    """What was wrong with the model's answer."""

    LOOP = "loop"
    """It repeated itself faster than anybody speaks."""
    LENGTH = "length"
    """It reached the token cap before its end."""
    CONTEXT_LEAK = "context_leak"
    """It gave back the context instead of speech."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Repair:
    """One intervention on the model's answer.

    Attributes:
        kind: what was wrong.
        start_s: where the stretch concerned begins, in seconds from the start of the recording.
        end_s: where it ends.
        is_resolved: the text there is whole now; otherwise words may be missing or too many, and it is flagged.
    """

    kind: RepairKind
    start_s: float
    end_s: float
    is_resolved: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Flag:
    """A stretch of a result that its reader should not trust.

    Attributes:
        code: stable: "loop_unresolved", "length_unresolved", or "words_missing" (the text is whole, but the aligner
            could not time it).
        message: one sentence for people.
        start_s: where it begins, in seconds from the start of the recording.
        end_s: where it ends.
    """

    code: str
    message: str
    start_s: float
    end_s: float


@dataclass(frozen=True, kw_only=True, slots=True)
class PlacedTranscript:
    """A piece's transcript at its place in the recording.

    Attributes:
        text: what was said; "" for silence.
        language: the language's name; "" for silence.
        start_s: where the piece begins, in seconds from the start of the recording.
        end_s: where it ends.
        instance: who recognised it.
        finish: why the model stopped writing; after a repair, STOP if that helped, else what is still wrong.
        tokens: tokens of the text, as the model wrote it.
        words: in order, in seconds from the start of the recording; None where they were not asked for.
        logprobs: of the tokens of the text; None where they were not asked for.
        avg_logprob: mean over the tokens; None where logprobs were not asked for.
        no_speech_prob: probability that nobody speaks; None where logprobs were not asked for, or the language was
            forced.
        repairs: what was done to get this text, in the order of the recording.
        speech_start_s: when speech is first heard in it, in seconds from the start of the recording; None for unknown.
        speech_end_s: when it is last heard.
        is_cached: no model ran for it; None where no cache was asked.
    """

    text: str
    language: str
    start_s: float
    end_s: float
    instance: str = ""
    finish: Finish = Finish.STOP
    tokens: int = 0
    words: tuple[Word, ...] | None = None
    logprobs: tuple[TokenLogprob, ...] | None = None
    avg_logprob: float | None = None
    no_speech_prob: float | None = None
    repairs: tuple[Repair, ...] = ()
    speech_start_s: float | None = None
    speech_end_s: float | None = None
    is_cached: bool | None = field(default=None, compare=False)

    @property
    def start(self) -> int:
        """Its first sample's place in the recording (16 kHz)."""
        return round(self.start_s * SAMPLE_RATE)

    @property
    def end(self) -> int:
        """The place behind its last sample."""
        return round(self.end_s * SAMPLE_RATE)


@dataclass(frozen=True, kw_only=True, slots=True)
class RecordingTranscript:
    """What was said in a recording.

    Attributes:
        text: all of it, stitched.
        language: the name of the language that fills most of it; "" where nothing was spoken.
        languages: all languages in the order they were spoken.
        audio_s: length of the recording in seconds.
        segments: the pieces that were recognised, in order, with their times; pieces without speech are left out.
        words: of all pieces, in order and never overlapping, in seconds from the start of the recording; None where
            they were not asked for.
    """

    text: str
    language: str
    languages: tuple[str, ...]
    audio_s: float
    segments: tuple[PlacedTranscript, ...]
    words: tuple[Word, ...] | None = field(default=None)

    @property
    def warnings(self) -> tuple[Flag, ...]:
        """What could not be repaired, in the order of the recording."""
        return tuple(flag for segment in self.segments for flag in _flags(segment, wants_words=self.words is not None))

    @property
    def is_complete(self) -> bool:
        """False when words of the text may be missing or too many anywhere; `warnings` says where."""
        return all(flag.code == WORDS_MISSING for flag in self.warnings)

    @property
    def cache(self) -> str:
        """How much of it was known: "hit" (all pieces), "partial", "miss" (none), "" where no cache was asked."""
        asked = [segment.is_cached for segment in self.segments if segment.is_cached is not None]
        if not asked:
            return ""
        return "hit" if all(asked) else "partial" if any(asked) else "miss"

    @property
    def instances(self) -> tuple[str, ...]:
        """The distinct names of the instances that recognised it, in order of first use."""
        return tuple(dict.fromkeys(segment.instance for segment in self.segments if segment.instance))


WORDS_MISSING = "words_missing"

_TIMED_PART = 0.8
"""Of a piece's letters: with fewer in its words, a part of it has no times (a half in an unknown language)."""

_MESSAGES = {
    RepairKind.LOOP: "The model repeated itself here; the repetition was cut out, and words may be missing.",
    RepairKind.LENGTH: "The model ran into its token cap here; words may be missing.",
}

_LEFT = {Finish.LOOP: RepairKind.LOOP, Finish.LENGTH: RepairKind.LENGTH}


def _flags(segment: PlacedTranscript, *, wants_words: bool) -> list[Flag]:
    left = [repair for repair in segment.repairs if not repair.is_resolved]
    if not left and segment.finish is not Finish.STOP:
        kind = _LEFT[segment.finish]
        left = [Repair(kind=kind, start_s=segment.start_s, end_s=segment.end_s, is_resolved=False)]
    flags = [
        Flag(code=f"{found.kind}_unresolved", message=_MESSAGES[found.kind], start_s=found.start_s, end_s=found.end_s)
        for found in left
    ]
    letters, timed = _letters(segment.text), sum(_letters(word.text) for word in segment.words or ())
    if wants_words and timed < letters * _TIMED_PART:
        message = f"{'Some of the' if timed else 'The'} words here could not be timed."
        flags.append(Flag(code=WORDS_MISSING, message=message, start_s=segment.start_s, end_s=segment.end_s))
    return flags


def _letters(text: str) -> int:
    return sum(character.isalnum() for character in text)
