"""Two fleets as one."""

from __future__ import annotations

import asyncio

import pytest

from harken.config import Config, FleetConfig, LimitsConfig
from harken.dispatch.dispatcher import Dispatcher
from harken.dispatch.lines.upstream import Upstream
from harken.fleet.both import BothFleets
from harken.fleet.local import LocalFleet
from harken.fleet.static import StaticFleet
from tests.dispatch.house import FAST, run
from tests.dispatch.openai_server import OpenAIServer, serving
from tests.fleet.test_local import CHILD


def test_instances_of_this_machine_come_first_and_both_are_left() -> None:
    """A gateway over two processes and one server elsewhere."""

    async def story() -> None:
        server = OpenAIServer()
        config = Config(fleet=FleetConfig(instances=2))
        async with serving(server), Dispatcher(LimitsConfig(), FAST) as dispatcher:
            static = StaticFleet([Upstream(name="far", url=server.url)], dispatcher)
            async with BothFleets(LocalFleet(config, dispatcher, command=CHILD), static) as fleet:
                assert [line.name for line in fleet.instances()] == ["asr-1", "asr-2", "far"]
                fleet.replace("far")
                fleet.replace("nobody")
                await dispatcher.wait_ready(5.0)
                with pytest.raises(TimeoutError):
                    await asyncio.wait_for(fleet.wait_broken(), 0.05)
            assert dispatcher.health() == ()
            assert {line.state for line in fleet.instances()[:2]} == {"stopped"}

    run(story())
