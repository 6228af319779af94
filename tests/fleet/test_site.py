"""A fleet at a site that has no room just now: waited for, shown, given up again; nothing fails of it."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from harken.config import Config, FleetConfig, InstanceConfig
from harken.fleet.changes import Changes
from harken.fleet.device_health import DeviceEvent
from harken.fleet.local import LocalFleet
from harken.fleet.local_site import LocalSite
from harken.fleet.machine import Machine
from harken.fleet.phases import Phase
from harken.fleet.site import Berth
from harken.fleet.wanted import configured
from tests.fleet.test_local import CHILD, TIMEOUT_S, Owner


class Door:
    """A gate that lets nobody in as long as it is shut."""

    given_up_because = ""

    def __init__(self) -> None:
        self._open = asyncio.Event()

    @property
    def lacks_room(self) -> bool:
        """Whoever waits, waits for room."""
        return not self._open.is_set()

    @lacks_room.setter
    def lacks_room(self, value: bool) -> None:
        if not value:
            self._open.set()

    async def enter(self, instance: str) -> bool:
        """Wait for room."""
        await self._open.wait()
        return True

    def release(self) -> None:
        """Nobody counts."""

    def held_because(self, instance: str) -> str:
        """Say so."""
        return "There is no room."

    def tell(self, event: DeviceEvent, instance: str = "", *, reason: str = "") -> None:
        """Nothing is learnt."""


class FullSite(LocalSite):
    """This machine, with a door before everything but the first instance."""

    door: Door

    def berth(self, instance: InstanceConfig) -> Berth:
        """Behind the door."""
        berth = super().berth(instance)
        return berth if instance.name == "asr-1" else replace(berth, gate=self.door)


@pytest.mark.slow
def test_what_finds_no_room_waits_and_can_be_wished_for_no_more() -> None:
    """`scale` does not wait for room, and what never started is not broken."""

    async def story() -> None:
        config = Config(fleet=FleetConfig(instances=1), instance=InstanceConfig(model=""))
        owner, site = Owner(), FullSite(config, machine=Machine(cores=4, has_gpu=False), command=CHILD)
        site.door = Door()
        async with (
            asyncio.timeout(TIMEOUT_S),
            LocalFleet(config, owner, site=site) as fleet,
            Changes(config, fleet, owner, wanted=configured(config), folder=None) as changes,
        ):
            told: list[str] = []
            await fleet.when(lambda: fleet.phase("asr-1") is Phase.READY)
            assert await changes.scale(3, told.append) == {"before": 1, "now": 3}
            assert [(line.state, line.detail) for line in fleet.instances()] == [
                ("ready", ""), ("waiting", "There is no room."), ("waiting", "There is no room.")
            ]  # fmt: skip
            assert told[1:] == ["asr-2: There is no room.", "asr-3: There is no room."]
            assert await changes.scale(2, told.append) == {"before": 3, "now": 2}
            assert fleet.names() == ("asr-1", "asr-2")
            site.door.lacks_room = False
            await fleet.when(lambda: all(line.state == "ready" for line in fleet.instances()))
            assert [line.restarts for line in fleet.instances()] == [0, 0]
        assert owner.targets == {}

    asyncio.run(story())
