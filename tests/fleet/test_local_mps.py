"""Real stub instances that share one GPU through a daemon, as far as the control program shows."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import pytest

from harken.config import Config, FleetConfig, InstanceConfig, StateConfig
from harken.fleet.machine import Machine
from harken.fleet.plan import COMMAND
from tests.cluster import assert_gone, running_cluster
from tests.fleet.mps_fakes import HERE, FakeMps, fake_mps
from tests.fleet.test_local import TIMEOUT_S, Owner, Watched, all_ready, pid_of

GPU = Machine(cores=4, has_gpu=True, has_mps=True)
CLIENT = (sys.executable, str(HERE / "fake_mps_client.py"), *COMMAND)

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="there is no MPS elsewhere"),
]


@pytest.fixture(name="machine")
def _machine() -> Iterator[FakeMps]:
    with fake_mps() as machine:
        yield machine


@asynccontextmanager
async def stubs(
    machine: FakeMps, *, command: tuple[str, ...] = CLIENT, model: str = "stub", **fleet: int | str
) -> AsyncIterator[Watched]:
    """Stub instances, under MPS where a GPU has several; afterwards none is left."""
    settings = {"instances": 2, "first_port": 0, "devices": "cuda:0", "mps": "auto", "backoff_s": 0.01, **fleet}
    watched = Watched(
        Config(
            fleet=FleetConfig(**settings),  # type: ignore[arg-type]
            instance=InstanceConfig(model=model),
            state=StateConfig(folder=str(machine.state)),
        ),
        Owner(),
        machine=GPU,
        command=command,
        surroundings=machine.env,
    )
    async with watched:
        yield watched
        await watched.until(lambda _: True)
    assert_gone(watched.seen)


def lines_with(event: str, told: str) -> list[str]:
    """The log's lines of one event."""
    return [line for line in told.splitlines() if re.search(rf"\b{re.escape(event)}\b", line)]


async def until_told(event: str, times: int, capsys: pytest.CaptureFixture[str]) -> str:
    """Wait until an event was logged so often; return the log up to then."""
    told = ""
    async with asyncio.timeout(TIMEOUT_S):
        while len(lines_with(event, told)) < times:
            await asyncio.sleep(0.01)
            told += capsys.readouterr().out
    return told


def test_instances_of_one_gpu_use_the_daemon_which_leaves_after_them(
    machine: FakeMps, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each is asked for by its process; the instance that has a GPU alone is not under MPS."""

    async def story() -> None:
        async with stubs(machine, instances=3, devices="cuda:0,cuda:1") as local:
            lines = await local.until(all_ready)
            told = await until_told("mps.used", 2, capsys)
            assert [line.detail for line in local.instances()] == ["", "", ""]
            assert {name for line in lines_with("mps.used", told) for name in re.findall(r"asr-\d", line)} == {
                "asr-1",
                "asr-3",
            }
            assert not {pid_of(lines, "asr-2")} & set(machine.calls[-1]["clients"])

    asyncio.run(story())
    assert machine.calls[-1]["command"] == "quit"
    assert machine.calls[-1]["clients"] == [], "instances were gone before the daemon"


def test_an_instance_that_does_not_use_mps_says_so(machine: FakeMps, capsys: pytest.CaptureFixture[str]) -> None:
    """It works all the same, and /health shows why it is slower than it was to be."""

    async def story() -> None:
        async with stubs(machine, command=COMMAND, instances=1, mps="on") as local:
            lines = await local.until(lambda now: "does not" in now[0].detail)
            assert lines[0].state == "ready"
            assert lines[0].detail == (
                "It was to share its GPU through MPS and does not: the MPS daemon does not have it as a client."
            )

    asyncio.run(story())
    (warning,) = lines_with("mps.not_used", capsys.readouterr().out)
    assert "asr-1" in warning


def test_two_killed_instances_come_back_one_before_the_other_and_use_the_daemon_again(
    machine: FakeMps, capsys: pytest.CaptureFixture[str]
) -> None:
    """SIGKILL to both stubs of one GPU: the device is suspect, one proves it, the other follows."""

    async def story() -> None:
        async with stubs(machine) as local:
            lines = await local.until(all_ready)
            killed = {pid_of(lines, name) for name in ("asr-1", "asr-2")}
            for pid in killed:
                os.kill(pid, signal.SIGKILL)
            held = "It waits until another instance has shown that cuda:0 works."
            await local.until(lambda now: held in (now[0].detail, now[1].detail))
            lines = await local.until(lambda now: all_ready(now) and not killed & {line.pid for line in now})
            assert [line.restarts for line in lines] == [1, 1]

    asyncio.run(story())
    told = capsys.readouterr().out
    events = re.findall(r"device\.(?:suspect|probed|well|given_up)", told)
    assert events == ["device.suspect", "device.probed", "device.well"]
    assert not lines_with("mps.not_used", told)


def test_a_daemon_that_dies_makes_its_gpu_suspect_and_is_there_again_before_the_next_start(
    machine: FakeMps, capsys: pytest.CaptureFixture[str]
) -> None:
    """What runs goes on and says what it has lost; what is started afterwards uses the new daemon."""

    async def story() -> None:
        async with stubs(machine) as local:
            lines = await local.until(all_ready)
            await until_told("mps.used", 2, capsys)
            (daemon,) = machine.daemons()
            os.kill(daemon, signal.SIGKILL)
            lost = "The MPS daemon that it was started with has died."
            await local.until(lambda now: [line.detail for line in now] == [lost, lost])
            killed = pid_of(lines, "asr-1")
            os.kill(killed, signal.SIGKILL)
            lines = await local.until(lambda now: all_ready(now) and now[0].pid != killed)
            told = await until_told("mps.used", 1, capsys)
            assert lines_with("mps.died", told)
            assert "The MPS daemon died." in lines_with("device.suspect", told)[0]
            assert (lines[0].detail, lines[1].detail) == ("", lost)
            assert machine.daemons() != {daemon}

    asyncio.run(story())


def test_harken_up_runs_a_daemon_and_leaves_none(machine: FakeMps) -> None:
    """The whole process, on its own event loop: `nvidia-smi` is there, and so is the control program."""
    smi = machine.folder / "bin" / "nvidia-smi"
    smi.write_text("#!/bin/sh\necho 'GPU 0: NVIDIA A100 (UUID: GPU-1)'\n", encoding="utf-8")
    smi.chmod(0o755)
    settings = ["fleet.devices=all", "fleet.mps=on", f"state.folder={machine.state}"]
    flags = ["--model", "stub", "--instances", "2", *(part for one in settings for part in ("--set", one))]
    with running_cluster(*flags, env=machine.env) as cluster:
        health = cluster.wait_ready(2)
        assert len(machine.daemons()) == 1
        while "" in {one["detail"] for one in health["instances"]}:
            health = cluster.health()
        assert {one["detail"].split(":")[0] for one in health["instances"]} == {
            "It was to share its GPU through MPS and does not"
        }
    assert machine.calls[-1]["command"] == "quit"
