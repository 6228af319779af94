"""What a stub says about a segment, right or wrong as it was told: text, end, and how sure it pretends to be.

Pure. Everything is computed from the samples and options, so that the same segment gets the same answer on every
instance, and a repair (another penalty, half of the segment) changes it exactly where the stub's options say so.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass

from harken.engine.stub_options import StubOptions
from harken.prefix import going_on
from harken.types import Finish, Options, Segment, TokenLogprob

LOOP_WORD = "again"
"""What a stub repeats when it loops."""

LOOP_ROUNDS = 24
"""How often."""

_NO_SPEECH_PROB = 0.02


def stub_text(segment: Segment) -> str:
    """What a stub hears in a segment; it depends on every sample."""
    return f"stub {_number(segment):08x} {segment.audio_s:.2f}s"


@dataclass(frozen=True, kw_only=True, slots=True)
class StubAnswer:
    """One answer: what it says of itself, piece by piece, behind what it was given to begin with."""

    pieces: tuple[str, ...]
    finish: Finish = Finish.STOP
    prefix: str = ""

    @property
    def text(self) -> str:
        """All of it."""
        return self.prefix + "".join(self.pieces)

    @property
    def deltas(self) -> tuple[str, ...]:
        """What is streamed one by one, and is together its text: the prefix comes with the first piece."""
        first, *others = self.pieces or ("",)
        return tuple(filter(None, (self.prefix + first, *others)))

    def logprobs(self) -> tuple[TokenLogprob, ...]:
        """One token per piece; its log-probability is made of its letters, between -0.5 and 0."""
        return tuple(
            TokenLogprob(token=piece, logprob=-zlib.crc32(piece.encode()) / 2**33, bytes=tuple(piece.encode()))
            for piece in self.pieces
        )

    def avg_logprob(self) -> float:
        """The mean of them, the end counted as certain."""
        return sum(token.logprob for token in self.logprobs()) / (len(self.pieces) + 1)

    def no_speech_prob(self) -> float:
        """A small number that is always the same, or nearly 1 where it says nothing."""
        return _NO_SPEECH_PROB if self.text else 1 - _NO_SPEECH_PROB


def stub_answer(stub: StubOptions, segment: Segment, options: Options, *, is_canary: bool) -> StubAnswer:
    """Say what this stub says to this segment; nothing but `wrong_canary` changes its answer to the canary."""
    text, finish = _heard(stub, segment, options, is_canary=is_canary)
    prefix = options.prefix.strip()
    if not prefix:
        return _spoken(text, finish)
    rest = going_on(prefix, text)[len(prefix) :]
    return StubAnswer(pieces=tuple(f" {word}" for word in rest.split()), finish=finish, prefix=prefix)


def _heard(stub: StubOptions, segment: Segment, options: Options, *, is_canary: bool) -> tuple[str, Finish]:
    text = ("wrong " if stub.wrong_canary else "") + stub_text(segment)
    if is_canary:
        return text, Finish.STOP
    if stub.leaks_context and options.context:
        return options.context, Finish.STOP
    if _loops(stub, segment, options):
        return " ".join([text, *[LOOP_WORD] * LOOP_ROUNDS]), Finish.LOOP
    if stub.length_longer_than_s and segment.audio_s > stub.length_longer_than_s:
        return text.rpartition(" ")[0], Finish.LENGTH
    return text, Finish.STOP


def _loops(stub: StubOptions, segment: Segment, options: Options) -> bool:
    """All conditions that were set must hold; where none is set, it never loops."""
    if not (stub.loop_every or stub.loop_longer_than_s or stub.loop_until_penalty):
        return False
    is_chosen = not stub.loop_every or _number(segment) % stub.loop_every == 0
    is_uncured = not stub.loop_until_penalty or options.repetition_penalty <= 1
    return is_chosen and is_uncured and segment.audio_s > stub.loop_longer_than_s


def _spoken(text: str, finish: Finish) -> StubAnswer:
    first, *others = text.split(" ")
    return StubAnswer(pieces=(first, *(" " + word for word in others)) if text else (), finish=finish)


def _number(segment: Segment) -> int:
    return zlib.crc32(segment.samples.tobytes())
