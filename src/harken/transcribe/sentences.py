"""A recording's result → segments that a person can read: a sentence each. Pure.

Pieces are cut for the model, at pauses, and may hold several sentences or a part of one; a segment is a sentence, or
what of it lies in one piece, or what lies between two long pauses. The invariants: the segments' texts together are the
recording's text, each with the white space before it; their times never go back and never overlap.
"""

from __future__ import annotations

from dataclasses import dataclass

from harken.transcribe.breaks import Strength, breaks_between
from harken.transcribe.result import PlacedTranscript, RecordingTranscript
from harken.transcribe.timing import timed_atoms


@dataclass(frozen=True, kw_only=True, slots=True)
class Sentence:
    """A readable stretch of the text.

    Attributes:
        text: with the white space before it.
        start_s: when its first word begins, in seconds from the start of the recording.
        end_s: when its last word ends.
        piece: what it was recognised in.
    """

    text: str
    start_s: float
    end_s: float
    piece: PlacedTranscript


def sentences_of(result: RecordingTranscript) -> list[Sentence]:
    """Return the segments; none where nothing was spoken."""
    atoms = timed_atoms(result)
    breaks = breaks_between(result.text, atoms)
    found: list[Sentence] = []
    begin = first = 0
    for number, atom in enumerate(atoms):
        is_last = number == len(atoms) - 1
        is_end = is_last or atoms[number + 1].piece != atom.piece or breaks[number + 1].strength is Strength.SENTENCE
        if is_end:
            end = len(result.text) if is_last else atom.end
            found.append(
                Sentence(
                    text=result.text[begin:end],
                    start_s=atoms[first].start_s,
                    end_s=atom.end_s,
                    piece=result.segments[atom.piece],
                )
            )
            begin, first = end, number + 1
    return found
