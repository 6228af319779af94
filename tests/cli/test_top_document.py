"""Rules of harken.cli.top_document: what is drawn, and what is refused."""

from __future__ import annotations

import json
from typing import Any

import pytest

from harken.cli.client import NotHarken
from harken.cli.top_document import as_document, drawable
from tests.cli.cluster_documents import document
from tests.cli.test_top_picture import lines_of

SERVER = "http://somebody:secret@127.0.0.1:7860"


@pytest.mark.parametrize("told", [{}, [], None, "harken.cluster", {"object": "list"}])
def test_what_is_no_clusters_document_is_refused(told: object) -> None:
    """With a sentence that names the server, and no password."""
    with pytest.raises(NotHarken, match="does not answer as Harken does") as refused:
        as_document(told, SERVER)
    assert "secret" not in refused.value.message


def test_a_document_is_taken_as_it_is() -> None:
    """Also one with fields that came later."""
    told = document() | {"tomorrow": 1}
    assert drawable(as_document(told, SERVER), SERVER) is told


@pytest.mark.parametrize("live", [None, "absent"])
def test_a_server_without_live_transcription_has_no_line_of_it(live: str | None) -> None:
    """Nor one that does not know what that is."""
    told = document() | {"live": None}
    if live == "absent":
        del told["live"]
    assert not [line for line in lines_of(dict(drawable(told, SERVER))) if line.startswith("live ")]
    assert [line for line in lines_of(document()) if line.startswith("live ")]


def _places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    if isinstance(value, dict):
        return [path, *(place for key, one in value.items() for place in _places(one, (*path, key)))]
    if isinstance(value, list):
        return [path, *(place for index, one in enumerate(value[:1]) for place in _places(one, (*path, index)))]
    return [path]


@pytest.mark.parametrize("odd", [True, {"a": 1}, [[]], float("nan"), float("inf"), 10**400, "x", None, "\x1b[2J"])
def test_whatever_stands_in_a_field_is_drawn_or_refused(odd: object) -> None:
    """Each field in turn; nothing else ever comes of it."""
    base = document() | {"errors": [{"code": "timed_out", "count": 2, "last_at": 0.0}]}
    refused = []
    for place in _places(base)[1:]:
        told = json.loads(json.dumps(base))
        within = told
        for key in place[:-1]:
            within = within[key]
        within[place[-1]] = odd
        try:
            assert all("\x1b" not in line for line in lines_of(dict(drawable(told, SERVER))))
        except NotHarken as error:
            refused.append((str(place[0]), error.message))
    assert len(refused) > 10
    assert all(field in message for field, message in refused)
