"""Dataclasses survive the database."""

from __future__ import annotations

import pytest

from harken.audio import CutRule, SpeechRule
from harken.jobs.plain import from_json, to_json
from harken.transcribe.ask import Ask
from harken.transcribe.result import PlacedTranscript, RecordingTranscript, Repair, RepairKind
from harken.types import Finish, Options
from tests.jobs.house import PIECE, RESULT


def test_asks_pieces_and_results_come_back_equal() -> None:
    """Every kind of field: numbers, text, enums, tuples, None and nested ones."""
    ask = Ask(options=Options(context="\u0000\ud800", temperature=0.5), cut=CutRule(), speech=SpeechRule())
    repair = Repair(kind=RepairKind.LOOP, start_s=0.1, end_s=1 / 3, is_resolved=False)
    piece = PlacedTranscript(
        text="x", language="", start_s=1 / 3, end_s=2.0, finish=Finish.LOOP, repairs=(repair,), avg_logprob=-0.1
    )
    assert from_json(Ask, to_json(ask)) == ask
    for one in (PIECE, piece):
        assert from_json(PlacedTranscript, to_json(one)) == one
    assert from_json(RecordingTranscript, to_json(RESULT)) == RESULT
    assert to_json(ask).isascii()


def test_what_is_missing_gets_its_default_and_what_is_strange_is_an_error() -> None:
    """A field that is added later does not spoil what was kept before."""
    assert from_json(Options, '{"language":"English"}') == Options(language="English")
    for text in ('{"langauge":"English"}', "[1]", "no JSON"):
        with pytest.raises(ValueError, match=r"Options|JSON|Expecting"):
            from_json(Options, text)
