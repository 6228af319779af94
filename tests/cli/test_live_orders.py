"""Orders go out behind their sound, and again where nobody knows whether they had arrived."""

from __future__ import annotations

import pytest

from harken.cli.live_orders import Orders


def _sent(*places: int) -> Orders:
    orders = Orders()
    for place in places:
        orders.add(place, "commit")
    orders.add(places[-1] + 10, "finish")
    while orders.next_at is not None:
        orders.take()
    return orders


@pytest.mark.parametrize(
    ("at", "heard_to", "next_at"),
    [
        (450, -1, 500),  # sound behind a commit had arrived, so it had too
        (400, 400, 500),  # exactly behind one that was told to have arrived
        (400, 200, 400),  # behind one of which nobody knows
        (0, -1, 200),
        (510, 500, 510),  # the end is said again: it may be said twice
    ],
)
def test_what_may_not_have_arrived_goes_out_again(at: int, heard_to: int, next_at: int) -> None:
    """Commits behind 200, 400 and 500, and the end behind 510; sound goes out again from a place."""
    orders = _sent(200, 400, 500)
    orders.rewind(at, heard_to=heard_to)
    assert orders.next_at == next_at and orders.may_repeat


def test_the_end_is_sent_once_it_was_taken() -> None:
    """And not any more when it goes out again."""
    orders = _sent(200)
    assert orders.is_finished
    orders.rewind(100, heard_to=-1)
    assert not orders.is_finished and orders.take() == "commit" and orders.take() == "finish" and orders.is_finished


def test_a_first_connection_repeats_nothing() -> None:
    """Orders that were given before it are sent once."""
    orders = Orders()
    orders.add(0, "commit")
    orders.rewind(0, heard_to=-1)
    assert orders.next_at == 0 and not orders.may_repeat
