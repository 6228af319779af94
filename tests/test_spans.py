"""Rules of harken.spans: a block tells of itself when it is left."""

from __future__ import annotations

import asyncio

import pytest

from harken.errors import EngineFailed
from harken.events import CACHED, CANCELLED, DONE, Event, Span, Stage
from harken.spans import beneath, span_of
from harken.testing import segment
from harken.testing.clock import FakeClock
from harken.trace import new_trace
from harken.types import Requester


def told_by(raises: BaseException | None, *, if_failed: str = "") -> Span:
    """What a block of two seconds tells that ends like this."""
    told: list[Event] = []
    clock = FakeClock()

    def block() -> None:
        with span_of(segment(1), Stage.TRY, told.append, clock, target="asr-1") as outcome:
            outcome.if_failed = if_failed
            clock.advance(2.0)
            if raises is not None:
                raise raises

    if raises is None:
        block()
    else:
        with pytest.raises(type(raises)):
            block()
    (span,) = told
    assert isinstance(span, Span)
    assert (span.took_s, span.target, span.stage) == (2.0, "asr-1", Stage.TRY)
    return span


@pytest.mark.parametrize(
    ("raises", "outcome"),
    [
        (None, DONE),
        (EngineFailed(), "engine_failed"),
        (asyncio.CancelledError(), CANCELLED),
        (ZeroDivisionError(), "internal_error"),
    ],
)
def test_the_outcome_is_what_leaves_the_block(raises: BaseException | None, outcome: str) -> None:
    """And that is not changed."""
    assert told_by(raises).outcome == outcome


def test_a_block_may_say_what_it_was() -> None:
    """Where it went well, and that nothing had to be computed for it."""
    told: list[Event] = []
    with span_of(segment(1), Stage.SEGMENT, told.append, FakeClock()) as outcome:
        outcome.if_done, outcome.target = CACHED, "asr-2"
    assert isinstance(told[0], Span)
    assert (told[0].outcome, told[0].target) == (CACHED, "asr-2")


def test_a_block_may_say_that_an_error_is_none() -> None:
    """Where its work was ended because somebody else was sooner."""
    assert told_by(EngineFailed(), if_failed=CANCELLED).outcome == CANCELLED
    assert told_by(None, if_failed=CANCELLED).outcome == DONE


def test_what_is_not_traced_stays_as_it_is() -> None:
    """Nothing is copied for nobody."""
    plain = segment(1)
    assert beneath(plain, "try 1") is plain


def test_what_is_traced_goes_on_beneath() -> None:
    """Its samples are the same object."""
    import dataclasses

    root = new_trace()
    traced = dataclasses.replace(segment(1), requester=Requester(trace=root))
    inner = beneath(traced, "try 1")
    assert inner.requester.trace == root.child("try 1")
    assert inner.samples is traced.samples
