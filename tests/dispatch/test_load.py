"""What the dispatcher says of its load, for whoever decides how many instances there are."""

from __future__ import annotations

import asyncio

from tests.dispatch.house import dispatching, run
from tests.dispatch.instances import Instance, Script
from tests.dispatch.test_dispatcher import ask


def test_the_load_counts_the_slots_of_those_that_are_asked_about() -> None:
    """What runs elsewhere is not theirs; before their throughput has shown anything, their own word counts."""
    ours, other = Instance("ours", Script.GATED, slots=64), Instance("other", Script.GATED, slots=8)

    async def story() -> None:
        async with dispatching(ours, other) as dispatcher, asyncio.TaskGroup() as group:
            load = dispatcher.load(["ours"])
            assert (load.ready, load.slots, load.in_flight, load.waiting) == (2, 64, 0, 0)
            for n in range(2):
                group.create_task(ask(dispatcher, f"req-{n}"))
            await ours.until(lambda: ours.running == 1)
            await other.until(lambda: other.running == 1)
            load = dispatcher.load(["ours", "nobody"])
            assert (load.in_flight, load.idle_s, load.asking) == (1, 0.0, 0)
            ours.gate.set()
            other.gate.set()

    run(story())
