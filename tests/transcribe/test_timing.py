"""When atoms are spoken."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given

from harken.transcribe.result import RecordingTranscript
from harken.transcribe.timing import TimedAtom, timed_atoms
from harken.types import Word
from tests.transcribe.recordings import JAPANESE, piece, recording, recordings, timed_words


def by_text(result: RecordingTranscript) -> dict[str, TimedAtom]:
    """Atoms by their text."""
    return {result.text[atom.begin : atom.end]: atom for atom in timed_atoms(result)}


def test_an_aligners_words_find_their_punctuated_text() -> None:
    """Case, accents and marks do not matter; the atom begins and ends with the word."""
    words = timed_words("Hello Café its 3 14", 10.0, 0.4, 0.1)
    result = recording(piece("“Hello, CAFÉ!” It's… 3.14.", 9.0, 14.0, words=words))
    atoms = by_text(result)
    assert (atoms["“Hello,"].start_s, atoms["“Hello,"].end_s) == (10.0, 10.4)
    assert (atoms["CAFÉ!”"].start_s, atoms["CAFÉ!”"].end_s) == pytest.approx((10.5, 10.9))
    assert (atoms["3.14."].start_s, atoms["3.14."].end_s) == pytest.approx((11.5, 12.4))


def test_words_that_do_not_fit_cost_only_themselves() -> None:
    """A word that the text lacks, or a stretch that the aligner lacks, leaves the others at their times."""
    words = (
        Word(text="one", start_s=1.0, end_s=1.2),
        Word(text="nonsense", start_s=1.3, end_s=1.5),
        Word(text="four", start_s=4.0, end_s=4.5),
        Word(text="five", start_s=5.0, end_s=5.5),
    )
    atoms = by_text(recording(piece("one two three four five", 0.0, 6.0, words=words)))
    assert (atoms["one"].start_s, atoms["four"].start_s, atoms["five"].end_s) == (1.0, 4.0, 5.5)
    assert 1.2 <= atoms["two"].start_s < atoms["two"].end_s <= atoms["three"].start_s < atoms["three"].end_s <= 4.0


def test_an_aligned_word_of_a_script_without_spaces_is_one_atom() -> None:
    """The aligner knows the words of Japanese, so subtitles do not break inside them."""
    words = tuple(
        Word(text=text, start_s=place, end_s=place + 0.5)
        for place, text in enumerate(["昨日", "は", "コンピューター", "の", "展示会"])
    )
    assert set(by_text(recording(piece("昨日はコンピューターの展示会", 0.0, 5.0, words=words)))) == {
        "昨日", "は", "コンピューター", "の", "展示会",
    }  # fmt: skip


def test_without_words_time_is_shared_by_effort_and_marks_take_a_pause() -> None:
    """A sentence's end lasts; an ideograph takes longer than a letter."""
    result = recording(piece("aaaa. 好好 aaaa", 0.0, 10.0))
    atoms = by_text(result)
    assert atoms["aaaa."].end_s < atoms["好"].start_s - 1.0
    assert atoms["好"].end_s - atoms["好"].start_s > (atoms["aaaa"].end_s - atoms["aaaa"].start_s) / 4
    assert atoms["aaaa"].end_s == 10.0


@given(recordings())
def test_times_never_go_back(result: RecordingTranscript) -> None:
    """Whatever text and words there are, atoms follow each other in the text and in time."""
    atoms = timed_atoms(result)
    assert all(atom.start_s <= atom.end_s for atom in atoms)
    for left, right in pairwise(atoms):
        assert left.end_s <= right.start_s
        assert left.end <= right.begin
    shown = "".join(result.text[atom.begin : atom.end] for atom in atoms)
    assert "".join(shown.split()) == "".join(result.text.split())


def test_japanese_without_an_aligner_is_cut_by_script() -> None:
    """It has many atoms and none of them is a lone mark."""
    assert not {"。", "、", "っ", "ー"} & set(by_text(recording(piece(JAPANESE, 0, 9, "Japanese"))))


def test_nothing_is_said_where_nobody_speaks() -> None:
    """Without words, text begins and ends with the speech that was heard; an aligner may know more."""
    heard = replace(piece("one two", 0.0, 9.0), speech_start_s=3.0, speech_end_s=5.0)
    atoms = by_text(recording(heard))
    assert (atoms["one"].start_s, atoms["two"].end_s) == (3.0, 5.0)
    words = timed_words("one two", 2.0, 2.0)
    atoms = by_text(recording(replace(heard, words=words)))
    assert (atoms["one"].start_s, atoms["two"].end_s) == (2.0, 6.0)
