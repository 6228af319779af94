"""OpenAI's `server_vad`: segments end at the pauses that the client names."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest

from harken.audio import CutRule, Piece, decode, load_detector, server_vad_rules
from harken.audio.segmenting import Segmenter
from harken.audio.spans import SpeechRule
from harken.testing import silence

SPEECH = decode(Path(str(files("harken.samples") / "english-01.wav"))).samples
PAUSED = np.concatenate([silence(1.0), SPEECH, silence(0.8), SPEECH, silence(1.0)])


def _pieces(rules: tuple[CutRule, SpeechRule]) -> list[Piece]:
    segmenter = Segmenter(load_detector(), *rules)
    return [*segmenter.feed(PAUSED), *segmenter.finish()]


def _spoken(rules: tuple[CutRule, SpeechRule]) -> list[Piece]:
    return [piece for piece in _pieces(rules) if piece.has_speech]


def test_each_pause_of_the_named_length_ends_a_segment() -> None:
    """In a recording that would fit into one; what is between them is a piece without speech."""
    rules = server_vad_rules(silence_s=0.5)
    assert len(_spoken(rules)) == 2
    pieces = _pieces(rules)
    assert [piece.start for piece in pieces] == [0, *(piece.end for piece in pieces[:-1])]
    assert pieces[-1].end == len(PAUSED)


def test_a_shorter_pause_ends_none() -> None:
    """Of a second and a half, where there are 0.8 s."""
    assert len(_spoken(server_vad_rules(silence_s=1.5))) == 1


@pytest.mark.parametrize("padding_s", [0.0, 0.3, 0.6])
def test_the_named_padding_stands_in_front_of_speech(padding_s: float) -> None:
    """To within two frames, of where the model hears it."""
    bare = _spoken(server_vad_rules(silence_s=0.5, prefix_padding_s=0.0))[0].start
    padded = _spoken(server_vad_rules(silence_s=0.5, prefix_padding_s=padding_s))[0].start
    assert (bare - padded) / 16_000 == pytest.approx(padding_s, abs=0.001)


def test_the_threshold_is_the_clients() -> None:
    """At 1 next to nothing is speech, and no second hearing overrules it; at 0 everything is."""
    assert _spoken(server_vad_rules(threshold=1.0)) == []
    assert [(piece.start, piece.end) for piece in _spoken(server_vad_rules(threshold=0.0))] == [(0, len(PAUSED))]
