"""Telling of a stretch of a segment's way when it is over, however it ended.

The `with` block is the stretch; its outcome is read from what leaves it: nothing, a `HarkenError`, a cancellation. The
invariant: each block tells of exactly one span, and never changes what leaves it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

from harken.clock import Clock
from harken.errors import HarkenError, InternalError
from harken.events import CANCELLED, DONE, Span, Stage, Tell
from harken.trace import Trace
from harken.types import SAMPLE_RATE, Segment


@dataclass(kw_only=True, slots=True)
class Outcome:
    """What the block may say of its own end: what it was if nothing is raised, or if an error is, and where."""

    if_done: str = DONE
    if_failed: str = ""
    target: str = ""


@contextmanager
def span_of(
    segment: Segment, stage: Stage, tell: Tell, clock: Clock, *, trace: Trace | None = None, target: str = ""
) -> Iterator[Outcome]:
    """Tell of a stretch of a segment's way when the block is left.

    Args:
        segment: whose.
        stage: which.
        tell: takes it.
        clock: when.
        trace: the span's own identity.
        target: on which instance.
    """
    began, outcome = clock.now(), Outcome(target=target)
    how = InternalError.code  # what is raised and no HarkenError is a defect
    try:
        yield outcome
        how = outcome.if_done
    except HarkenError as error:
        how = outcome.if_failed or error.code
        raise
    except asyncio.CancelledError:
        how = CANCELLED
        raise
    finally:
        tell(
            Span(
                request_id=segment.request_id,
                stage=stage,
                began=began,
                ended=clock.now(),
                priority=segment.requester.priority,
                segment=segment.index,
                start_s=segment.start / SAMPLE_RATE,
                audio_s=segment.audio_s,
                target=outcome.target,
                outcome=how,
                trace=trace,
            )
        )


def beneath(segment: Segment, name: str) -> Segment:
    """The same segment, with what happens to it now in a span of this name; itself where it is not traced."""
    trace = segment.requester.trace
    if trace is None:
        return segment
    return replace(segment, requester=replace(segment.requester, trace=trace.child(name)))
