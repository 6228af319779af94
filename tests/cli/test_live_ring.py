"""Sound on its way: taken in order, and again from a place."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from harken.cli.live_ring import Ring


@given(st.lists(st.tuples(st.sampled_from(["put", "take", "rewind"]), st.integers(0, 40)), max_size=60))
def test_what_is_taken_is_what_was_put_there(steps: list[tuple[str, int]]) -> None:
    """Whatever is put, taken and rewound: bytes keep their places, and what is lost is exactly what was let go."""
    ring, whole, keeps = Ring(16), bytearray(), 16
    furthest = 0
    for kind, size in steps:
        if kind == "put":
            data = bytes((len(whole) + place) % 251 for place in range(size))
            whole += data
            ring.put(data)
        elif kind == "take":
            at = ring.at
            assert ring.take(size) == whole[at : at + size]
            furthest = max(furthest, ring.at)
        else:
            place = max(0, ring.at - size)
            lost = ring.rewind(place)
            assert ring.at == place + lost
            assert lost == 0 or place < furthest - keeps
        assert ring.end == len(whole) and ring.waiting == len(whole) - ring.at


def test_a_rewind_within_what_is_kept_loses_nothing_and_one_beyond_says_how_much() -> None:
    """So many bytes behind the place up to which sound was taken."""
    ring = Ring(10)
    ring.put(bytes(range(100)))
    for _ in range(10):
        ring.take(10)
    assert ring.rewind(92) == 0 and ring.take(1) == bytes([92])
    ring.rewind(100)
    lost = ring.rewind(0)
    assert 80 <= lost <= 90 and ring.take(1) == bytes([lost])


def test_a_ring_that_keeps_all_goes_back_to_the_beginning() -> None:
    """A recording is never lost."""
    ring = Ring(None)
    ring.put(b"ab" * 1000)
    assert len(ring.take(5000)) == 2000 and ring.take(1) == b""
    assert ring.rewind(0) == 0 and ring.take(2) == b"ab"


def test_nobody_goes_ahead_of_what_was_put() -> None:
    """A server that says that it has more than was ever sent gets what comes next."""
    ring = Ring(None)
    ring.put(b"abcd")
    assert ring.rewind(1000) == 0 and ring.at == 4
