"""The dispatcher against real processes that are really killed and stopped."""

from __future__ import annotations

import asyncio
import signal
from contextlib import AsyncExitStack

import pytest

from harken.config import DispatchConfig, FleetConfig, LimitsConfig
from harken.dispatch.dispatcher import Dispatcher
from harken.dispatch.stats import Stats
from harken.types import Options, Transcript
from tests.dispatch.house import check_idle, run, state_of, until_state
from tests.dispatch.instances import Script, expected_text, make_segment
from tests.dispatch.processes import Child, child

# Patient enough for four processes on two busy cores, and still over within seconds.
LOOKS = FleetConfig(probe_interval_s=0.1, probe_timeout_s=0.5, probe_failures=3)


async def children(stack: AsyncExitStack, *scripts: Script) -> list[Child]:
    """Start one process per script, all at once."""
    contexts = [child(f"asr-{n}", script) for n, script in enumerate(scripts, 1)]
    return list(await asyncio.gather(*(stack.enter_async_context(each) for each in contexts)))


@pytest.mark.slow
def test_forty_segments_are_right_though_one_instance_is_killed_and_one_stopped() -> None:
    """All four beat and hold their segments when it happens, so both victims take some down with them."""
    told: list[str] = []

    async def story() -> tuple[list[Transcript], dict[str, str]]:
        async with AsyncExitStack() as stack:
            fleet = await children(stack, Script.DELAYED, Script.DELAYED, Script.DELAYED, Script.DELAYED)
            dispatcher = Dispatcher(LimitsConfig(), LOOKS, on_unresponsive=lambda name, _why: told.append(name))
            async with dispatcher:
                for each in fleet:
                    dispatcher.add_target(each.name, each.url)
                await dispatcher.wait_ready(10.0, count=4)
                segments = [make_segment(f"req-{n}", seconds=1 + n % 5, seed=n) for n in range(40)]
                requests = [asyncio.create_task(dispatcher.recognize(each, Options())) for each in segments]
                async with asyncio.timeout(10):
                    while dispatcher.in_flight < 8:
                        await asyncio.sleep(0)
                fleet[0].signal(signal.SIGKILL)
                fleet[1].signal(signal.SIGSTOP)
                transcripts = await asyncio.gather(*requests)
                await until_state(dispatcher, "asr-1", "unresponsive")
                await until_state(dispatcher, "asr-2", "unresponsive")
                states = {each.name: each.state for each in dispatcher.health()}
                # What was lost with its instance is no burden on the budget.
                assert (dispatcher.stats().retries, dispatcher.stats().failed) == (0, {})
            check_idle(dispatcher)
            return transcripts, states

    transcripts, states = run(story())
    expected = [expected_text(make_segment(seconds=1 + n % 5, seed=n)) for n in range(40)]
    assert [each.text for each in transcripts] == expected
    assert {each.instance for each in transcripts} == {"asr-3", "asr-4"}
    assert states == {"asr-1": "unresponsive", "asr-2": "unresponsive", "asr-3": "ready", "asr-4": "ready"}
    assert sorted(told) == ["asr-1", "asr-2"]


@pytest.mark.slow
def test_a_stopped_instance_that_goes_on_is_used_again() -> None:
    """Nobody replaced it (a fleet of fixed addresses has no supervisor), and it answers looks again."""

    async def story() -> None:
        async with AsyncExitStack() as stack:
            (one,) = await children(stack, Script.ANSWER)
            async with Dispatcher(LimitsConfig(), LOOKS) as dispatcher:
                dispatcher.add_target(one.name, one.url)
                await dispatcher.wait_ready(10.0)
                one.signal(signal.SIGSTOP)
                await until_state(dispatcher, one.name, "unresponsive")
                request = asyncio.create_task(dispatcher.recognize(make_segment(), Options()))
                one.signal(signal.SIGCONT)
                assert (await request).text == expected_text(make_segment())
                assert state_of(dispatcher, one.name) == "ready"
            check_idle(dispatcher)

    run(story())


@pytest.mark.slow
def test_clips_stay_quick_though_an_instance_is_stopped_and_nobody_has_noticed() -> None:
    """No look comes for a minute and silence would be believed for another; second tries answer within moments."""
    rarely = FleetConfig(probe_interval_s=60.0, probe_timeout_s=60.0)
    dispatch = DispatchConfig(hedge_share=0.5)

    async def story() -> tuple[list[Transcript], Stats]:
        async with AsyncExitStack() as stack:
            fleet = await children(stack, Script.ANSWER, Script.ANSWER, Script.ANSWER)
            dispatcher = Dispatcher(LimitsConfig(), rarely, dispatch, silence_s=60.0)
            async with dispatcher:
                for each in fleet:
                    dispatcher.add_target(each.name, each.url)
                await dispatcher.wait_ready(10.0, count=3)
                for n in range(40):
                    await dispatcher.recognize(make_segment(f"usual-{n}"), Options())
                fleet[0].signal(signal.SIGSTOP)
                segments = [make_segment(f"req-{n}", seed=n) for n in range(6)]
                async with asyncio.timeout(10):
                    transcripts = await asyncio.gather(*(dispatcher.recognize(each, Options()) for each in segments))
                stats = dispatcher.stats()
            check_idle(dispatcher)
            return transcripts, stats

    transcripts, stats = run(story())
    assert [each.text for each in transcripts] == [expected_text(make_segment(seed=n)) for n in range(6)]
    assert {each.instance for each in transcripts} <= {"asr-2", "asr-3"}
    assert stats.hedges_won > 0
    assert (stats.retries, stats.replays, stats.failed) == (0, 0, {})
