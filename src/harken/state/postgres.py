"""Connections to PostgreSQL that give up: a server that is gone without a word, or hangs, is a failure, not a wait.

Owns how long one word with the server may take. libpq itself bounds only the making of a connection; what TCP notices
comes minutes later, or never where the host lives and its PostgreSQL does not. Imported only where PostgreSQL is used.
The invariant: every call of the driver ends, so no thread is kept by a database that does not answer.
"""

from __future__ import annotations

import time
from collections.abc import Generator
from typing import Any

import psycopg

CONNECT_TIMEOUT_S = 5
"""Longest wait for a connection, of one address of the server."""

ANSWER_TIMEOUT_S = 10.0
"""Longest wait for the answer to one statement."""


class ImpatientConnection(psycopg.Connection[Any]):
    """A connection that closes itself when an answer does not come in time."""

    def wait(self, gen: Generator[Any, Any, Any], *given: Any, **named: Any) -> Any:
        """Consume one of the driver's generators, but not for ever.

        Raises:
            psycopg.OperationalError: the answer did not come in time.
        """
        try:
            return super().wait(_until(gen, time.monotonic() + ANSWER_TIMEOUT_S), *given, **named)
        except _NoAnswer:
            # In the middle of an exchange: nothing more can be said on it.
            self.close()
            raise


class _NoAnswer(psycopg.OperationalError):
    """Nothing came."""


def _until(gen: Generator[Any, Any, Any], deadline: float) -> Generator[Any, Any, Any]:
    """Pass a generator on; the driver sends it 0 ten times a second while nothing comes."""
    try:
        wanted = next(gen)
        while True:
            ready = yield wanted
            if not ready and time.monotonic() > deadline:
                raise _NoAnswer(f"PostgreSQL did not answer within {ANSWER_TIMEOUT_S:g} s")
            wanted = gen.send(ready)
    except StopIteration as end:
        return end.value
