"""The fleet on this machine, with real processes that stand in for instances."""

from __future__ import annotations

import asyncio
import os
import resource
import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import psutil
import pytest

from harken.config import Config, FleetConfig, InstanceConfig
from harken.dispatch.lines.line import OpenLine
from harken.fleet.local import LocalFleet
from harken.fleet.machine import Machine
from harken.types import InstanceHealth

CHILD = (sys.executable, str(Path(__file__).parent / "child.py"))
TIMEOUT_S = 20.0


class Owner:
    """Stands in for the dispatcher: remembers who is in service, and what happened."""

    def __init__(self) -> None:
        self.targets: dict[str, str] = {}
        self.weights: dict[str, float] = {}
        self.events: list[str] = []

    def add_target(self, name: str, url: str, open_line: OpenLine | None = None, *, weight: float = 1.0) -> None:
        """Take it into service."""
        self.targets[name] = url
        self.weights[name] = weight
        self.events.append(f"+{name}")

    def remove_target(self, name: str) -> None:
        """Take it out; who is not in service cannot leave it."""
        del self.targets[name]
        self.events.append(f"-{name}")

    def drain_target(self, name: str) -> None:
        """Give it nothing more."""
        self.events.append(f"~{name}")

    async def wait_drained(self, name: str, timeout_s: float) -> bool:
        """It never has anything."""
        return True

    async def wait_in_service(self, name: str) -> None:
        """Who is a target takes work at once."""


class Watched(LocalFleet):
    """A fleet that a test can wait for; every process it ever had is remembered."""

    seen: set[int]

    async def until(self, condition: Callable[[tuple[InstanceHealth, ...]], bool]) -> tuple[InstanceHealth, ...]:
        """Wait until its instances are as wanted."""
        async with asyncio.timeout(TIMEOUT_S):
            while True:
                lines = self.instances()
                self.seen = getattr(self, "seen", set()) | {line.pid for line in lines if line.pid}
                if condition(lines):
                    return lines
                await asyncio.sleep(0.005)


def all_ready(lines: tuple[InstanceHealth, ...]) -> bool:
    """Everybody is ready."""
    return all(line.state == "ready" for line in lines)


@asynccontextmanager
async def fleet(
    wishes: str = "",
    *,
    instances: int = 2,
    machine: Machine | None = None,
    stop_timeout_s: float = 10.0,
    turn_patience_s: float = 30.0,
    **config: float | str,
) -> AsyncIterator[tuple[Watched, Owner]]:
    """A fleet of stand-ins; afterwards no process and no target is left."""
    settings = {"instances": instances, "backoff_s": 0.01, "backoff_max_s": 0.02, "start_retries": 2, **config}
    owner = Owner()
    watched = Watched(
        Config(fleet=FleetConfig(**settings), instance=InstanceConfig(model=wishes)),  # type: ignore[arg-type]
        owner,
        machine=machine or Machine(cores=4, has_gpu=False),
        command=CHILD,
        stop_timeout_s=stop_timeout_s,
        turn_patience_s=turn_patience_s,
    )
    async with watched:
        yield watched, owner
        await watched.until(lambda _: True)
    assert owner.targets == {}
    assert not [pid for pid in watched.seen if psutil.pid_exists(pid)]
    assert {line.state for line in watched.instances()} <= {"stopped"}


def pid_of(lines: tuple[InstanceHealth, ...], name: str) -> int:
    """The process of one instance."""
    pid = next(line.pid for line in lines if line.name == name)
    assert pid is not None
    return pid


def test_instances_become_targets_and_leave_with_the_fleet() -> None:
    """Each is told to the owner when it listens, and taken away in the end."""

    async def story() -> None:
        async with fleet() as (local, owner):
            lines = await local.until(all_ready)
            assert [line.name for line in lines] == ["asr-1", "asr-2"]
            assert set(owner.targets) == {"asr-1", "asr-2"}

    asyncio.run(story())


def test_instances_have_their_weights_in_their_order() -> None:
    """As the guide's nginx has them."""

    async def story() -> None:
        async with fleet(weights="3,2") as (local, owner):
            await local.until(all_ready)
            assert owner.weights == {"asr-1": 3.0, "asr-2": 2.0}

    asyncio.run(story())


