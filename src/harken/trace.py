"""The identity of a span in a distributed trace, as a value: W3C Trace Context, level 1.

A child's span id is a hash of its parent's and of what the child is, so nobody carries open spans through the house:
who knows the parent and a name that is unique beneath it knows the child. It knows neither when anything happened nor
who collects it. The invariants: ids are never 0, and a header that is none reads as None, never as an error.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import blake2b

_HEADER = re.compile(r"(?!ff|00-.{52}.)[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(?:-.*)?", re.ASCII)
"""Of later versions only the parts that version 00 has are read, as the standard says; that one has nothing behind."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Trace:
    """Where a span is in a trace.

    Attributes:
        trace_id: 128 bits, of all spans of one request.
        span_id: 64 bits, its own.
        parent_id: its parent's; None for the first.
        is_sampled: whoever began the trace wants it collected.
    """

    trace_id: int
    span_id: int
    parent_id: int | None = None
    is_sampled: bool = True

    @property
    def header(self) -> str:
        """What goes into `traceparent`, for whoever continues from here."""
        return f"00-{self.trace_id:032x}-{self.span_id:016x}-{self.is_sampled:02x}"

    def child(self, name: str) -> Trace:
        """The identity of the span of this name beneath this one."""
        digest = blake2b(f"{self.span_id:016x} {name}".encode(), digest_size=8).digest()
        return Trace(
            trace_id=self.trace_id,
            span_id=int.from_bytes(digest) or 1,
            parent_id=self.span_id,
            is_sampled=self.is_sampled,
        )


def log_fields_of(trace: Trace | None) -> dict[str, str]:
    """What a line of the log says of what is traced, so that one finds the other; nothing where nothing is."""
    return {} if trace is None else {"trace_id": f"{trace.trace_id:032x}"}


BeginTrace = Callable[[str | None], Trace | None]
"""Makes of a `traceparent` header, or of none, the span of a request; None where it is not traced."""


def no_trace(_: str | None) -> Trace | None:
    """Nothing is traced."""
    return None


def new_trace() -> Trace:
    """The first span of a trace that nobody began before us."""
    return Trace(trace_id=_random_id(128), span_id=_random_id(64))


def continued(caller: Trace) -> Trace:
    """Our first span beneath the one of whoever calls us."""
    return Trace(
        trace_id=caller.trace_id, span_id=_random_id(64), parent_id=caller.span_id, is_sampled=caller.is_sampled
    )


def read_traceparent(header: str | None) -> Trace | None:
    """Read a `traceparent` header; None where it is none, or says nothing."""
    match = _HEADER.fullmatch(header.strip()) if header is not None and len(header) <= 256 else None
    if match is None:
        return None
    trace_id, span_id = int(match[1], 16), int(match[2], 16)
    if not trace_id or not span_id:
        return None
    return Trace(trace_id=trace_id, span_id=span_id, is_sampled=bool(int(match[3], 16) & 1))


def _random_id(bits: int) -> int:
    return secrets.randbits(bits) or 1
