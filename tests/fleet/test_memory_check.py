"""One more instance is let in where it fits; where it does not, what would help is named, and does help."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harken.fleet.memory_check import Need, Place, in_words, room_for_one, with_spare

GIB = 1024**3
NEED = Need(estimated_bytes=4 * GIB)


def place(free: float, *, instances: int = 2, each: float = 4.0) -> Place:
    """A GPU with so many GiB free, and instances of so many GiB each."""
    return Place(device="cuda:0", free_bytes=int(free * GIB), instances=instances, each_bytes=int(each * GIB))


def test_what_fits_with_something_to_spare_is_let_in() -> None:
    """To the byte."""
    wanted = with_spare(NEED.bytes)
    assert wanted == int(4.4 * GIB) + 1
    exact = room_for_one(NEED, Place(device="cpu", free_bytes=wanted))
    assert (exact.fits, exact.reason, exact.remedies) == (True, "", ())
    assert not room_for_one(NEED, Place(device="cpu", free_bytes=wanted - 1)).fits


def test_a_small_model_leaves_some_memory_too() -> None:
    """A tenth of 200 MB would be nothing."""
    assert with_spare(200 * 1024**2) == 456 * 1024**2


def test_what_runs_tells_more_than_an_estimate() -> None:
    """In both directions."""
    assert room_for_one(replace(NEED, measured_bytes=2 * GIB), place(2.5)).fits
    assert not room_for_one(replace(NEED, measured_bytes=8 * GIB), place(5.0)).fits


def test_where_the_system_does_not_say_nothing_is_refused() -> None:
    """Only its own start can tell then."""
    room = room_for_one(NEED, Place(device="cpu", free_bytes=None))
    assert (room.fits, room.free_bytes) == (True, None)


def test_a_refusal_says_what_is_missing_and_what_would_help() -> None:
    """The least painful first."""
    need = replace(NEED, slots=16, slot_bytes=GIB // 8, quantized_bytes={"int4": GIB, "int8": 2 * GIB})
    room = room_for_one(need, place(3.0))
    assert room.reason == "One more instance needs 4.4 GiB of memory on cuda:0, and 3.0 GiB are free."
    assert room.remedies == (
        "--replace: each instance is taken down before its successor comes up, so one fewer serves meanwhile.",
        "One instance fewer on cuda:0 first (1 of 2): that frees 4.0 GiB.",
        "--slots 5 instead of 16 for the new instances.",
        "--quantize int8: an instance then takes 2.0 GiB.",
    )


def test_a_remedy_that_does_not_help_is_not_named() -> None:
    """A machine that is much too small has none."""
    need = replace(NEED, slots=4, slot_bytes=GIB // 8, quantized_bytes={"int8": 2 * GIB})
    assert room_for_one(need, place(0.5, each=0.5)).remedies == ()


def test_the_last_instance_is_not_taken_down_to_make_room() -> None:
    """Then nobody serves; that is what --replace says openly."""
    (only,) = room_for_one(NEED, place(1.0, instances=1)).remedies
    assert only.startswith("--replace")
    assert room_for_one(NEED, place(1.0, instances=1), may_replace=False).remedies == ()


def test_several_small_ones_make_room_for_a_large_one() -> None:
    """As many as it takes."""
    assert room_for_one(NEED, place(1.0, instances=8, each=1.0)).remedies == (
        "4 instances fewer on cuda:0 first (4 of 8): that frees 4.0 GiB.",
    )


@given(
    estimated=st.integers(0, 64 * GIB),
    free=st.integers(-GIB, 64 * GIB),
    instances=st.integers(0, 64),
    each=st.integers(0, 64 * GIB),
    slots=st.integers(0, 128),
    slot=st.integers(0, GIB),
)
def test_whoever_follows_a_remedy_is_not_refused_again(
    estimated: int, free: int, instances: int, each: int, slots: int, slot: int
) -> None:
    """Fewer instances and fewer slots are enough by the same arithmetic, and one less of either is not."""
    need = Need(estimated_bytes=estimated, slots=slots, slot_bytes=min(slot, estimated // max(slots, 1)))
    here = Place(device="cpu", free_bytes=free, instances=instances, each_bytes=each)
    for remedy in room_for_one(need, here).remedies:
        if remedy.startswith("--slots"):
            kept = int(remedy.split()[1])
            left = replace(need, estimated_bytes=estimated - (slots - kept) * need.slot_bytes)
            assert room_for_one(left, here).fits
        elif remedy.startswith("--replace"):
            assert room_for_one(need, replace(here, free_bytes=free + each)).fits
        else:
            fewer = 1 if remedy.startswith("One") else int(remedy.split()[0])
            assert 0 < fewer < instances
            assert room_for_one(need, replace(here, free_bytes=free + fewer * each)).fits
            assert not room_for_one(need, replace(here, free_bytes=free + (fewer - 1) * each)).fits


@pytest.mark.parametrize(
    ("count", "said"),
    [(0, "0 MiB"), (350 * 1024**2, "350 MiB"), (GIB, "1.0 GiB"), (int(24.5 * GIB), "24.5 GiB")],
)
def test_bytes_are_said_in_words(count: int, said: str) -> None:
    """As people know them from nvidia-smi and free."""
    assert in_words(count) == said