def test_a_killed_instance_comes_back() -> None:
    """Out of service at once, another process in its place, one restart counted."""

    async def story() -> None:
        async with fleet() as (local, owner):
            killed = pid_of(await local.until(all_ready), "asr-1")
            os.kill(killed, signal.SIGKILL)
            lines = await local.until(lambda now: all_ready(now) and now[0].pid != killed)
            assert [line.restarts for line in lines] == [1, 0]
            assert [event for event in owner.events if event.endswith("asr-1")] == ["+asr-1", "-asr-1", "+asr-1"]

    asyncio.run(story())


def test_a_stopped_instance_is_replaced_when_somebody_complains() -> None:
    """The dispatcher says who is silent; the process is killed although it hears nothing."""

    async def story() -> None:
        async with fleet() as (local, owner):
            stopped = pid_of(await local.until(all_ready), "asr-2")
            os.kill(stopped, signal.SIGSTOP)
            local.replace("asr-2")
            assert "asr-2" not in owner.targets
            lines = await local.until(lambda now: all_ready(now) and now[1].pid != stopped)
            assert [line.restarts for line in lines] == [0, 1]

    asyncio.run(story())


def test_a_complaint_about_nobody_is_no_error() -> None:
    """Dispatcher and fleet may notice the same death, in any order."""

    async def story() -> None:
        async with fleet() as (local, _):
            await local.until(all_ready)
            local.replace("asr-99")

    asyncio.run(story())


def test_a_hopeless_start_is_tried_once() -> None:
    """Exit code 3: no second process, and the fleet says why."""

    async def story() -> None:
        async with fleet("exit=3") as (local, _):
            async with asyncio.timeout(TIMEOUT_S):
                reason = await local.wait_broken()
            lines = local.instances()
        assert reason == "asr-1, asr-2: It ended with exit code 3: leaving with 3"
        assert [(line.state, line.restarts) for line in lines] == [("broken_at_start", 0)] * 2

    asyncio.run(story())


def test_a_start_that_keeps_failing_is_given_up() -> None:
    """Two retries, three starts, then the verdict."""

    async def story() -> None:
        async with fleet("exit=1", instances=1) as (local, _):
            async with asyncio.timeout(TIMEOUT_S):
                reason = await local.wait_broken()
            assert reason.startswith("asr-1: 3 starts failed in a row. It ended with exit code 1")
            assert local.instances()[0].restarts == 2

    asyncio.run(story())


def test_a_start_that_fails_once_is_tried_again(tmp_path: Path) -> None:
    """A passing fault is no verdict."""

    async def story() -> None:
        async with fleet(f"exit_unless={tmp_path / 'second'}", instances=1) as (local, _):
            lines = await local.until(all_ready)
            assert lines[0].restarts == 1

    asyncio.run(story())


def test_a_program_that_cannot_be_started_is_broken_too() -> None:
    """The verdict names the command."""

    async def story() -> None:
        config = Config(fleet=FleetConfig(instances=1, start_retries=0))
        async with LocalFleet(config, Owner(), command=("/no/such/harken",)) as local:
            async with asyncio.timeout(TIMEOUT_S):
                reason = await local.wait_broken()
        assert reason == "asr-1: It could not be started: /no/such/harken: No such file or directory"

    asyncio.run(story())


