"""A recording's result → cues, the texts that a subtitle shows one after another. Pure.

Owns when cues begin and end; which text each holds and where its lines break is decided in `division` and `lines`.
The invariants: all cues together show the whole text in order; at most two lines of `atoms.LINE` each; no cue is
empty, none has zero length, none begins before the one before it ended. Where speech leaves time for it, a cue stays
at least one second and as long as reading takes, and at most seven seconds in any case.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from harken.transcribe.atoms import NARROW
from harken.transcribe.breaks import breaks_between
from harken.transcribe.division import LONGEST_S, SHORTEST_S, UNITS_PER_S, Division
from harken.transcribe.lines import lines_of
from harken.transcribe.result import RecordingTranscript
from harken.transcribe.timing import timed_atoms

_FLICKER_MS = 84
"""Two frames of 24 a second: a shorter gap looks like a fault, so the cue stays until the next one."""

_FRAME_MS = 40
"""The least that a cue is shown, even where the times of its words are all the same."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Cue:
    """A text and when it is shown.

    Attributes:
        start_ms: milliseconds from the start of the recording.
        end_ms: later than `start_ms`.
        lines: one or two; never empty, without line breaks of their own.
    """

    start_ms: int
    end_ms: int
    lines: tuple[str, ...]

    @property
    def text(self) -> str:
        """Its lines, one below the other."""
        return "\n".join(self.lines)


@dataclass(frozen=True, slots=True)
class _Spoken:
    """A cue before its times are settled."""

    start_s: float
    end_s: float
    width: int
    lines: tuple[str, ...]


def cues_of(result: RecordingTranscript) -> tuple[Cue, ...]:
    """Return the cues of a recording; none where nothing was spoken."""
    atoms = timed_atoms(result)
    breaks = breaks_between(result.text, atoms)
    division = Division(atoms, breaks)
    spoken = []
    for first, end in division.parts():
        lines = lines_of(result.text, atoms[first:end], breaks[first : end + 1])
        if lines:
            spoken.append(_Spoken(atoms[first].start_s, atoms[end - 1].end_s, division.width(first, end), lines))
    return _settle(spoken, result.audio_s)


def _settle(spoken: Sequence[_Spoken], audio_s: float) -> tuple[Cue, ...]:
    cues: list[Cue] = []
    now_ms = 0
    for number, one in enumerate(spoken):
        following_s = spoken[number + 1].start_s if number + 1 < len(spoken) else max(audio_s, one.end_s)
        start_ms = max(now_ms, round(one.start_s * 1000))
        now_ms = _end_ms(one, start_ms, round(following_s * 1000))
        cues.append(Cue(start_ms=start_ms, end_ms=now_ms, lines=one.lines))
    return tuple(cues)


def _end_ms(one: _Spoken, start_ms: int, latest_ms: int) -> int:
    reading_ms = round(max(SHORTEST_S, one.width / NARROW / UNITS_PER_S) * 1000)
    longest_ms = start_ms + round(LONGEST_S * 1000)
    end_ms = min(max(round(one.end_s * 1000), start_ms + reading_ms), longest_ms)
    if end_ms > latest_ms - _FLICKER_MS:
        # Up to the next cue; where that would be too long, as far before it as a gap must be.
        end_ms = latest_ms if latest_ms <= longest_ms else latest_ms - _FLICKER_MS
    return max(end_ms, start_ms + _FRAME_MS)
