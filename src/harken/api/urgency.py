"""How urgent a request is: its class and its deadline, read from its head before anything of its body.

Owns the two headers and who may ask for what. Knows nothing of queues. The invariants: nobody gets a class above what
his key allows, nor above the route's own unless he asks for it; a header that cannot be honoured is refused by name;
and once the deadline has passed, all work for the request has ended.
"""

from __future__ import annotations

import asyncio
import difflib
import re
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.datastructures import Headers

from harken.errors import DeadlineExceeded, NotPermitted, UnsupportedOption
from harken.keys import Key
from harken.trace import Trace
from harken.types import Priority, Requester

PRIORITY_HEADER = "X-Harken-Priority"
DEADLINE_HEADER = "X-Harken-Deadline"

_SECONDS = re.compile(r"\d{1,9}(\.\d{1,9})?")


def requester_of(
    headers: Headers,
    key: Key | None,
    now: float,
    *,
    own: Priority = Priority.INTERACTIVE,
    trace: Trace | None = None,
) -> Requester:
    """Read who asks and how urgently.

    Args:
        headers: of the request.
        key: that came with it; None where none is in use, and then anybody may ask for any class.
        now: seconds of the monotonic clock; the deadline counts from here.
        own: the route's class, for those who name none.
        trace: the request's span.

    Raises:
        UnsupportedOption: a value that is none, or two of them.
        NotPermitted: a class above the key's highest.
    """
    highest = Priority.LIVE if key is None else key.priority
    return Requester(
        key="" if key is None else key.id,
        priority=_priority(_one(headers, PRIORITY_HEADER), highest, own),
        deadline=_deadline(_one(headers, DEADLINE_HEADER), now),
        trace=trace,
    )


def refuse_urgency(headers: Headers) -> None:
    """For routes whose work is in no hurry: only what says so too is honoured.

    Raises:
        UnsupportedOption: another class than batch, or a deadline.
    """
    text = _one(headers, PRIORITY_HEADER)
    if text is not None and text.lower() != Priority.BATCH:
        raise UnsupportedOption(f"Jobs are always of class batch, not {text[:40]!r}.", field=PRIORITY_HEADER)
    if _one(headers, DEADLINE_HEADER) is not None:
        raise UnsupportedOption("Jobs have no deadline.", field=DEADLINE_HEADER)


@asynccontextmanager
async def within(deadline: float | None) -> AsyncIterator[None]:
    """Cancel the block when the deadline comes.

    Args:
        deadline: seconds of the monotonic clock; None for no bound.

    Raises:
        DeadlineExceeded: it came.
    """
    left_s = None if deadline is None else max(0.0, deadline - time.monotonic())
    try:
        async with asyncio.timeout(left_s) as scope:
            yield
    except TimeoutError as error:
        if not scope.expired():
            raise
        raise DeadlineExceeded from error


def is_above(one: Priority, other: Priority) -> bool:
    """Whether a class goes before another."""
    classes = list(Priority)
    return classes.index(one) < classes.index(other)


def _one(headers: Headers, name: str) -> str | None:
    """The header's value; None where there is none: one that says nothing is a mistake, not a wish for the default."""
    values = [value.strip() for value in headers.getlist(name)]
    if len(values) > 1:
        raise UnsupportedOption(f"{name} was given twice.", field=name)
    return values[0] if values else None


def _priority(text: str | None, highest: Priority, own: Priority) -> Priority:
    if text is None:
        return highest if is_above(own, highest) else own
    try:
        wanted = Priority(text.lower())
    except ValueError:
        near = difflib.get_close_matches(text.lower(), [each.value for each in Priority], n=1)
        hint = f"; did you mean {near[0]!r}?" if near else "."
        raise UnsupportedOption(
            f"{PRIORITY_HEADER} must be one of {', '.join(Priority)}, not {text[:40]!r}{hint}", field=PRIORITY_HEADER
        ) from None
    if is_above(wanted, highest):
        raise NotPermitted(f"This key may not ask for class {wanted}; its highest is {highest}.", field=PRIORITY_HEADER)
    return wanted


def _deadline(text: str | None, now: float) -> float | None:
    if text is None:
        return None
    if not _SECONDS.fullmatch(text) or float(text) <= 0:
        raise UnsupportedOption(
            f"{DEADLINE_HEADER} must be seconds from now, such as 2.5, not {text[:40]!r}.", field=DEADLINE_HEADER
        )
    return now + float(text)
