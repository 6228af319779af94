"""A fleet that somebody else runs, with real servers and a real dispatcher."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from harken.clock import Clock
from harken.config import LimitsConfig
from harken.dispatch.dispatcher import Dispatcher
from harken.dispatch.lines.upstream import Upstream
from harken.errors import InstanceFailed, NoWordTimes, QueueFull
from harken.fleet.static import StaticFleet, packaged_proof
from harken.testing import FakeClock
from harken.types import ANYBODY, Options
from tests.dispatch.house import FAST, check_idle, run, until_state
from tests.dispatch.instances import Instance, make_segment, running
from tests.dispatch.openai_server import OpenAIServer, Script, expected_text, serving


@asynccontextmanager
async def dispatching(
    *urls: str, ready: int, clock: Clock | None = None, limits: LimitsConfig | None = None
) -> AsyncIterator[Dispatcher]:
    """A dispatcher over upstreams; afterwards nothing is left in it."""
    upstreams = [Upstream(name=f"upstream-{number}", url=url, slots=4) for number, url in enumerate(urls, start=1)]
    async with Dispatcher(limits or LimitsConfig(), FAST, clock=clock) as dispatcher:
        async with StaticFleet(upstreams, dispatcher) as fleet:
            assert [line.name for line in fleet.instances()] == [each.name for each in upstreams]
            await dispatcher.wait_ready(5.0, count=ready)
            yield dispatcher
        assert dispatcher.health() == ()
    check_idle(dispatcher)


def test_a_server_of_openais_api_and_an_instance_of_ours_share_the_work() -> None:
    """Both are targets like any other."""

    async def story() -> None:
        one, other = Instance("one"), OpenAIServer()
        async with running(one), serving(other), dispatching(one.url, other.url, ready=2) as dispatcher:
            segments = [make_segment(f"r{seed}", seed=seed) for seed in range(8)]
            found = await asyncio.gather(*(dispatcher.recognize(segment, Options()) for segment in segments))
            assert {transcript.instance for transcript in found} == {"upstream-1", "upstream-2"}
            assert len(one.jobs) + len(other.asked) == 8

    run(story())


def test_a_server_that_dies_in_the_middle_loses_no_segment() -> None:
    """What ran there is recognised by the other; and it gets work again once it is back."""

    async def story() -> None:
        bad, good = OpenAIServer(script=Script.HANG), OpenAIServer()
        async with serving(bad, good), dispatching(bad.url, good.url, ready=2) as dispatcher:
            segments = [make_segment(f"r{seed}", seed=seed) for seed in range(6)]
            work = asyncio.gather(*(dispatcher.recognize(segment, Options()) for segment in segments))
            await bad.until(lambda: bad.running > 0)
            await bad.vanish()
            found = await work
            assert [transcript.text for transcript in found] == [expected_text(segment) for segment in segments]
            assert {transcript.instance for transcript in found} == {"upstream-2"}
            bad.script = Script.ANSWER
            await bad.listen()
            await until_state(dispatcher, "upstream-1", "ready", "on_trial")

    run(story())


def test_a_recording_that_a_server_refuses_takes_it_out_of_nobodys_service() -> None:
    """It is the recording's fault as long as the server recognises others; its canary says so, now and then."""
    refusal: tuple[int, dict[str, str], str] = (400, {}, '{"error": "Invalid audio"}')

    async def story() -> None:
        one, clock = OpenAIServer(script=Script.STATUS, refusal=refusal), FakeClock()
        async with serving(one), dispatching(one.url, ready=1, clock=clock) as dispatcher:
            clock.advance(10.0)
            for number in range(4):
                with pytest.raises(InstanceFailed, match="refused the segment"):
                    await dispatcher.recognize(make_segment(f"r{number}"), Options())
            await until_proved(one, 2)
            assert [line.state for line in dispatcher.health()] == ["ready"]
            one.script = Script.ANSWER
            assert (await dispatcher.recognize(make_segment(), Options())).instance == "upstream-1"
            assert one.proofs == 2
            assert len([asked for asked in one.asked if "stream" not in asked.fields]) == 8

    run(story())


