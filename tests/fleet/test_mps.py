"""The MPS daemon of a fleet, with a real process that stands in for NVIDIA's control program."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from harken.clock import SystemClock
from harken.config import FleetConfig
from harken.fleet.mps import MpsDaemon
from harken.fleet.mps_folder import mps_folder
from harken.fleet.mps_plan import daemon_variables
from tests.fleet.mps_fakes import HERE, FakeMps, fake_mps

TIMEOUT_S = 30.0

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="there is no MPS elsewhere"),
]


@pytest.fixture(name="machine")
def _machine() -> Iterator[FakeMps]:
    with fake_mps() as machine:
        yield machine


@asynccontextmanager
async def running(machine: FakeMps, *, state: Path | None = None) -> AsyncIterator[tuple[MpsDaemon, list[str]]]:
    """A daemon, and a list that gets a word for each of its deaths."""
    deaths: list[str] = []
    config = FleetConfig(backoff_s=0.01, backoff_max_s=0.02, mps="on", mps_thread_percentage=40)
    daemon = MpsDaemon(
        config, state or machine.state, machine.env, clock=SystemClock(), on_died=lambda: deaths.append("died")
    )
    async with daemon:
        yield daemon, deaths


async def until(condition: Callable[[], bool]) -> None:
    """Wait until something is as wanted."""
    async with asyncio.timeout(TIMEOUT_S):
        while not condition():
            await asyncio.sleep(0.01)


def become_client(daemon: MpsDaemon) -> subprocess.Popen[bytes]:
    """A process that uses the daemon."""
    command = [sys.executable, str(HERE / "fake_mps_client.py"), sys.executable, "-c", "input('here\\n')"]
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env={**os.environ, **daemon.variables}
    )
    assert process.stdout is not None
    process.stdout.readline()
    return process


def run(story: Coroutine[object, object, None]) -> None:
    """Run a story."""
    asyncio.run(asyncio.wait_for(story, TIMEOUT_S))


def test_the_daemon_runs_while_it_is_wanted_and_leaves_nothing_but_its_log(machine: FakeMps) -> None:
    """Its folders are below the state folder, for nobody else to read; it chooses no GPUs by itself."""

    async def story() -> None:
        async with running(machine) as (daemon, deaths):
            (pid,) = machine.daemons()
            assert daemon.variables == {
                "CUDA_MPS_PIPE_DIRECTORY": str(machine.state / "mps" / "pipe"),
                "CUDA_MPS_LOG_DIRECTORY": str(machine.state / "mps" / "log"),
                "CUDA_MPS_ACTIVE_THREAD_PERCENTAGE": "40",
            }
            assert (machine.state / "mps" / "pipe").stat().st_mode & 0o077 == 0
            assert os.getsid(pid) != os.getsid(0), "Ctrl-C is for the gateway"
        assert deaths == []
        assert machine.daemons() == set()
        assert [part.name for part in (machine.state / "mps").iterdir()] == ["log"]

    run(story())
    assert machine.calls[-1]["command"] == "quit"
    assert {call["visible"] for call in machine.calls} == {None}


def test_a_daemon_that_a_killed_gateway_left_is_taken_over_and_stopped(
    machine: FakeMps, capsys: pytest.CaptureFixture[str]
) -> None:
    """No second one is started beside it."""

    async def story() -> None:
        with mps_folder(machine.state) as folder:
            for part in ("pipe", "log"):
                (folder / part).mkdir()
            program = machine.folder / "bin" / "nvidia-cuda-mps-control"
            subprocess.run([program, "-d"], env={**machine.env, **daemon_variables(folder)}, check=True)
            await until((folder / "pipe" / "nvidia-cuda-mps-control.pid").exists)
            (left,) = machine.daemons()
            # A killed gateway's lock is gone, but nobody cleans up after it.
            folder.rename(machine.folder / "kept")
        (machine.folder / "kept").rename(machine.state / "mps")
        async with running(machine):
            assert machine.daemons() == {left}

    run(story())
    assert "mps.taken_over" in capsys.readouterr().out


def test_a_daemon_that_dies_is_told_and_started_again(machine: FakeMps, capsys: pytest.CaptureFixture[str]) -> None:
    """Whoever wants to start meanwhile waits until it is there."""

    async def story() -> None:
        async with running(machine) as (daemon, deaths):
            (first,) = machine.daemons()
            os.kill(first, signal.SIGKILL)
            await until(lambda: deaths == ["died"])
            await daemon.settled()
            (second,) = machine.daemons()
            assert second != first

    run(story())
    assert "mps.died" in capsys.readouterr().out


def test_a_daemon_that_cannot_be_started_is_tried_again_until_it_can(
    machine: FakeMps, capsys: pytest.CaptureFixture[str]
) -> None:
    """Meanwhile nobody is kept waiting, and nothing is claimed."""

    async def story() -> None:
        machine.refuse()
        async with running(machine) as (daemon, deaths):
            await daemon.settled()
            assert "does not answer" in await daemon.check("asr-1", os.getpid())
            machine.refuse(refuses=False)
            await until(lambda: bool(machine.daemons()))
            await until(lambda: any(call["command"] == "get_server_list" for call in machine.calls[-1:]))
            assert deaths == []

    run(story())
    told = capsys.readouterr().out
    assert "Failed to start: no permission" in told
    assert "mps.not_started" in told


def test_who_is_no_client_is_told_and_who_is_one_is_not(machine: FakeMps, capsys: pytest.CaptureFixture[str]) -> None:
    """CUDA itself says nothing where it does without MPS."""

    async def story() -> None:
        async with running(machine) as (daemon, _):
            with become_client(daemon) as client:
                assert await daemon.check("asr-1", client.pid) == ""
                remark = await daemon.check("asr-2", os.getpid())
                client.communicate(b"\n")
            assert remark == (
                "It was to share its GPU through MPS and does not: the MPS daemon does not have it as a client."
            )

    run(story())
    told = capsys.readouterr().out
    used, not_used = (next(line for line in told.splitlines() if word in line) for word in ("mps.used", "mps.not_used"))
    assert "asr-1" in used
    assert "asr-2" in not_used


@pytest.mark.parametrize("why", ["too long", "held", "not a folder"])
def test_where_the_state_folder_will_not_do_the_daemon_has_a_temporary_one(machine: FakeMps, why: str) -> None:
    """Its path is too long for a socket, another gateway is there, or it cannot be made."""
    state = machine.folder / ("x" * 80) if why == "too long" else machine.state

    async def story() -> None:
        async with running(machine, state=state) as (daemon, _):
            pipe = Path(daemon.variables["CUDA_MPS_PIPE_DIRECTORY"])
            assert not pipe.is_relative_to(state)
            assert len(machine.daemons()) == 1
        assert not pipe.parent.exists()

    if why == "held":
        with mps_folder(state) as held:
            run(story())
            assert held.exists()
    else:
        if why == "not a folder":
            state.touch()
        run(story())


def test_cutting_a_start_short_leaves_no_daemon(machine: FakeMps) -> None:
    """A second Ctrl-C may come at any moment."""

    async def story() -> None:
        async def serve() -> None:
            async with running(machine):
                await asyncio.get_running_loop().create_future()

        serving = asyncio.create_task(serve())
        await until(lambda: bool(machine.daemons()))
        serving.cancel()
        await asyncio.wait([serving], timeout=TIMEOUT_S)
        assert serving.cancelled()

    run(story())
