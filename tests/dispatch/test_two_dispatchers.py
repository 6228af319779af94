"""Two dispatchers, as of two gateways, over one real instance."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack

from harken.config import FleetConfig, LimitsConfig
from harken.dispatch.dispatcher import Dispatcher
from harken.types import Options
from tests.dispatch.house import check_idle, run
from tests.dispatch.instances import make_segment
from tests.server.running import running, stub_config, stub_instance

SLOTS, BACKLOG = 4, 80

LOOKS = FleetConfig(probe_interval_s=0.5)
"""As they come configured: between two of them a slot ends and is taken again many times."""


def test_a_gateway_that_comes_second_gets_its_share_though_the_first_would_take_every_slot_again() -> None:
    """The first knows of each slot that ends before the second can, and has a backlog to fill it with."""

    async def story() -> None:
        done: list[str] = []
        surplus: list[int] = []

        async def send(dispatcher: Dispatcher, who: str, seed: int) -> None:
            await dispatcher.recognize(
                make_segment(f"{who}{seed}", seconds=0.5 + 0.25 * (seed % 5), seed=seed), Options()
            )
            done.append(who)

        async with AsyncExitStack() as stack:
            config = stub_config("stub:rtfx=10", slots=SLOTS)
            server = await stack.enter_async_context(running(stub_instance(config)))
            await server.wait_state("ready")
            first, second = [await stack.enter_async_context(Dispatcher(LimitsConfig(), LOOKS)) for _ in range(2)]
            for dispatcher in (first, second):
                dispatcher.add_target("asr-1", server.url)
                await dispatcher.wait_ready(5.0)
            async with asyncio.TaskGroup() as group:
                for seed in range(BACKLOG):
                    group.create_task(send(first, "a", seed))
                while first.in_flight < SLOTS or len(done) < SLOTS:
                    await asyncio.sleep(0.005)
                for seed in range(BACKLOG // 4):
                    group.create_task(send(second, "b", seed))
                while done.count("b") < BACKLOG // 4:
                    surplus.append(max(0, first.in_flight + second.in_flight - SLOTS))
                    await asyncio.sleep(0.005)
        check_idle(first)
        check_idle(second)
        # Half of the slots from when it came: its quarter of the work is over well before the other's.
        assert len(done) - 1 - done[::-1].index("b") < BACKLOG
        # Only until both have heard of each other there are more than it runs; if neither knew, there always were.
        assert sum(surplus) / len(surplus) < SLOTS / 2

    run(story())
