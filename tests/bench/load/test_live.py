"""Live streams: a turn belongs to its recording, and delays count from when something was said."""

from __future__ import annotations

import numpy as np
import pytest

from harken.bench.load.live import NO_TEXT, UNFINISHED, Play, Stream


def _play(seconds: float = 3.0, begins_s: float = 0.5, ends_s: float = 2.5, language: str = "English") -> Play:
    return Play(
        samples=np.zeros(round(seconds * 16_000), np.int16), speech_from_s=begins_s, speech_to_s=ends_s, text="one",
        language=language,
    )  # fmt: skip


def test_delays_count_from_the_first_word_and_from_the_last() -> None:
    """Of a recording that lies ten seconds into its stream, as the server finds its one turn."""
    stream = Stream(finds_turns=True)
    stream.begin(_play(), 10.0)
    stream.speech_started(1, 10.2)
    stream.text(1, 11.0, is_empty=True)
    stream.text(1, 11.25, is_empty=False)
    stream.text(1, 12.0, is_empty=False)
    stream.committed(1, 10.2, 12.8, 13.0)
    stream.completed(1, "one two", 13.25)
    (result,) = stream.results()
    assert (result.code, result.text, result.updates, result.turns) == ("", "one two", 2, 1)
    assert (result.first_text_s, result.final_s, result.after_commit_s) == (0.75, 0.75, 0.25)


def test_a_recording_of_several_turns_is_final_with_its_last() -> None:
    """Their texts are joined as they are written; the next recording has its own."""
    for language, texts, whole in (("English", ["one", "", "two"], "one two"), ("Chinese", ["一", "", "二"], "一二")):
        stream = Stream(finds_turns=True)
        stream.begin(_play(language=language), 0.0)
        stream.begin(_play(), 5.0)
        for number, (start_s, text) in enumerate(zip((0.2, 1.2, 2.2), texts, strict=True), start=1):
            stream.speech_started(number, start_s)
            stream.committed(number, start_s, start_s + 0.6, start_s + 0.7)
            stream.completed(number, text, start_s + 1.0 / number, language=language if text else "")
        stream.speech_started(4, 5.2)
        stream.committed(4, 5.2, 8.0, 8.0)
        stream.completed(4, "x", 8.0)
        first, second = stream.results()
        assert (first.text, first.turns, first.code) == (whole, 3, "") and second.text == "x"
        assert first.language == language
        assert first.final_s == pytest.approx(2.2 + 1 / 3 - 2.5) and first.after_commit_s == pytest.approx(0.3)


def test_turns_of_several_languages_have_them_all() -> None:
    """So that one of another language than the recording's is seen."""
    stream = Stream(finds_turns=True)
    stream.begin(_play(), 0.0)
    for number, language in enumerate(("English", "Chinese", "English"), start=1):
        stream.speech_started(number, 0.5 * number)
        stream.completed(number, "one", 2.0 * number, language=language)
    (result,) = stream.results()
    assert result.language == "English,Chinese"


def test_turns_that_are_committed_are_the_recordings_in_their_order() -> None:
    """Nothing tells where they begin; the pause before a recording is in its turn, and the last pause is nobody's."""
    stream = Stream(finds_turns=False)
    stream.begin(_play(), 0.0)
    stream.begin(_play(), 4.0)
    stream.text(1, 1.0, is_empty=False)
    stream.committed(1, 0.0, 3.0, 3.1)
    stream.text(2, 5.0, is_empty=False)
    stream.completed(1, "one", 3.2)
    stream.committed(2, 3.0, 7.0, 7.1)
    stream.completed(2, "two", 7.5)
    stream.committed(3, 7.0, 8.0, 8.0)
    stream.completed(3, "", 8.0)
    assert [(one.text, one.first_text_s, one.turns) for one in stream.results()] == [("one", 0.5, 1), ("two", 0.5, 1)]


def test_what_has_no_text_has_a_code() -> None:
    """Speech without a turn, a turn without its end, one that failed; silence needs no text."""
    stream = Stream(finds_turns=True)
    stream.begin(_play(), 0.0)
    stream.begin(_play(begins_s=0.0, ends_s=0.0), 4.0)
    stream.begin(_play(), 8.0)
    stream.begin(_play(), 12.0)
    stream.speech_started(1, 8.2)
    stream.speech_started(2, 12.2)
    stream.completed(2, "", 15.0, code="engine_failed")
    results = stream.results()
    assert [one.code for one in results] == [NO_TEXT, "", UNFINISHED, "engine_failed"]
    assert [one.final_s for one in results] == [None] * 4
    assert [one.code for one in stream.results("session_idle")][:3] == ["session_idle", "", "session_idle"]


def test_a_session_that_was_lost_has_its_turn_once() -> None:
    """What it had told of a turn that goes on counts for nothing."""
    stream = Stream(finds_turns=True)
    stream.begin(_play(), 0.0)
    stream.speech_started(1, 0.2)
    stream.restart(0)
    stream.speech_started(1, 0.21)
    stream.committed(1, 0.21, 2.8, 3.5)
    stream.completed(1, "one", 4.0)
    (result,) = stream.results()
    assert (result.code, result.text, result.turns, result.final_s) == ("", "one", 1, 1.5)
