"""A device's places, and who is held back while it is suspect."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine

from harken.fleet.device import Device
from harken.fleet.device_health import DeviceEvent, DeviceHealth
from harken.testing.clock import FakeClock

E = DeviceEvent


def gpu(verdicts: list[str] | None = None, *, places: int = 1) -> Device:
    """A device that is well; one failed probe is its end."""
    said = [] if verdicts is None else verdicts
    return Device(
        "cuda:1",
        starts=places,
        health=DeviceHealth(0),
        clock=FakeClock(),
        on_given_up=said.append,
    )


def make_suspect(device: Device) -> None:
    """Two of its instances fail."""
    device.tell(E.FAILED, "a", reason="It crashed.")
    device.tell(E.FAILED, "b", reason="It crashed.")


def run(story: Coroutine[object, object, None]) -> None:
    """Run a story that waits for nothing but its own steps."""
    asyncio.run(asyncio.wait_for(story, 20.0))


def test_on_a_cpu_nobody_is_held_back_by_the_failures_of_others() -> None:
    """There is nothing to be suspicious of."""

    async def story() -> None:
        device = Device("cpu", starts=2)
        make_suspect(device)
        assert await device.enter("a")
        assert await device.enter("b")

    run(story())


def test_the_others_wait_until_the_probe_is_ready() -> None:
    """There is room for two, and yet one is let in."""

    async def story() -> None:
        device = gpu(places=2)
        make_suspect(device)
        assert await device.enter("a")
        second = asyncio.create_task(device.enter("b"))
        await asyncio.sleep(0)
        assert "shown that" in device.held_because("b")
        assert device.held_because("a") == "It waits for its turn to load."
        assert not second.done()
        device.tell(E.READY, "a")
        assert await second

    run(story())


def test_who_was_waiting_for_a_place_when_the_device_became_suspect_is_held_back_too() -> None:
    """It was let in before; what happened meanwhile counts."""

    async def story() -> None:
        device = gpu()
        assert await device.enter("a")
        second, third = (asyncio.create_task(device.enter(name)) for name in ("b", "c"))
        await asyncio.sleep(0)
        device.tell(E.FAILED, "a", reason="It crashed.")
        device.tell(E.FAILED, "d", reason="It crashed.")
        device.release()
        assert await second
        device.release()
        await asyncio.sleep(0)
        assert not third.done()
        device.tell(E.READY, "b")
        assert await third

    run(story())


def test_a_device_that_is_given_up_lets_nobody_in_and_says_why() -> None:
    """The reason names the device, the instance and what it said."""

    async def story() -> None:
        verdicts: list[str] = []
        device = gpu(verdicts=verdicts)
        make_suspect(device)
        assert await device.enter("a")
        waiting = asyncio.create_task(device.enter("b"))
        await asyncio.sleep(0)
        device.tell(E.FAILED, "a", reason="It ended with signal 11: it said nothing.")
        assert not await waiting
        assert not await device.enter("a")
        assert verdicts == [
            "The device cuda:1 is given up: several of its instances failed together, then 1 starts of one at a time. "
            "The last was a: It ended with signal 11: it said nothing."
        ]

    run(story())


def test_nobody_is_let_in_before_the_device_is_prepared() -> None:
    """For example, before the daemon through which it is shared is there."""

    async def story() -> None:
        prepared = asyncio.Event()

        async def prepare() -> None:
            await prepared.wait()

        device = Device("cuda:0", starts=1, prepare=prepare)
        entering = asyncio.create_task(device.enter("a"))
        await asyncio.sleep(0)
        assert not entering.done()
        prepared.set()
        assert await entering

    run(story())
