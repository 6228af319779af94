"""Turns and their pieces are those of the same sound as a file, however it comes."""

from __future__ import annotations

import dataclasses

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from harken.audio import CutRule, server_vad_rules
from harken.audio.segmenting import Segmenter
from harken.live.hearing import Happened, Hearing, TurnBegan, TurnGrew, TurnOver
from harken.live.settings import TurnRule
from harken.testing.spelling import WORDS, spell
from tests.live.voices import Voices, pause

LONGEST_S = 5.0

SPOKEN = st.lists(st.tuples(st.integers(1, 30), st.sampled_from([0.2, 0.45, 0.6, 1.5])), max_size=6)


def placed(happened: list[Happened]) -> list[tuple[int, int]]:
    """Where the pieces lie in the session."""
    found, start = [], 0
    for event in happened:
        if isinstance(event, TurnBegan):
            start = event.start
        elif isinstance(event, TurnGrew | TurnOver):
            found += [(start + piece.start, start + piece.end) for piece in event.pieces]
    return found


@given(
    spoken=SPOKEN,
    packets=st.lists(st.integers(1, 8000), min_size=1, max_size=5),
    silence_s=st.sampled_from([0.2, 0.5]),
    first_s=st.floats(0.0, 1.0),
)
@settings(max_examples=60, deadline=None)
def test_the_pieces_of_turns_are_those_that_server_vad_cuts_a_file_into(
    spoken: list[tuple[int, float]], packets: list[int], silence_s: float, first_s: float
) -> None:
    """To the sample: also of a turn that is too long for one piece, and of one that the sound's end cuts off."""
    parts = [pause(first_s)]
    for count, pause_s in spoken:
        parts += [spell([WORDS[number % 13] for number in range(count)]), pause(pause_s)]
    sound = np.concatenate(parts)
    cut, speech = server_vad_rules(threshold=0.5, prefix_padding_s=0.3, silence_s=silence_s)
    file = Segmenter(Voices(), dataclasses.replace(cut, max_segment_s=LONGEST_S), speech)
    expected = [(piece.start, piece.end) for piece in file.feed(sound) + file.finish() if piece.has_speech]
    hearing = Hearing(Voices(), CutRule(max_segment_s=LONGEST_S), TurnRule(silence_s=silence_s), turn_s=300.0)
    happened: list[Happened] = []
    at = turn = 0
    while at < len(sound):
        size = packets[turn % len(packets)] + 200
        happened += hearing.feed(sound[at : at + size])
        at, turn = at + size, turn + 1
    happened += hearing.finish()
    assert placed(happened) == expected
    assert sum(isinstance(event, TurnBegan) for event in happened) == sum(
        isinstance(event, TurnOver) for event in happened
    )
    assert not hearing.is_open
