"""Parts of files, and HTTP's words for them."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harken.ops.pull.ranges import (
    ContentRange,
    content_length,
    parse_content_range,
    parts_of,
    retry_after_s,
    version_of,
)

NOW = datetime(2026, 1, 1, tzinfo=UTC)


@given(st.integers(0, 10_000), st.integers(1, 3_000))
def test_parts_follow_each_other_without_gap_or_overlap(size: int, part: int) -> None:
    """From the first byte to the last, none larger than allowed."""
    parts = parts_of(size, part)
    assert parts[0][0] == 0
    assert all(one[0] + one[1] == other[0] for one, other in pairwise(parts))
    assert parts[-1][0] + parts[-1][1] == size
    assert max(length for _, length in parts) <= part


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("bytes 0-9/100", ContentRange(first=0, last=9, total=100)),
        ("BYTES 5-5/*", ContentRange(first=5, last=5, total=None)),
        ("bytes */100", ContentRange(first=None, last=None, total=100)),
        ("bytes 9-0/100", None),
        ("bytes 0-100/100", None),
        ("bytes 0-9", None),
        ("items 0-9/10", None),
        ("bytes ٠-٩/10", None),
        ("bytes 0-" + "9" * 40 + "/10", None),
        ("", None),
        (None, None),
    ],
)
def test_a_content_range_is_read_or_is_none(text: str | None, expected: ContentRange | None) -> None:
    """Impossible ones are none."""
    assert parse_content_range(text) == expected


def test_only_a_strong_etag_or_a_date_tells_versions_apart() -> None:
    """A weak ETag may be of other bytes."""
    assert version_of({"ETag": '"x"', "Last-Modified": "d"}) == '"x"'
    assert version_of({"ETag": 'W/"x"', "Last-Modified": "d"}) == "d"
    assert version_of({"ETag": "x"}) == version_of({}) == ""


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("3", 3.0),
        ("0", 0.0),
        ("9" * 30, 86_400.0),
        ("Thu, 01 Jan 2026 00:00:10 GMT", 10.0),
        ("Wed, 31 Dec 2025 00:00:00 GMT", 0.0),
        ("-3", None),
        ("soon", None),
        ("", None),
        ("1.5", None),
    ],
)
def test_retry_after_is_seconds_or_a_date(text: str, seconds: float | None) -> None:
    """Bounded; nonsense says nothing."""
    assert retry_after_s({"Retry-After": text}, NOW) == seconds


@given(st.text(max_size=30))
def test_no_header_raises(text: str) -> None:
    """Whatever a server writes."""
    parse_content_range(text)
    retry_after_s({"Retry-After": text}, NOW)
    content_length({"Content-Length": text})
