"""Turns and their pieces are those of the same sound as a file, however it comes."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

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


class Deaf(Voices):
    """Takes nothing for speech."""

    def feed(self, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        """Nobody speaks."""
        return np.zeros(-(-len(samples) // 512), np.float32)


@pytest.mark.parametrize(("fed_s", "start_s"), [(3.0, 0.0), (30.0, 20.0)])
def test_a_commit_takes_what_nobody_took_for_speech(fed_s: float, start_s: float) -> None:
    """The last ten seconds of it, and says from where; also where turns are committed by hand from then on."""
    for is_changed in (False, True):
        hearing = Hearing(Deaf(), CutRule(), TurnRule(), turn_s=300.0)
        words = spell([WORDS[number % 13] for number in range(200)])[: round(fed_s * 16_000)]
        for at in range(0, len(words), 1600):
            assert hearing.feed(words[at : at + 1600]) == []
        happened = hearing.change(None) if is_changed else []
        happened += hearing.commit()
        began, over = happened[0], happened[-1]
        assert isinstance(began, TurnBegan) and isinstance(over, TurnOver)
        assert began.start / 16_000 == pytest.approx(start_s, abs=0.1)
        assert over.end == len(words)
        (piece,) = [piece for event in happened if isinstance(event, TurnGrew | TurnOver) for piece in event.pieces]
        assert (began.start + piece.start, began.start + piece.end) == (began.start, len(words))
