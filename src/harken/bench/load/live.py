"""Live streams: which recording lies where in a stream, and what came of each from what the server told. Pure.

A stream is paced: the sound of its second s goes out when s seconds have passed, so a time of the stream is a time of
the clock, and delays are counted from when something was said, however late the client or the server was with it. The
invariants: a turn belongs to one recording, the one in which it begins; and every recording that was played is in the
results once, with its text or with a code.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from harken.transcribe.stitch import needs_space
from harken.types import SAMPLE_RATE

NO_TEXT: Final = "no_text"
"""The code of a recording with speech in which no turn began."""

UNFINISHED: Final = "unfinished"
"""The code of a recording whose turns had not all their end when the stream ended."""

_PADDING_S: Final = 0.3
"""By how much a turn that the server finds begins before its speech."""

_COMMITTED_S: Final = 0.02
"""By how much the told beginning of a turn that was committed may be beside the truth."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Play:
    """A recording to be played.

    Attributes:
        samples: int16, 16 kHz, mono.
        speech_from_s: where its first word begins, in seconds.
        speech_to_s: where its last word ends; the same where nothing is said.
        text: what is said in it; None where nobody knows.
        language: in which language; "" where nobody knows.
    """

    samples: NDArray[np.int16]
    speech_from_s: float
    speech_to_s: float
    text: str | None = None
    language: str = ""

    @property
    def audio_s(self) -> float:
        """Its length in seconds."""
        return len(self.samples) / SAMPLE_RATE

    @property
    def has_speech(self) -> bool:
        """Something is said in it."""
        return self.speech_to_s > self.speech_from_s


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Result:
    """What came of a recording.

    Attributes:
        play: it.
        at_s: where it begins in its stream.
        code: why there is no text; "" for success.
        text: of all its turns.
        language: of the turns that have text; several with commas between.
        first_text_s: from the beginning of its speech to the first text, tentative or not; None where there was none.
        final_s: from the end of its speech to its last final text; None where it has not got all of them.
        after_commit_s: the longest time from a turn's commit to its final text; None likewise.
        updates: how often its text grew or changed.
        turns: how many it has.
    """

    play: Play
    at_s: float
    code: str = ""
    text: str = ""
    language: str = ""
    first_text_s: float | None = None
    final_s: float | None = None
    after_commit_s: float | None = None
    updates: int = 0
    turns: int = 0


@dataclass(kw_only=True, slots=True)
class _Turn:
    committed_at: float | None = None
    completed_at: float | None = None
    text: str = ""
    language: str = ""
    code: str = ""


@dataclass(kw_only=True, slots=True, eq=False)
class _Cue:
    play: Play
    at_s: float
    turns: dict[int, _Turn] = field(default_factory=dict)
    first_text_at: float | None = None
    updates: int = 0

    @property
    def end_s(self) -> float:
        return self.at_s + self.play.audio_s


class Stream:
    """One stream.

    Args:
        finds_turns: the server does; else each recording is committed at its end.
    """

    def __init__(self, *, finds_turns: bool) -> None:
        self._lead_s = _PADDING_S if finds_turns else _COMMITTED_S
        self._cues: list[_Cue] = []
        self._turns: dict[int, _Cue] = {}
        self._committed_to = 0.0

    def begin(self, play: Play, at_s: float) -> None:
        """A recording begins at this second of the stream."""
        self._cues.append(_Cue(play=play, at_s=at_s))

    def speech_started(self, turn: int, at_s: float) -> None:
        """The server found a turn's beginning."""
        self._cue_of(turn, at_s)

    def committed(self, turn: int, start_s: float, end_s: float, now_s: float) -> None:
        """A turn's sound is complete."""
        cue = self._cue_of(turn, start_s)
        self._committed_to = end_s
        if cue is not None:
            cue.turns[turn].committed_at = now_s

    def text(self, turn: int, now_s: float, *, is_empty: bool) -> None:
        """A turn's text has changed."""
        cue = self._cue_of(turn, self._committed_to)
        if cue is not None and not is_empty:
            cue.updates += 1
            cue.first_text_at = now_s if cue.first_text_at is None else cue.first_text_at

    def completed(self, turn: int, text: str, now_s: float, code: str = "", language: str = "") -> None:
        """A turn has its end: its text, or why it has none."""
        cue = self._cue_of(turn, self._committed_to)
        if cue is None:
            return
        known = cue.turns[turn]
        known.completed_at, known.text, known.code, known.language = now_s, text, code, language
        if text and cue.first_text_at is None:
            cue.first_text_at = now_s

    def restart(self, turn: int) -> None:
        """The session was lost: turns behind this one begin anew."""
        for number in [number for number in self._turns if number > turn]:
            self._turns.pop(number).turns.pop(number, None)

    def results(self, code: str = UNFINISHED) -> list[Result]:
        """Of all recordings so far.

        Args:
            code: of those that are not at their end.
        """
        return [_result(cue, code) for cue in self._cues]

    def _cue_of(self, turn: int, start_s: float) -> _Cue | None:
        """The recording of a turn; None for one behind all recordings, or of a session that begins with its end."""
        if turn not in self._turns:
            cue = next((cue for cue in self._cues if cue.end_s > start_s + self._lead_s), None)
            if cue is None:
                return None
            self._turns[turn] = cue
            cue.turns[turn] = _Turn()
        return self._turns[turn]


def _result(cue: _Cue, unfinished: str) -> Result:
    play, turns = cue.play, cue.turns.values()
    ends = [turn.completed_at for turn in turns if turn.completed_at is not None]
    waits = [turn.completed_at - turn.committed_at for turn in turns if turn.completed_at and turn.committed_at]
    code = next((turn.code for turn in turns if turn.code), "")
    if len(ends) < len(turns):
        code = code or unfinished
    elif not turns and play.has_speech:
        code = NO_TEXT if unfinished == UNFINISHED else unfinished
    text = ""
    for turn in turns:
        space = " " if text and turn.text and needs_space(text, turn.text, {play.language}) else ""
        text += space + turn.text
    is_good = not code and bool(ends)
    first_at = cue.first_text_at
    return Result(
        play=play,
        at_s=cue.at_s,
        code=code,
        text=text,
        language=",".join(dict.fromkeys(turn.language for turn in turns if turn.text)),
        first_text_s=None if first_at is None else first_at - cue.at_s - play.speech_from_s,
        final_s=max(ends) - cue.at_s - play.speech_to_s if is_good else None,
        after_commit_s=max(waits) if is_good and waits else None,
        updates=cue.updates,
        turns=len(turns),
    )
