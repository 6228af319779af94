"""Rules of harken.cli.top_wish: the sentences of a change."""

from __future__ import annotations

import pytest

from harken.cli.top_wish import Wish
from tests.cli.dashboard_words import dashboard_words


@pytest.mark.parametrize("count", [1, 5])
@pytest.mark.parametrize("kind", ["scale", "drain", "restart"])
@pytest.mark.parametrize("part", ["title", "why", "running", "done", "failed"])
def test_they_are_the_dashboards(kind: str, part: str, count: int) -> None:
    """Word for word; why one scales is said by the picture, which asks for the number."""
    if (kind, part) == ("scale", "why"):
        return
    forms = dashboard_words()[f"change.{kind}.{part}"].split("|")
    sentence = forms[0 if count == 1 or len(forms) == 1 else 1].format(name="asr-2", n=count)
    assert getattr(Wish(kind=kind, name="asr-2", count=count), part) == sentence
