"""Real processes that share a GPU: they fail together, come back one before the others, or not at all."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path

import pytest

from harken.fleet.machine import Machine
from harken.types import InstanceHealth
from tests.fleet.test_local import TIMEOUT_S, Watched, all_ready, fleet, pid_of

GPU = Machine(cores=4, has_gpu=True)
TWO = "cuda:0,cuda:1"


def kill(local: Watched, *names: str) -> None:
    """SIGKILL to several at the same time."""
    for name in names:
        os.kill(pid_of(local.instances(), name), signal.SIGKILL)


def line_of(lines: tuple[InstanceHealth, ...], name: str) -> InstanceHealth:
    """What is known of one."""
    return next(line for line in lines if line.name == name)


def test_two_killed_instances_of_one_gpu_come_back_one_before_the_other(tmp_path: Path) -> None:
    """While the probe loads, the other waits and says for what; the other GPU's instances go on."""
    blocked = tmp_path / "blocked"

    async def story() -> None:
        async with fleet(f"mute_while={blocked}", instances=4, machine=GPU, devices=TWO) as (local, _):
            others = [line.pid for line in (await local.until(all_ready))[1::2]]
            blocked.touch()
            kill(local, "asr-1", "asr-3")
            held = "It waits until another instance has shown that cuda:0 works."
            lines = await local.until(lambda now: held in {line.detail for line in now})
            probe, waiting = sorted((lines[0], lines[2]), key=lambda line: line.detail == held)
            await local.until(lambda now: line_of(now, probe.name).url != "")
            assert line_of(local.instances(), waiting.name).pid is None
            assert [line.pid for line in local.instances()[1::2]] == others
            blocked.unlink()
            lines = await local.until(all_ready)
            assert [line.pid for line in lines[1::2]] == others
            second = line_of(lines, waiting.name)
            assert (second.restarts, second.detail) == (1, "")

    asyncio.run(story())


@pytest.mark.slow
def test_a_gpu_whose_instances_cannot_come_back_is_given_up_and_the_other_goes_on(tmp_path: Path) -> None:
    """Broken with the device's name in the reason; `harken up` does not end, because two still work."""
    blocked = tmp_path / "blocked"

    async def story() -> None:
        async with fleet(f"crash_while={blocked}", instances=4, machine=GPU, devices=TWO) as (local, owner):
            others = [line.pid for line in (await local.until(all_ready))[1::2]]
            blocked.touch()
            kill(local, "asr-1", "asr-3")
            lines = await local.until(lambda now: now[0].state == now[2].state == "broken_at_start")
            for line in lines[::2]:
                assert line.detail.startswith("The device cuda:0 is given up: ")
                assert line.detail.endswith("It ended with exit code 1: out of memory")
            assert [(line.state, line.pid) for line in lines[1::2]] == [("ready", pid) for pid in others]
            assert set(owner.targets) == {"asr-2", "asr-4"}
            kill(local, "asr-2")
            blocked.unlink()
            await local.until(lambda now: now[1].state == "ready" and now[1].restarts > 0)

    asyncio.run(story())


def test_what_still_runs_on_a_gpu_that_is_given_up_goes_on_until_it_fails(tmp_path: Path) -> None:
    """Then there is nobody left, and the fleet says so."""
    blocked = tmp_path / "blocked"

    async def story() -> None:
        async with fleet(f"crash_while={blocked}", instances=3, machine=GPU) as (local, owner):
            await local.until(all_ready)
            blocked.touch()
            kill(local, "asr-1", "asr-2")
            lines = await local.until(lambda now: now[0].state == now[1].state == "broken_at_start")
            assert (lines[2].state, set(owner.targets)) == ("ready", {"asr-3"})
            kill(local, "asr-3")
            async with asyncio.timeout(TIMEOUT_S):
                reason = await local.wait_broken()
            assert reason.startswith("asr-1, asr-2, asr-3: The device auto is given up: ")

    asyncio.run(story())


def test_a_probe_that_cannot_have_its_port_lets_another_try(tmp_path: Path) -> None:
    """That says nothing of the GPU: nobody waits for it."""
    blocked = tmp_path / "asr-1-blocked"

    async def story() -> None:
        async with fleet(f"exit_asr-1_while={blocked}", machine=GPU) as (local, _):
            await local.until(all_ready)
            blocked.touch()
            kill(local, "asr-1", "asr-2")
            lines = await local.until(lambda now: now[1].state == "ready" and now[1].restarts > 0)
            assert lines[0].state in ("waiting", "starting")
            blocked.unlink()
            await local.until(all_ready)

    asyncio.run(story())


@pytest.mark.slow
def test_on_a_cpu_each_comes_back_by_itself(tmp_path: Path) -> None:
    """Two that crash together are two that crashed: as ever, they are tried again without end."""
    blocked = tmp_path / "blocked"

    async def story() -> None:
        async with fleet(f"crash_while={blocked}") as (local, _):
            await local.until(all_ready)
            blocked.touch()
            kill(local, "asr-1", "asr-2")
            await local.until(lambda now: all(line.restarts > 5 for line in now))
            blocked.unlink()
            await local.until(all_ready)

    asyncio.run(story())


@pytest.mark.slow
def test_an_operator_may_have_a_gpu_tried_again_that_was_given_up(tmp_path: Path) -> None:
    """Meanwhile further instances go elsewhere."""
    blocked = tmp_path / "blocked"

    async def story() -> None:
        async with fleet(f"crash_while={blocked}", instances=4, machine=GPU, devices=TWO) as (local, _):
            await local.until(all_ready)
            blocked.touch()
            kill(local, "asr-1", "asr-3")
            await local.until(lambda now: now[0].state == now[2].state == "broken_at_start")
            assert local.laid_next("x").device == "cuda:1"
            blocked.unlink()
            local.start("asr-3")
            await local.until(lambda now: now[2].state == "ready")
            local.start("asr-1")
            await local.until(all_ready)
            assert local.laid_next("x").device == "cuda:0"

    asyncio.run(story())
