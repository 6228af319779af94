"""Names for requests: what the client calls its request, or a short name of ours that sorts by time.

A request id goes into every log line, into the answer's `X-Request-Id` and over the wire to the instance. It is a
label: two clients may choose the same one, so nothing may be looked up by it alone.
"""

from __future__ import annotations

import re
import secrets
import time

_DIGITS = "0123456789abcdefghjkmnpqrstvwxyz"
"""Crockford's base 32 in lower case: in ASCII order, so that text order is number order; no i, l, o, u to misread."""

_TIME_DIGITS = 9
"""45 bits of milliseconds: enough until the year 3084."""

_RANDOM_DIGITS = 8

_CLIENTS_OWN = re.compile(r"[A-Za-z0-9._:/+=@-]{1,64}")
"""Printable and harmless in a header, a log line, a shell and a URL."""


def request_id(time_ms: int, random_bits: int) -> str:
    """Write a time and forty random bits as a name of 21 characters, for example "req_1k9f3m2pw0h7t4v6x".

    Names of different milliseconds sort as their times do.
    """
    return f"req_{_base_32(time_ms, _TIME_DIGITS)}{_base_32(random_bits, _RANDOM_DIGITS)}"


def new_request_id() -> str:
    """Return a name that no other request has."""
    return request_id(time.time_ns() // 1_000_000, secrets.randbits(5 * _RANDOM_DIGITS))


def clients_request_id(header: str | None) -> str | None:
    """Return the client's own id if it is short and printable (at most 64 harmless characters), else None."""
    if header is not None and _CLIENTS_OWN.fullmatch(header):
        return header
    return None


def _base_32(number: int, digits: int) -> str:
    return "".join(_DIGITS[number >> (5 * place) & 31] for place in reversed(range(digits)))
