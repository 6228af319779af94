"""The recordings of this package, decoded."""

from __future__ import annotations

import json
from importlib.resources import files

import numpy as np
import pytest

from harken.fleet.packaged import read_packaged


@pytest.mark.slow
def test_all_recordings_are_read_and_the_languages_take_turns() -> None:
    """Whatever their format; more than there are is no error."""
    rows = json.loads((files("harken") / "samples" / "manifest.json").read_text(encoding="utf-8"))
    found = read_packaged(1000)
    assert sorted(one.text for one in found) == sorted(row["text"] for row in rows)
    assert [one.language for one in found[:4]] == ["English", "Chinese"] * 2
    assert all(one.samples.dtype == np.float32 and len(one.samples) > 8000 for one in found)


@pytest.mark.parametrize(("count", "most"), [(3, 3), (0, 0), (-1, 0)])
def test_no_more_are_read_than_are_wanted(count: int, most: int) -> None:
    """Decoding takes a moment."""
    assert len(read_packaged(count)) == most
