"""Cues that people can read."""

from __future__ import annotations

import pytest
from hypothesis import given, settings

from harken.transcribe.atoms import LINE, NARROW, WIDE, atoms_of, is_wide, shown
from harken.transcribe.cues import Cue, cues_of
from harken.transcribe.result import RecordingTranscript
from tests.transcribe.recordings import (
    ARABIC,
    CHINESE,
    ENGLISH,
    JAPANESE,
    KOREAN,
    THAI,
    piece,
    recording,
    recordings,
    timed_words,
)


def width(line: str) -> int:
    """As wide as `harken.transcribe.atoms` counts it."""
    return sum(atom.width for atom in atoms_of(line)) + NARROW * line.count(" ")


def texts(cues: tuple[Cue, ...]) -> list[str]:
    """What they show, on one line each."""
    return [" ".join(cue.lines) for cue in cues]


@settings(max_examples=150)
@given(recordings())
@pytest.mark.slow
def test_cues_of_any_result_show_all_of_it_and_keep_the_rules(result: RecordingTranscript) -> None:
    """All the text, in order; at most two lines, not too wide; no overlap, no zero length, no flicker, at most 7 s."""
    cues = cues_of(result)
    together = "".join(cue.text for cue in cues)
    assert "".join(together.split()) == "".join(shown(result.text).split())
    now_ms = 0
    for number, cue in enumerate(cues):
        assert 1 <= len(cue.lines) <= 2
        assert all(line and line == line.strip() and width(line) <= LINE for line in cue.lines)
        assert now_ms <= cue.start_ms < cue.end_ms <= cue.start_ms + 7000
        assert number == 0 or cue.start_ms == now_ms or cue.start_ms >= now_ms + 84
        now_ms = cue.end_ms


@pytest.mark.parametrize(
    ("text", "seconds", "language"),
    [(ENGLISH, 14, "English"), (CHINESE, 13, "Chinese"), (JAPANESE, 14, "Japanese"), (KOREAN, 12, "Korean"),
     (ARABIC, 11, "Arabic"), (THAI, 9, "Thai")],
)  # fmt: skip
def test_speech_of_usual_speed_gives_readable_cues(text: str, seconds: float, language: str) -> None:
    """1 to 7 s each, at most 20 letters (8.6 ideographs) a second, no lone word on a line."""
    cues = cues_of(recording(piece(text, 0, seconds, language)))
    for cue in cues:
        shown_s = (cue.end_ms - cue.start_ms) / 1000
        assert 1.0 <= shown_s <= 7.0
        assert sum(width(line) for line in cue.lines) / NARROW / shown_s <= 20.0
        if len(cue.lines) == 2:
            assert min(width(line) for line in cue.lines) > LINE / 6, cue
        assert all(sum(map(is_wide, line)) <= LINE / WIDE for line in cue.lines)


def test_cues_end_where_sentences_and_clauses_end() -> None:
    """Where there is room for it; abbreviations end nothing."""
    shown_texts = texts(cues_of(recording(piece(ENGLISH, 0, 16))))
    assert shown_texts[0] == "When I was a young man, I lived in a small town near the sea."
    assert not any(text.endswith(("Dr.", "i.e.")) for text in shown_texts)
    assert all(
        text[-1] in ".!?,"
        for text in texts(cues_of(recording(piece(CHINESE.replace("，", ",").replace("。", "."), 0, 16, "Chinese"))))
    )


def test_a_long_pause_divides_whatever_the_marks_say() -> None:
    """Nothing is shown for the silence beyond what reading needs."""
    words = (*timed_words("one two three", 0.0, 0.4), *timed_words("four five six", 9.0, 0.4))
    cues = cues_of(recording(piece("one two three four five six", 0, 11, words=words)))
    assert texts(cues) == ["one two three", "four five six"]
    assert [(cue.start_ms, cue.end_ms) for cue in cues] == [(0, 1200), (9000, 10200)]


def test_short_sentences_that_follow_each_other_share_a_cue() -> None:
    """Two words for a quarter of a second each are nothing that one could read."""
    cues = cues_of(recording(piece("Yes. No. Maybe so.", 0, 1.5)))
    assert texts(cues) == ["Yes. No. Maybe so."]


def test_a_cue_stays_long_enough_to_be_read_when_nothing_follows() -> None:
    """A quick remark before silence is shown for a second, and never beyond the recording."""
    words = timed_words("Really", 1.0, 0.2)
    result = recording(piece("Really?", 0.5, 1.5, words=words), audio_s=60.0)
    assert [(cue.start_ms, cue.end_ms) for cue in cues_of(result)] == [(1000, 2000)]
    result = recording(piece("Really?", 0.5, 1.5, words=words))
    assert [(cue.start_ms, cue.end_ms) for cue in cues_of(result)] == [(1000, 1500)]


def test_words_that_all_have_the_same_time_still_give_cues_in_order() -> None:
    """A failed alignment makes ugly subtitles, not invalid ones."""
    cues = cues_of(recording(piece(ENGLISH, 5, 5, words=timed_words(ENGLISH, 5.0, 0.0))))
    assert len(cues) >= 3
    assert all(cue.end_ms > cue.start_ms for cue in cues)


def test_a_word_is_broken_only_when_it_is_longer_than_a_line() -> None:
    """Otherwise lines end between words."""
    long = "Donaudampfschifffahrtsgesellschaftskapitänsmütze" * 2
    lines = [line for cue in cues_of(recording(piece(f"{ENGLISH} {long}", 0, 30))) for line in cue.lines]
    words = set(ENGLISH.split())
    assert all(set(line.split()) <= words or any(part in long for part in line.split()) for line in lines)


def test_silence_has_no_cues() -> None:
    """Neither no pieces nor empty ones."""
    assert cues_of(recording(audio_s=5.0)) == ()
    assert cues_of(recording(piece("", 0, 5))) == ()


def test_a_cue_of_seven_seconds_does_not_end_a_frame_before_the_next() -> None:
    """It would flicker: the cue ends two frames before the next one begins."""
    first = piece("Ooooooooooh", 0, 7.024, words=timed_words("Ooooooooooh", 0.0, 6.96))
    one, two = cues_of(recording(first, piece("nine", 7.024, 9)))
    assert (one.start_ms, one.end_ms, two.start_ms) == (0, 6940, 7024)