def test_want_of_descriptors_is_waited_for() -> None:
    """Not one retry is allowed, and yet it is tried until there are descriptors again; meanwhile /health says why."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)

    async def story() -> None:
        async with fleet(instances=1, start_retries=0) as (local, _):
            resource.setrlimit(resource.RLIMIT_NOFILE, (3, hard))
            try:
                lines = await local.until(lambda now: now[0].restarts > 2)
            finally:
                resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
            assert "Too many open files" in lines[0].detail
            await local.until(all_ready)

    asyncio.run(story())


def test_a_start_that_takes_too_long_is_ended() -> None:
    """A stopped or stuck start cannot hold its place for ever."""

    async def story() -> None:
        async with fleet("never_ready", instances=1, start_timeout_s=0.2, start_retries=0) as (local, owner):
            async with asyncio.timeout(TIMEOUT_S):
                reason = await local.wait_broken()
            assert "did not become ready in time" in reason
            assert owner.targets == {}

    asyncio.run(story())


def test_on_a_gpu_the_next_starts_when_the_first_is_ready() -> None:
    """One after another: while the first loads, the others have no process."""

    async def story() -> None:
        gpu = Machine(cores=4, has_gpu=True)
        async with fleet("never_ready", instances=3, machine=gpu) as (local, _):
            lines = await local.until(lambda now: now[0].url != "")
            assert [line.pid is not None for line in lines] == [True, False, False]
        async with fleet(instances=3, machine=gpu) as (local, _):
            await local.until(all_ready)

    asyncio.run(story())


def test_on_two_gpus_one_of_each_loads_at_a_time() -> None:
    """What is loading on one GPU keeps nobody waiting on another."""

    async def story() -> None:
        gpu = Machine(cores=4, has_gpu=True)
        async with fleet("never_ready", instances=4, machine=gpu, devices="cuda:0,cuda:1") as (local, _):
            lines = await local.until(lambda now: bool(now[0].url and now[1].url))
            assert [line.pid is not None for line in lines] == [True, True, False, False]

    asyncio.run(story())


def test_who_waits_for_its_turn_says_so() -> None:
    """An operator sees why there is no process yet."""

    async def story() -> None:
        async with fleet("never_ready", machine=Machine(cores=4, has_gpu=True)) as (local, _):
            lines = await local.until(lambda now: now[0].url != "")
            assert [line.detail for line in lines] == ["", "It waits for its turn to load."]

    asyncio.run(story())


@pytest.mark.slow
def test_a_start_that_hangs_loses_its_turn() -> None:
    """Nobody answers at the first one's address: it keeps its life, and the second one loads."""

    async def story() -> None:
        gpu = Machine(cores=4, has_gpu=True)
        async with fleet("never_ready", machine=gpu, turn_patience_s=0.1) as (local, _):
            first = pid_of(await local.until(lambda now: now[0].url != ""), "asr-1")
            lines = await local.until(lambda now: now[1].url != "")
            assert (lines[0].pid, lines[0].restarts) == (first, 0)

    asyncio.run(story())


@pytest.mark.slow
def test_who_was_ready_and_cannot_start_now_is_tried_again(tmp_path: Path) -> None:
    """Its program leaves with 3 for a while, as it does when its port is taken."""
    blocked = tmp_path / "blocked"

    async def story() -> None:
        async with fleet(f"exit_while={blocked}", instances=1) as (local, _):
            first = pid_of(await local.until(all_ready), "asr-1")
            blocked.touch()
            os.kill(first, signal.SIGKILL)
            lines = await local.until(lambda now: now[0].restarts > 5)
            assert lines[0].state != "broken_at_start"
            blocked.unlink()
            assert (await local.until(all_ready))[0].detail == ""

    asyncio.run(story())


@pytest.mark.slow
def test_an_instance_that_ignores_sigterm_is_killed() -> None:
    """Stopping the fleet ends in bounded time."""

    async def story() -> None:
        async with fleet("ignore_term", stop_timeout_s=0.2) as (local, _):
            await local.until(all_ready)

    asyncio.run(story())


def test_cancelling_the_fleet_leaves_nothing() -> None:
    """A second Ctrl-C cancels everything: the processes die with it."""

    async def story() -> None:
        seen: set[int] = set()

        async def serve() -> None:
            async with fleet() as (local, _):
                await local.until(all_ready)
                seen.update(local.seen)
                await asyncio.get_running_loop().create_future()

        serving = asyncio.create_task(serve())
        async with asyncio.timeout(TIMEOUT_S):
            while not seen:
                await asyncio.sleep(0.005)
        serving.cancel()
        await asyncio.wait([serving], timeout=TIMEOUT_S)
        assert not [pid for pid in seen if psutil.pid_exists(pid)]

    asyncio.run(story())
