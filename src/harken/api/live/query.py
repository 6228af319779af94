"""The query of a handshake: names, each once, and the two with which a client comes back. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl

from harken.errors import ClientError, UnsupportedOption


@dataclass(frozen=True, kw_only=True, slots=True)
class Return:
    """A client comes back.

    Attributes:
        session: the ID of its session.
        after: number of the last event that it has seen.
    """

    session: str
    after: int


def read_query(raw: bytes) -> dict[str, str]:
    """Read a query; a name without a value counts as not given.

    Raises:
        ClientError: it cannot be read, or has a name twice.
    """
    try:
        pairs = parse_qsl(raw.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=50)
    except ValueError as error:
        raise ClientError("The query cannot be read: it must be URL-encoded UTF-8.") from error
    query: dict[str, str] = {}
    for name, value in pairs:
        if name in query:
            raise ClientError(f"Query parameter {name[:80]!r} was given twice.", field=name[:80])
        query[name] = value
    return {name: value for name, value in query.items() if value.strip()}


def read_return(query: Mapping[str, str]) -> Return | None:
    """Read `session` and `after`; None where a new session is wanted.

    Raises:
        UnsupportedOption: `after` is no number, or has no session.
    """
    session, after = query.get("session"), query.get("after", "0")
    if not (after.isascii() and after.isdecimal() and len(after) < 16):
        raise UnsupportedOption(f"after must be the number of an event, not {after[:40]!r}.", field="after")
    if session is None:
        if "after" in query:
            raise UnsupportedOption("after goes with a session.", field="after")
        return None
    return Return(session=session, after=int(after))
