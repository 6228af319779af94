"""What the dispatcher tells of a segment's way: its waits, and each of its tries."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from harken.config import DispatchConfig, LimitsConfig
from harken.dispatch.recovery.hedge import HedgeRule
from harken.errors import HarkenError
from harken.events import CANCELLED, DONE, Event, Span, Stage
from harken.trace import new_trace
from harken.types import Options, Priority, Requester
from tests.dispatch.house import dispatching, run
from tests.dispatch.instances import Instance, Script, make_segment

PLAIN = Options()


def ways(events: list[Event]) -> list[tuple[Stage, str, str]]:
    """Stage, target and outcome of each span."""
    return [(event.stage, event.target, event.outcome) for event in events if isinstance(event, Span)]


def test_a_segment_waits_and_is_tried() -> None:
    """Two stretches, one after the other."""
    events: list[Event] = []

    async def story() -> None:
        async with dispatching(Instance("a"), tell=events.append) as dispatcher:
            await dispatcher.recognize(make_segment("req_1"), PLAIN)

    run(story())
    assert ways(events) == [(Stage.QUEUE, "", DONE), (Stage.TRY, "a", DONE)]
    queue, tried = events
    assert isinstance(queue, Span)
    assert isinstance(tried, Span)
    assert queue.began <= queue.ended <= tried.began <= tried.ended
    assert (tried.request_id, tried.segment, tried.audio_s) == ("req_1", 0, 1.0)


def test_a_segment_whose_instance_dies_is_tried_elsewhere_in_the_same_trace() -> None:
    """Each try is a span of its own beneath the segment's."""
    events: list[Event] = []
    trace = new_trace()
    segment = replace(make_segment("req_1"), requester=Requester(trace=trace))

    async def story() -> None:
        instances = (Instance("a", Script.DIE_BEFORE_TEXT), Instance("b", Script.DIE_BEFORE_TEXT))
        async with dispatching(*instances, limits=LimitsConfig(attempts=2), tell=events.append) as dispatcher:
            with pytest.raises(HarkenError):
                await dispatcher.recognize(segment, PLAIN)

    run(story())
    tries = [event for event in events if isinstance(event, Span) and event.stage is Stage.TRY]
    assert [one.outcome for one in tries] == ["instance_failed"] * len(tries)
    assert len(tries) >= 2
    identities = [one.trace for one in tries]
    assert all(one is not None and one.parent_id == trace.span_id for one in identities)
    assert len({one.span_id for one in identities if one is not None}) == len(tries)


def test_a_late_segment_has_two_tries_in_one_trace_and_the_loser_is_cancelled() -> None:
    """The second is beside the first, not beneath it."""
    events: list[Event] = []
    trace = new_trace()
    segment = replace(make_segment("late"), requester=Requester(trace=trace))
    slow, quick = Instance("slow"), Instance("quick")

    async def story() -> None:
        generous, eager = DispatchConfig(hedge_share=1.0), HedgeRule(floor_s=0.01)
        async with dispatching(slow, quick, dispatch=generous, hedges=eager, tell=events.append) as dispatcher:
            for n in range(40):
                warm = replace(make_segment(f"warm-{n}"), requester=Requester(priority=Priority.BATCH))
                await dispatcher.recognize(warm, PLAIN)
            slow.script = Script.GATED
            dispatcher.drain_target("quick")
            asking = asyncio.create_task(dispatcher.recognize(segment, PLAIN))
            await slow.until(lambda: slow.running == 1)
            dispatcher.add_target("quick", quick.url)
            assert (await asking).instance == "quick"

    run(story())
    tries = [event for event in events if isinstance(event, Span) and event.stage is Stage.TRY and event.trace]
    assert {(one.target, one.outcome) for one in tries} == {("slow", CANCELLED), ("quick", DONE)}
    identities = [one.trace for one in tries if one.trace is not None]
    assert {one.parent_id for one in identities} == {trace.span_id}
    assert len({one.span_id for one in identities}) == 2


def test_a_client_that_leaves_ends_the_try_as_cancelled() -> None:
    """Nothing is left untold."""
    events: list[Event] = []

    async def story() -> None:
        instance = Instance("a", Script.GATED)
        async with dispatching(instance, tell=events.append) as dispatcher:
            asking = asyncio.create_task(dispatcher.recognize(make_segment("req_1"), PLAIN))
            await instance.until(lambda: instance.running == 1)
            asking.cancel()
            await asyncio.wait([asking])

    run(story())
    assert ways(events) == [(Stage.QUEUE, "", DONE), (Stage.TRY, "a", CANCELLED)]


def test_a_segment_that_gets_no_slot_has_waited_for_nothing() -> None:
    """Its wait ends with the code of the error."""
    events: list[Event] = []

    async def story() -> None:
        limits = LimitsConfig(queue_timeout_s=0.2)
        async with dispatching(limits=limits, ready=0, tell=events.append) as dispatcher:
            with pytest.raises(HarkenError):
                await dispatcher.recognize(make_segment("req_1"), PLAIN)

    run(story())
    assert ways(events) == [(Stage.QUEUE, "", "no_ready_instance")]
