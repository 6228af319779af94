"""Rules of harken.engine.deltas: what is shown early, and that together it is the final text."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from harken.engine.deltas import Writer, without_half_character
from harken.testing import FakeModel
from harken.testing.model import encode
from harken.types import Finish, Options

_FORCED = Options(language="English")


def _pieces(raw: str, options: Options) -> tuple[list[str], str, bool]:
    """Write a raw answer token by token; return the pieces, the final text, and whether they fit."""
    model = FakeModel()
    pieces: list[str] = []
    writer = Writer(model, options, pieces.append)
    tokens = encode(raw)
    for token in tokens[:-1]:
        writer.write(token)  # the engine streams all but the last token, which comes with the end
    text, _ = model.parse(without_half_character(model.detokenize(tokens)), options)
    return pieces, text, writer.close(text)


@pytest.mark.parametrize(
    ("raw", "options", "expected"),
    [
        ("language English<asr_text>", Options(), []),
        ("language English<asr_text>ones", Options(), ["o", "n", "e", "s"]),
        ("one s", _FORCED, ["o", "n", "e", " s"]),
        ("languid", _FORCED, ["langui", "d"]),
        ("language English<asr_text>one", _FORCED, ["o", "n", "e"]),
        ("language English one", _FORCED, ["o", "n", "e"]),
        ("a land", _FORCED, ["a", " land"]),
        ("a <b", _FORCED, ["a", " <b"]),
    ],
)
def test_what_may_be_a_header_or_a_mark_waits(raw: str, options: Options, expected: list[str]) -> None:
    """Token by token, which are bytes here: only as long as it may."""
    pieces, text, fits = _pieces(raw, options)
    assert (pieces, "".join(pieces), fits) == (expected, text, True)


def test_a_tail_that_repeats_itself_is_held_back_until_it_stops() -> None:
    """The third round and all that follow wait; people do repeat themselves, and then everything comes."""
    pieces, text, fits = _pieces("na na na na na na so", _FORCED)
    assert (text, fits) == ("na na na na na na so", True)
    assert "".join(pieces[:6]) == "na na na"
    assert pieces[6:] == [" na na na s", "o"]


def test_a_loop_is_not_shown() -> None:
    """What came before it has been sent, the first two rounds included, and of the third all but its last token."""
    pieces: list[str] = []
    writer = Writer(FakeModel(), _FORCED, pieces.append)
    raw = "one " + "two " * 20
    for token in encode(raw):
        writer.write(token)
    assert writer.close(raw.strip(), Finish.LOOP)
    assert "".join(pieces) == "one two two tw"


def test_words_come_one_by_one_without_the_header() -> None:
    """White space waits for the word behind it."""
    pieces, text, fits = _pieces("language English<asr_text>a bc", Options())
    assert (pieces, text, fits) == (["a", " b", "c"], "a bc", True)


def test_chinese_characters_come_whole() -> None:
    """Each is three tokens of the fake; no piece holds a part of one."""
    pieces, text, fits = _pieces("language Chinese<asr_text>三一四", Options())
    assert (pieces, text, fits) == (["三", "一", "四"], "三一四", True)


def test_a_character_that_was_cut_off_at_the_cap_is_left_out() -> None:
    """Half a character is no text."""
    model = FakeModel()
    tokens = encode("language Chinese<asr_text>三一")[:-1]
    assert without_half_character(model.detokenize(tokens)) == "language Chinese<asr_text>三"


def test_silence_sends_nothing() -> None:
    """An empty text has no pieces."""
    assert _pieces("language None<asr_text>", Options()) == ([], "", True)


def test_an_answer_without_a_header_comes_at_the_end() -> None:
    """Nobody can know earlier that none will come."""
    pieces, text, fits = _pieces("just words", Options())
    assert (pieces, text, fits) == (["just words"], "just words", True)


def test_a_final_text_that_does_not_continue_the_pieces_is_reported() -> None:
    """What was sent cannot be taken back; nothing wrong is added to it."""
    pieces: list[str] = []
    writer = Writer(FakeModel(), _FORCED, pieces.append)
    for token in encode("one "):
        writer.write(token)
    assert not writer.close("two")
    assert "".join(pieces) == "one"


@given(
    text=st.text(alphabet=st.sampled_from("ab lnguae<>_ \n三一é☕\U0001f600�"), max_size=30),
    options=st.sampled_from([Options(), _FORCED]),
    has_header=st.booleans(),
)
@example(text="language three", options=_FORCED, has_header=False)
@example(text="�", options=_FORCED, has_header=True)
def test_all_pieces_together_are_exactly_the_final_text(text: str, options: Options, has_header: bool) -> None:
    """For any text, forced or detected language, header or none."""
    raw = ("language English<asr_text>" if has_header else "") + text
    pieces, final, fits = _pieces(raw, options) if raw else ([], "", True)
    assert fits
    assert "".join(pieces) == final
    assert all(pieces), "no empty pieces"