def test_a_server_that_refuses_its_canary_too_is_set_aside() -> None:
    """Nothing is wrong with that; so one refused recording is enough, and another server gets the work."""

    async def story() -> None:
        (one, other), clock = (OpenAIServer(), OpenAIServer()), FakeClock()
        async with serving(one, other), dispatching(one.url, other.url, ready=2, clock=clock) as dispatcher:
            clock.advance(10.0)
            one.refuses = frozenset({"json", "verbose_json"})
            for number in range(4):
                found = await dispatcher.recognize(make_segment(f"r{number}"), Options())
                assert found.instance == "upstream-2"
            await until_state(dispatcher, "upstream-1", "resting")
            assert dispatcher.health()[0].ejected == "canary"
            asked = len(one.asked)
            for number in range(4):
                await dispatcher.recognize(make_segment(f"s{number}"), Options())
            assert len(one.asked) == asked

    run(story())


async def until_proved(server: OpenAIServer, proofs: int) -> None:
    """Wait until so many canaries came."""
    await server.until(lambda: server.proofs >= proofs)


def test_a_server_that_turns_segments_away_costs_none_of_them() -> None:
    """They go elsewhere, and are no failures."""

    async def story() -> None:
        full = OpenAIServer(script=Script.STATUS, refusal=(429, {"Retry-After": "60"}, ""))
        good = OpenAIServer()
        async with serving(full, good), dispatching(full.url, good.url, ready=2) as dispatcher:
            segments = [make_segment(f"r{seed}", seed=seed) for seed in range(6)]
            await asyncio.gather(*(dispatcher.recognize(segment, Options()) for segment in segments))
            await until_state(dispatcher, "upstream-1", "full")
            assert len(good.asked) == 6

    run(story())


@pytest.mark.parametrize(("retry_after_s", "is_shut"), [(200, False), (290, True)])
def test_where_all_servers_are_full_for_too_long_nobody_waits_in_vain(retry_after_s: int, is_shut: bool) -> None:
    """They said how long; who could not wait so long is told at once, and so is who asks after the health."""
    full = OpenAIServer(script=Script.STATUS, refusal=(429, {"Retry-After": str(retry_after_s)}, ""))
    limits = LimitsConfig(queue_timeout_s=250.0)

    async def story() -> None:
        async with serving(full), dispatching(full.url, ready=1, limits=limits) as dispatcher:
            waiting = asyncio.create_task(dispatcher.recognize(make_segment("first"), Options()))
            await until_state(dispatcher, "upstream-1", "full")
            await full.until(lambda: len(full.asked) == 1)
            looks = len(full.looks)
            await full.until(lambda: len(full.looks) > looks + 1)
            assert dispatcher.is_shut is is_shut
            assert dispatcher.health()[0].detail.startswith("It takes nothing for another ")
            refusal = dispatcher.refusal(ANYBODY)
            if is_shut:
                assert isinstance(refusal, QueueFull)
                assert refusal.retry_after_s is not None
                assert 280 < refusal.retry_after_s <= 290
                with pytest.raises(QueueFull, match="No instance takes anything"):
                    await dispatcher.recognize(make_segment("second"), Options())
            else:
                assert refusal is None
            waiting.cancel()
            await asyncio.wait((waiting,))

    run(story())


def test_words_come_from_whoever_has_them() -> None:
    """A vLLM that times none passes the segment on, and is no worse for it; where nobody has them, it is told so."""

    async def story() -> None:
        without, having = OpenAIServer(), OpenAIServer(is_verbose=True, refuses=frozenset(), owner="speaches")
        wish = Options(wants_words=True)
        async with serving(without, having), dispatching(without.url, having.url, ready=2) as dispatcher:
            segments = [make_segment(f"r{seed}", seed=seed) for seed in range(6)]
            found = await asyncio.gather(*(dispatcher.recognize(segment, wish) for segment in segments))
            assert all(transcript.words for transcript in found)
            assert [line.state for line in dispatcher.health()] == ["ready", "ready"]
            dispatcher.remove_target("upstream-2")
            with pytest.raises(NoWordTimes):
                await dispatcher.recognize(make_segment(), wish)

    run(story())


def test_the_packaged_proof_is_a_recording_of_speech() -> None:
    """Loud enough to be one, and short."""
    proof = packaged_proof()
    assert 0.5 < proof.job(0.0).segment.audio_s < 10.0
    assert 0.05 < abs(proof.samples).max() <= 1.0
