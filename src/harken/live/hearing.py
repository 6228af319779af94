"""What one session hears: where somebody speaks, and the pieces of the turn that goes on.

Owns the way from samples to turns and to the pieces of each turn. Blocking, in a thread, one call at a time; it knows
nothing of texts. A turn that is committed by hand is cut by the segmenter of files, from its own samples; turns that
are found are cut as `server_vad` cuts the whole session as a file. The invariants: turns are in order and do not
overlap; and how the sound is cut into packets changes neither turns nor pieces (but for the last bits of the
probabilities of speech).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from harken.audio import CutRule, Piece, SpeechDetector, SpeechRule, server_vad_rules
from harken.audio.levels import Levels, frame_levels, quietest_place
from harken.audio.mixing import peak_of, within_one
from harken.audio.segmenting import Segmenter, highest
from harken.audio.spans import FRAME
from harken.live.settings import TurnRule
from harken.live.sound import Sound
from harken.live.turn_spans import Told, TurnSpans
from harken.types import SAMPLE_RATE

_FRAMES_AT_ONCE: Final = 3
"""Frames that voice activity hears in one call: 96 ms, at a third of the cost of one at a time."""

_UNSPOKEN_S: Final = 10.0
"""Sound in which nobody seemed to speak and that can be committed all the same, up to so much."""

_PAUSING_S: Final = 0.3
"""Who has not spoken for so long is between two words."""

_CUT_S: Final = 3.0
"""How far back from its end a turn is cut that has to end while somebody speaks."""

_LAST_CHANCE_S: Final = 10.0
"""How long beyond its longest a turn may go on until somebody takes a breath."""


@dataclass(frozen=True, kw_only=True, slots=True)
class TurnBegan:
    """A turn begins.

    Attributes:
        start: its first sample's place in the session.
    """

    start: int


@dataclass(frozen=True, kw_only=True, slots=True)
class TurnGrew:
    """Some of its pieces are decided.

    Attributes:
        pieces: the next ones, placed in the turn.
    """

    pieces: tuple[Piece, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class TurnOver:
    """It is complete.

    Attributes:
        pieces: the last ones.
        end: the place behind its last sample in the session.
    """

    pieces: tuple[Piece, ...]
    end: int


@dataclass(frozen=True, kw_only=True, slots=True)
class TurnCleared:
    """The turn that went on is forgotten: it has no end."""


Happened = TurnBegan | TurnGrew | TurnOver | TurnCleared


class Hearing:
    """Hears one session.

    Args:
        detector: of voices.
        cut: how a turn that is too long for one piece is cut.
        turns: how turns are found; None where they are committed by hand.
        turn_s: the longest turn.
    """

    def __init__(self, detector: SpeechDetector, cut: CutRule, turns: TurnRule | None, turn_s: float) -> None:
        self.sound = Sound()
        self.spoken_to = 0
        """Where speech was last heard."""
        self.would_end: int | None = None
        """Where the turn that goes on ends if nobody speaks any more; None where that is not for the server to say."""
        self._detector = detector
        self._ear = detector.listen()
        self._cut = cut
        self._turn_max = round(turn_s * SAMPLE_RATE)
        self._is_open = False
        self._segmenter: Segmenter | None = None  # of turns that are committed by hand
        self._start = 0  # of the turn that goes on
        self._fed = 0  # up to here its pieces, or the segmenter, have it
        self._floor = 0  # no turn begins before
        self._heard = 0
        self._follow(turns)

    def _follow(self, turns: TurnRule | None) -> None:
        self._turns = turns
        rule = turns or TurnRule()
        _, self._speech = server_vad_rules(
            threshold=rule.threshold, prefix_padding_s=rule.prefix_padding_s, silence_s=rule.silence_s
        )
        self._listen_anew()

    def _listen_anew(self) -> None:
        self._spans = TurnSpans(self._speech, self._cut, self._heard)

    @property
    def is_open(self) -> bool:
        """A turn goes on."""
        return self._is_open

    @property
    def waiting_s(self) -> float:
        """Seconds of sound that a commit would make a turn of."""
        return (self.sound.end - (self._start if self.is_open else self._free_from)) / SAMPLE_RATE

    @property
    def _free_from(self) -> int:
        """From here on there is sound that is in no turn."""
        return max(self._floor, self.sound.start)

    def change(self, turns: TurnRule | None) -> list[Happened]:
        """Find turns by another rule from now on; one that goes on ends here."""
        if turns == self._turns:
            return []
        happened = self._hear(is_all=True)
        if self.is_open:
            happened += self._end_turn(self.sound.end)
        self._follow(turns)
        return happened

    def feed(self, samples: NDArray[np.float32]) -> list[Happened]:
        """Take float32 [n ≥ 0], mono, 16 kHz, finite."""
        self.sound.put(samples)
        return self._hear()

    def commit(self) -> list[Happened]:
        """Make a turn of what there is; nothing where there is nothing."""
        happened = self._hear(is_all=True)
        if not self.is_open and self.sound.end > self._floor:
            happened += self._begin(self._free_from)
        if self.is_open:
            happened += self._end_turn(self.sound.end)
        return happened

    def finish(self, *, is_cut: bool = False) -> list[Happened]:
        """The sound ends here: the turn that goes on ends, where somebody spoke or turns are committed by hand.

        Args:
            is_cut: he would have spoken on; a turn that the server found ends at the last quiet place then.
        """
        happened = self._hear(is_all=True, is_last=True)
        is_speaking = self.sound.end - self.spoken_to < _PAUSING_S * SAMPLE_RATE
        if is_cut and self.is_open and self._turns is not None and is_speaking:
            return happened + self._end_turn(self._quiet_place())
        if self._turns is not None:
            happened += self._heard_turns(self._spans.finish())
        return happened + (self._end_turn(self.sound.end) if self.is_open else [])

    def clear(self) -> list[Happened]:
        """Forget the sound since the last turn."""
        happened = self._hear(is_all=True)
        if self.is_open:
            happened.append(TurnCleared())
        self._is_open, self._segmenter = False, None
        self._floor = self._fed = self.sound.end
        self._listen_anew()
        self._let_go()
        return happened

    def _hear(self, *, is_all: bool = False, is_last: bool = False) -> list[Happened]:
        """Hear what came; the last frame waits for its end, unless nothing follows."""
        samples = self.sound.read(self._heard, self.sound.end)
        count = -(-len(samples) // FRAME) if is_last else len(samples) // FRAME
        if not count or (count < _FRAMES_AT_ONCE and not is_all):
            return []
        samples = samples[: count * FRAME]
        found = self._ear.feed(samples)
        self._heard += len(samples)
        self.sound.hear(found, self._heard)
        loud = np.flatnonzero(found >= self._speech.threshold)
        if len(loud):
            self.spoken_to = min(self._heard, self._heard - len(samples) + (int(loud[-1]) + 1) * FRAME)
        if self._turns is not None:
            happened = self._heard_turns(self._spans.feed(found, samples, self._heard))
        else:
            # The frame in which the last turn ended may be all there is.
            happened = [] if self.is_open or self._heard <= self._floor else self._begin(self._free_from)
            happened += self._grow(self._heard) if self.is_open else []
        if self.is_open and self._is_too_long():
            happened += self._end_turn(self._heard)
        self._let_go()
        return happened

    def _heard_turns(self, told: Told) -> list[Happened]:
        happened: list[Happened] = []
        for cut in told.cuts:
            start = max(cut.start, self._floor)
            if start >= cut.end:
                continue
            if not self.is_open:
                happened += self._begin(start)
            happened.append(TurnGrew(pieces=(self._piece(start, cut.end),)))
            self._fed = cut.end
            if cut.is_end:
                happened += self._over([])
        if told.growing_from is not None and not self.is_open:
            happened += self._begin(told.growing_from)
        self.would_end = told.settled + round(self._speech.padding_after_s * SAMPLE_RATE) if self.is_open else None
        return happened

    def _piece(self, start: int, end: int) -> Piece:
        samples = self.sound.read(start, end)
        return Piece(
            start=start - self._start,
            end=end - self._start,
            samples=within_one(samples, peak_of(samples)),
            has_speech=True,
            speech_prob=highest(self.sound.probabilities(start, end)),
        )

    def _begin(self, start: int) -> list[Happened]:
        self._is_open = True
        self._start = self._fed = max(start, self._floor)
        if self._turns is None:
            # As files are read: the whole is heard again where it has several pieces, else a glance is enough.
            self._segmenter = Segmenter(self._detector, self._cut, SpeechRule(wants_times=False))
        return [TurnBegan(start=self._start)]

    def _grow(self, end: int) -> list[Happened]:
        assert self._segmenter is not None, "only turns that are committed by hand grow so"
        if end <= self._fed:
            return []
        pieces = self._segmenter.feed(self.sound.read(self._fed, end))
        self._fed = end
        return [TurnGrew(pieces=tuple(pieces))] if pieces else []

    def _end_turn(self, end: int) -> list[Happened]:
        """The turn ends here, whether anybody pauses or not."""
        if self._segmenter is not None:
            grown = self._grow(end)
            return [*grown, *self._over(self._segmenter.finish() if self._fed > self._start else [])]
        rest = Segmenter(self._detector, self._cut, SpeechRule(wants_times=False))
        offset = self._fed - self._start
        pieces = [*rest.feed(self.sound.read(self._fed, end)), *(rest.finish() if end > self._fed else [])]
        self._fed = max(end, self._fed)
        self._listen_anew()
        placed = (replace(piece, start=piece.start + offset, end=piece.end + offset) for piece in pieces)
        return self._over(placed)

    def _quiet_place(self) -> int:
        """Where a turn that goes on is best cut, near its end."""
        end = self.sound.end
        earliest = max(self._fed, self._start + SAMPLE_RATE // 2, end - round(_CUT_S * SAMPLE_RATE))
        if earliest >= end:
            return end
        samples = self.sound.read(earliest, end)
        return min(end, earliest + quietest_place(Levels(frame_levels(samples).tolist()), 0, len(samples)))

    def _over(self, pieces: Iterable[Piece]) -> list[Happened]:
        self._is_open, self._segmenter = False, None
        self._floor = self._fed
        return [TurnOver(pieces=tuple(pieces), end=self._fed)]

    def _is_too_long(self) -> bool:
        over = self._heard - self._start - self._turn_max
        return over >= _LAST_CHANCE_S * SAMPLE_RATE or (over >= 0 and self.sound.is_quiet)

    def let_go(self, before: int) -> None:
        """Let go of the sound before a place, as far as nobody here needs it."""
        self.sound.forget(min(before, self._heard, self._fed if self.is_open else before))

    def _let_go(self) -> None:
        """Keep what a turn may begin with, or be committed; of one that goes on, its drafts say what they need."""
        if not self.is_open:
            free_from = max(self._floor, self.sound.end - round(_UNSPOKEN_S * SAMPLE_RATE))
            self.sound.forget(min(self._heard, self._spans.earliest(self._heard), free_from))
