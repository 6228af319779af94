"""Which part of a file a request gets."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harken.api.byte_range import Portion, portion_of

ETAG = '"abc"'
WHOLE = Portion(status=200, length=100)


def part(first: int, length: int) -> Portion:
    """A part of the file."""
    return Portion(status=206, first=first, length=length)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", WHOLE),
        ("bytes=0-0", part(0, 1)),
        ("bytes=10-19", part(10, 10)),
        ("bytes=90-", part(90, 10)),
        ("bytes=90-1000", part(90, 10)),
        ("bytes=-5", part(95, 5)),
        ("bytes=-500", part(0, 100)),
        ("Bytes = 1 - 2", part(1, 2)),
        ("bytes=100-", Portion(status=416)),
        ("bytes=100-200", Portion(status=416)),
        ("bytes=-0", Portion(status=416)),
        ("bytes=5-4", WHOLE),
        ("bytes=-", WHOLE),
        ("bytes=0-1,5-6", WHOLE),
        ("bytes=a-b", WHOLE),
        ("items=0-1", WHOLE),
        ("bytes=٠-١", WHOLE),
        ("bytes=" + "9" * 50 + "-", WHOLE),
    ],
)
def test_one_range_is_honoured_and_nonsense_is_ignored(text: str, expected: Portion) -> None:
    """As the standard says; several at once are the whole file."""
    assert portion_of(100, ETAG, {"range": text}) == expected


def test_the_head_knows_no_ranges() -> None:
    """RFC 9110: a Range is for GET."""
    assert portion_of(100, ETAG, {"range": "bytes=0-0"}, is_head=True) == WHOLE


@pytest.mark.parametrize(
    ("text", "status"), [(ETAG, 206), ('"old"', 200), (f"W/{ETAG}", 200), ("Thu, 01 Jan 2026", 200)]
)
def test_a_part_of_another_version_is_not_sent(text: str, status: int) -> None:
    """`If-Range` wants this very file."""
    assert portion_of(100, ETAG, {"range": "bytes=1-2", "if-range": text}).status == status


@pytest.mark.parametrize(
    ("text", "status"), [(ETAG, 304), ("*", 304), (f'"x", W/{ETAG}', 304), ('"x"', 200), ("", 200), ("abc", 200)]
)
def test_what_the_client_has_is_not_sent_again(text: str, status: int) -> None:
    """`If-None-Match` compares weakly."""
    assert portion_of(100, ETAG, {"if-none-match": text}).status == status


@given(st.integers(0, 200), st.text(max_size=30) | st.from_regex(r"bytes=[0-9]{0,4}-[0-9]{0,4}", fullmatch=True))
@pytest.mark.slow
def test_no_part_leaves_the_file(size: int, text: str) -> None:
    """Whatever is asked for."""
    found = portion_of(size, ETAG, {"range": text})
    assert 0 <= found.first <= found.first + found.length <= size
    assert found.status != 206 or found.length > 0
