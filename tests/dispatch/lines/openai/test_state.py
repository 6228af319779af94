"""What servers say of themselves."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harken.dispatch.lines.openai.answer import read_json
from harken.dispatch.lines.openai.state import Listing, harken_health, listing_of, model_info
from harken.dispatch.lines.upstream import Upstream
from harken.languages import NAMES
from harken.types import AlignerInfo, Wish
from tests.dispatch.lines.openai.anything import OBJECTS, entries

UPSTREAM = Upstream(name="up", url="http://gpu-2:8000")


def health(status: str, *slots: int) -> dict[str, Any]:
    """A Harken's health."""
    instances = [{"state": "ready", "slots": count} for count in slots] + [{"state": "starting", "slots": 8}, "x"]
    return {"status": status, "model": "m", "queued_audio_s": 0.0, "instances": instances}


@pytest.mark.parametrize(
    ("status", "state"),
    [
        ("healthy", "ready"),
        ("degraded", "ready"),
        ("draining", "draining"),
        ("starting", "starting"),
        ("?", "starting"),
    ],
)
def test_another_harken_is_known_by_its_health(status: str, state: str) -> None:
    """Its word is translated, and its working instances' slots are counted."""
    found = harken_health(health(status, 3, 4))
    assert found is not None
    assert (found.state, found.slots, found.model) == (state, 7, "m")
    assert bool(found.detail) == (state != "ready")


@pytest.mark.parametrize("body", [{}, {"status": "ok"}, {"status": 1, "instances": [], "queued_audio_s": 0}])
def test_everything_else_is_no_harken(body: dict[str, Any]) -> None:
    """Whatever it calls healthy."""
    assert harken_health(body) is None


def test_a_model_is_the_wanted_one_or_the_first() -> None:
    """And nothing where the wanted one is missing."""
    body = {"data": [3, {"id": ""}, {"id": "a", "owned_by": "vllm"}, {"id": "b"}]}
    assert listing_of(body, "") == Listing(name="a", owner="vllm")
    assert listing_of(body, "b").name == "b"
    assert listing_of(body, "c") == Listing()
    assert listing_of({"data": "x"}, "") == Listing()


def test_a_harken_tells_all_about_its_model() -> None:
    """Languages that we do not know are left out, and wishes."""
    entry = {
        "id": "m",
        "owned_by": "harken",
        "revision": "7",
        "max_segment_s": 20,
        "languages": ["English", "Klingon"],
        "aligner": {"id": "a", "revision": "2", "languages": ["English"]},
        "lacks": ["logprobs", "manners", 7],
    }
    info = model_info(UPSTREAM, listing_of({"data": [entry]}, ""), slots=7)
    assert (info.name, info.revision, info.max_segment_s, info.languages, info.slots) == ("m", "7", 20, ("English",), 7)
    assert info.aligner == AlignerInfo(name="a", revision="2", languages=("English",))
    assert info.lacks == (Wish.LOGPROBS, Wish.PREFIX)


def test_of_any_other_server_only_the_name_is_believed() -> None:
    """Its revision differs by address and model, so that cached texts of different servers never mix."""
    info = model_info(UPSTREAM, Listing(name="m", owner="vllm"), slots=0)
    assert (info.slots, info.max_segment_s, info.languages, info.aligner) == (16, 30.0, NAMES, None)
    elsewhere = model_info(Upstream(name="up", url="http://gpu-3:8000"), Listing(name="m"), slots=0)
    assert len({info.revision, elsewhere.revision, UPSTREAM.revision_of("n")}) == 3
    assert "gpu-2" not in info.revision


def test_what_was_configured_wins() -> None:
    """Slots, name, revision, words, serial."""
    upstream = Upstream(name="up", url="http://x", slots=4, model="m", revision="r", batches=False, has_words=True)
    info = model_info(upstream, Listing(name="other"), slots=7)
    assert (info.name, info.revision, info.slots, info.batches) == ("m", "r", 4, False)
    assert info.aligner is not None
    assert info.aligner.languages == NAMES


def test_true_is_no_count_and_no_length() -> None:
    """To Python it is 1."""
    found = harken_health({**health("healthy", 3), "instances": [{"state": "ready", "slots": True}]})
    assert found is not None
    assert found.slots == 0
    entry = {"id": "m", "owned_by": "harken", "max_segment_s": True}
    assert listing_of({"data": [entry]}, "").max_segment_s == 30.0


@given(OBJECTS, st.lists(OBJECTS, max_size=2) | entries("state", "slots"))
@pytest.mark.slow
def test_any_json_is_a_health_and_a_list_of_models_or_none(body: dict[str, Any], inner: Any) -> None:
    """Nothing is raised, and what is found can be shown to everybody."""
    base = {"status": "healthy", "queued_audio_s": 0, "instances": inner}
    for shown in (body, {**base, **body}, {**body, **base}):
        found = harken_health(read_json(json.dumps(shown).encode()))
        assert found is None or (found.model + found.detail).encode() is not None
    for entry in (body, {**body, "owned_by": "harken", "id": "m"}):
        listed = read_json(json.dumps({"data": [inner, entry]}).encode())
        info = model_info(UPSTREAM, listing_of(listed, ""), slots=0)
        assert 1.0 <= info.max_segment_s <= 3600.0
        repr(info).encode()
