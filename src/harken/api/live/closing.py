"""With which code a WebSocket is closed. Pure.

RFC 6455 has few codes, so the true reason is said before, as an error with one of ours; the code only tells a client
that looks no further whether it makes sense to come back.
"""

from __future__ import annotations

from harken.errors import ClientError, Draining, HarkenError, Unavailable

FINISHED = 1000
"""Everything was told."""

REFUSED = 1008
"""The client's part: a limit, or it did not read."""

BROKEN = 1011
"""The server's part."""

RESTARTING = 1012
"""The server leaves; another, or the same a little later, takes a new session."""

FULL = 1013
"""The server cannot now."""


def close_code(error: HarkenError | None) -> int:
    """The code for a session that ends with an error, or with none."""
    match error:
        case None:
            return FINISHED
        case Draining():
            return RESTARTING
        case ClientError():
            return REFUSED
        case Unavailable():
            return FULL
        case _:
            return BROKEN
