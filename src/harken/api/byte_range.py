"""What of a file an answer holds, by the conditions and the range of its request. Pure; RFC 9110, sections 13 and 14.

One range is honoured; several at once are answered with the whole file, as the standard allows.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

_RANGE = re.compile(r"\s*bytes\s*=\s*(\d{0,18})\s*-\s*(\d{0,18})\s*", re.IGNORECASE | re.ASCII)


@dataclass(frozen=True, kw_only=True, slots=True)
class Portion:
    """A part of an answer's file.

    Attributes:
        status: 200 (all of it), 206 (a range), 304 (the client has it) or 416 (there is no such range).
        first: its first byte.
        length: how many bytes.
    """

    status: int
    first: int = 0
    length: int = 0


def portion_of(size: int, etag: str, headers: Mapping[str, str], *, is_head: bool = False) -> Portion:
    """Decide what is sent.

    Args:
        size: of the file, in bytes.
        etag: of the file, in its quotes; a strong one.
        headers: of the request, names in small letters.
        is_head: only the head is asked for, which knows no ranges.
    """
    if _names(headers.get("if-none-match", ""), etag):
        return Portion(status=304)
    whole = Portion(status=200, length=size)
    found = _RANGE.fullmatch(headers.get("range", ""))
    if is_head or found is None or found.groups() == ("", ""):
        return whole
    if headers.get("if-range", etag).strip() != etag:
        return whole
    first, last = _bounds(found[1], found[2], size)
    if found[1] and found[2] and int(found[2]) < int(found[1]):
        return whole  # nonsense, which the standard says to ignore
    if first >= size or last < first:
        return Portion(status=416)
    return Portion(status=206, first=first, length=last - first + 1)


def _bounds(first: str, last: str, size: int) -> tuple[int, int]:
    if not first:
        return (max(0, size - int(last)), size - 1) if int(last) else (size, size)
    return int(first), min(int(last), size - 1) if last else size - 1


def _names(header: str, etag: str) -> bool:
    """Whether `If-None-Match` names it; a weak tag counts there."""
    return header.strip() == "*" or etag in (tag.strip().removeprefix("W/") for tag in header.split(","))
