"""Names of requests."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from harken.transcribe.request_id import clients_request_id, new_request_id, request_id

MILLISECONDS = st.integers(0, (1 << 45) - 1)
BITS = st.integers(0, (1 << 40) - 1)


@given(MILLISECONDS, MILLISECONDS, BITS, BITS)
def test_names_sort_as_their_times_do(first: int, second: int, some: int, other: int) -> None:
    """Sorting a log by id sorts it by time, whatever the random part is."""
    if first != second:
        assert (request_id(first, some) < request_id(second, other)) == (first < second)


@given(MILLISECONDS, BITS)
def test_a_name_is_short_and_printable(time_ms: int, bits: int) -> None:
    """Our own names pass the rule that clients' names must pass."""
    name = request_id(time_ms, bits)
    assert re.fullmatch(r"req_[0-9a-z]{17}", name)
    assert clients_request_id(name) == name


def test_a_thousand_names_differ() -> None:
    """Within one millisecond chance tells requests apart."""
    assert len({new_request_id() for _ in range(1000)}) == 1000


def test_a_clients_name_is_kept_if_it_is_harmless() -> None:
    """Short and printable: kept as it is. Anything else: not used."""
    assert clients_request_id("order-17/b:2") == "order-17/b:2"
    for spelling in (None, "", "two words", "x" * 65, 'quote"', "line\nbreak", "日本", "<b>"):
        assert clients_request_id(spelling) is None
