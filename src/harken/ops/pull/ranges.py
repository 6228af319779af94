"""Parts of a file, and what HTTP says about them. Pure.

The invariant: the parts of a file follow each other without gap or overlap from its first byte to its last.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

_CONTENT_RANGE = re.compile(r"bytes\s+(?:(\d{1,18})-(\d{1,18})|\*)/(\d{1,18}|\*)", re.IGNORECASE | re.ASCII)

_RETRY_AFTER_MAX_S = 86_400.0


@dataclass(frozen=True, kw_only=True, slots=True)
class ContentRange:
    """`Content-Range: bytes 0-99/1000`; first and last are None in the answer to an impossible range."""

    first: int | None
    last: int | None
    total: int | None


def parts_of(size: int, part_bytes: int) -> list[tuple[int, int]]:
    """Cut a file into parts (first byte, number of bytes); an empty file has one empty part."""
    return [(first, min(part_bytes, size - first)) for first in range(0, max(size, 1), part_bytes)]


def parse_content_range(text: str | None) -> ContentRange | None:
    """Read the header; None where it is absent or makes no sense."""
    found = _CONTENT_RANGE.fullmatch((text or "").strip())
    if found is None:
        return None
    first, last, total = (None if part in (None, "*") else int(part) for part in found.groups())
    if first is not None and last is not None and (last < first or (total is not None and last >= total)):
        return None
    return ContentRange(first=first, last=last, total=total)


def content_length(headers: Mapping[str, str]) -> int | None:
    """How many bytes an answer promises."""
    text = headers.get("Content-Length", "")
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= 18 else None


def version_of(headers: Mapping[str, str]) -> str:
    """What may be said in `If-Range`: a strong ETag, else the date of the last change, else nothing."""
    etag = headers.get("ETag", "").strip()
    if etag.startswith('"') and etag.endswith('"') and len(etag) > 2:
        return etag
    return headers.get("Last-Modified", "").strip()


def retry_after_s(headers: Mapping[str, str], now: datetime) -> float | None:
    """Seconds that `Retry-After` asks for, as a number or as a date; None where it does not say."""
    text = headers.get("Retry-After", "").strip()
    if text.isascii() and text.isdecimal():
        return min(float(text[:10]), _RETRY_AFTER_MAX_S)
    try:
        date = parsedate_to_datetime(text)
        seconds = (date if date.tzinfo else date.replace(tzinfo=UTC)) - now
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return min(max(0.0, seconds.total_seconds()), _RETRY_AFTER_MAX_S)
