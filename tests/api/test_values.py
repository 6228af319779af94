"""The many spellings of lists and objects in a form, and names that do not exist."""

from __future__ import annotations

import pytest

from harken.api.values import Kind, Values, read_values, values_of_json
from harken.errors import ClientError, UnsupportedOption

KINDS = {"language": Kind.ONE, "keywords": Kind.LIST, "vad": Kind.OBJECT}


def read(**given: list[str]) -> Values:
    """What the route understands."""
    return read_values(given, KINDS, also=("file",))


@pytest.mark.parametrize(
    "given",
    [
        {"keywords[]": ["Ann", "Bob"]},
        {"keywords": ["Ann", "Bob"]},
        {"keywords": ["Ann, Bob"]},
        {"keywords": ["Ann\r\nBob\n"]},
        {"keywords": ['["Ann", "Bob"]']},
        {"keywords[0]": ["Ann"], "keywords[1]": ["Bob"]},
        {"keywords": ["", " ", "Ann,,Bob,"]},
    ],
)
def test_a_list_is_a_list_in_every_spelling(given: dict[str, list[str]]) -> None:
    """Clients and people write lists in many ways; all mean the same."""
    assert read(**given).several("keywords") == ("Ann", "Bob")


def test_an_item_of_an_sdk_keeps_its_commas() -> None:
    """`name[]` says that the list is split already."""
    assert read(**{"keywords[]": ["Smith, John", "a\nb"]}).several("keywords") == ("Smith, John", "a", "b")


def test_numbers_in_a_json_list_are_their_text_and_lists_in_it_are_refused() -> None:
    """A keyword may be a number; deeper structures mean nothing."""
    assert read(keywords=["[1, 2.5, true]"]).several("keywords") == ("1", "2.5", "true")
    with pytest.raises(ClientError):
        read(keywords=["[[1]]"]).several("keywords")
    with pytest.raises(UnsupportedOption, match="JSON list"):
        read(keywords=["[Ann, Bob"]).several("keywords")


def test_a_field_of_one_value_may_not_come_twice() -> None:
    """Which of the two would count?"""
    with pytest.raises(ClientError, match="'language' was given twice"):
        read(language=["en", "de"])
    with pytest.raises(ClientError, match="twice"):
        read(**{"vad[type]": ["a", "b"]})


def test_an_empty_value_counts_as_not_given() -> None:
    """Clients send their empty inputs along."""
    values = read(language=["", "en", " "], keywords=[""])
    assert (values.one("language"), values.has("keywords"), values.several("keywords")) == ("en", False, ())
    assert read().one("language") == ""


@pytest.mark.parametrize(
    "spelling", ["langauge", "language[]", "vad[]", "key words", "keywords[a]", "x[", "", "vad[a][b]"]
)
def test_an_unknown_name_is_refused_even_when_it_is_empty(spelling: str) -> None:
    """Nothing is ignored in silence; the message lists what there is."""
    for text in ("x", ""):
        with pytest.raises(UnsupportedOption) as caught:
            read(**{spelling: [text]})
        assert caught.value.field == spelling
        assert "file, language, keywords, vad" in caught.value.message


def test_the_nearest_known_name_is_suggested() -> None:
    """Most unknown names are misspelt."""
    with pytest.raises(UnsupportedOption, match=r"is not known; did you mean 'language'\? Known fields are "):
        read(langauge=["en"])


def test_members_of_an_object_come_in_brackets() -> None:
    """As OpenAI's SDKs flatten it."""
    values = read(**{"vad[type]": ["server_vad"], "vad[threshold]": ["0.5"]})
    assert values.nested("vad") == {"type": "server_vad", "threshold": "0.5"}
    assert read(vad=["auto"]).one("vad") == "auto"


def test_a_json_body_is_the_form_that_means_the_same() -> None:
    """Jobs may be written either way."""
    body = {
        "language": "en",
        "stream": False,
        "temperature": 0.5,
        "keywords": ["a", 1],
        "vad": {"type": "x"},
        "n": None,
    }
    assert values_of_json(body) == {
        "language": ["en"],
        "stream": ["false"],
        "temperature": ["0.5"],
        "keywords[]": ["a", "1"],
        "vad[type]": ["x"],
    }
    odd_bodies: list[dict[str, object]] = [{"keywords": [[1]]}, {"vad": {"a": {}}}, {"keywords": [None]}]
    for odd in odd_bodies:
        with pytest.raises(ClientError):
            values_of_json(odd)
