"""Which ends of real processes are reported, and what the report knows."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from harken.config import Config, FleetConfig, InstanceConfig
from harken.fleet.crash import Crash
from harken.fleet.machine import Machine
from tests.fleet.test_local import CHILD, Owner, Watched, all_ready, pid_of

pytestmark = pytest.mark.slow


@asynccontextmanager
async def _fleet(
    wishes: str = "", *, command: tuple[str, ...] = CHILD, **config: float
) -> AsyncIterator[tuple[Watched, list[Crash]]]:
    """One stand-in for an instance, and the reports about it."""
    settings = {"instances": 1, "backoff_s": 0.01, "backoff_max_s": 0.02, "start_retries": 1, **config}
    crashes: list[Crash] = []
    local = Watched(
        Config(fleet=FleetConfig(**settings), instance=InstanceConfig(model=wishes)),  # type: ignore[arg-type]
        Owner(),
        machine=Machine(cores=2, has_gpu=False),
        command=command,
        stop_timeout_s=0.5,
        on_crash=crashes.append,
    )
    async with local:
        yield local, crashes


def test_a_killed_process_is_reported_once_and_an_orderly_end_is_not() -> None:
    """With its number, how long it ran, and that it had been ready."""

    async def story() -> list[Crash]:
        async with _fleet() as (local, crashes):
            pid = pid_of(await local.until(all_ready), "asr-1")
            os.kill(pid, signal.SIGKILL)
            await local.until(lambda lines: lines[0].pid not in (None, pid) and all_ready(lines))
            assert [(crash.pid, crash.signal, crash.phase) for crash in crashes] == [(pid, "SIGKILL", "ready")]
        return crashes

    (crash,) = asyncio.run(story())
    assert crash.was_ready and crash.uptime_s > 0 and crash.restarts == 0


def test_a_failed_start_is_reported_with_its_last_words(tmp_path: Path) -> None:
    """And so is the next one, which ends all trying."""
    (tmp_path / "broken").touch()

    async def story() -> list[Crash]:
        async with _fleet(f"crash_while={tmp_path / 'broken'}") as (local, crashes):
            await local.wait_broken()
        return crashes

    first, second = asyncio.run(story())
    assert (first.exit_code, first.phase, first.was_ready) == (1, "starting", False)
    assert first.last_lines == ("out of memory",)
    assert (first.restarts, second.restarts) == (0, 1)
    assert "out of memory" in second.reason


@pytest.mark.parametrize("why", ["", "It no longer answered", "It failed its canary (The engine failed)"])
def test_a_process_that_is_replaced_is_reported_as_killed_for_what_it_did(why: str) -> None:
    """Not as killed by somebody, nor as silent where it answered."""

    async def story() -> list[Crash]:
        async with _fleet() as (local, crashes):
            pid = pid_of(await local.until(all_ready), "asr-1")
            local.replace("asr-1", why)
            await local.until(lambda lines: lines[0].pid not in (None, pid) and all_ready(lines))
        return crashes

    (crash,) = asyncio.run(story())
    assert crash.how == f"{why or 'It no longer answered'}, and was killed."


def test_a_process_that_never_becomes_ready_is_reported_as_too_slow() -> None:
    """After its time limit."""

    async def story() -> list[Crash]:
        async with _fleet("never_ready", start_timeout_s=0.5, start_retries=0) as (local, crashes):
            await local.wait_broken()
        return crashes

    (crash,) = asyncio.run(story())
    assert crash.how == "It did not become ready in time; killed."


def test_a_process_that_cannot_be_created_is_reported_without_one() -> None:
    """The program is not there."""

    async def story() -> list[Crash]:
        async with _fleet(command=("/nowhere/harken",), start_retries=0) as (local, crashes):
            await local.wait_broken()
        return crashes

    (crash,) = asyncio.run(story())
    assert (crash.how, crash.pid, crash.exit_code) == ("It could not be started.", None, None)
    assert "No such file" in crash.reason


def test_a_process_that_does_not_leave_when_asked_is_reported() -> None:
    """Its last lines may tell why."""

    async def story() -> list[Crash]:
        async with _fleet("ignore_term") as (local, crashes):
            await local.until(all_ready)
        return crashes

    (crash,) = asyncio.run(story())
    assert (crash.how, crash.phase) == ("It did not leave in time, and was killed.", "stopping")
