"""One real child process: heard, ended, reaped."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import psutil
import pytest
import uvloop

from harken.fleet.process import Process
from harken.server.announce import Announcement, News

CHILD = [sys.executable, str(Path(__file__).parent / "child.py")]
TIMEOUT_S = 20.0


class Heard:
    """What came from a child."""

    def __init__(self) -> None:
        self.news: list[News] = []
        self.lines: list[str] = []
        self.is_ready = asyncio.Event()

    def on_news(self, announcement: Announcement) -> None:
        """Note an announcement."""
        self.news.append(announcement.news)
        if announcement.news is News.READY:
            self.is_ready.set()


@asynccontextmanager
async def child(
    wishes: str = "", command: list[str] = CHILD
) -> AsyncIterator[tuple[Process, Heard, asyncio.Task[int]]]:
    """A running child that is gone afterwards."""
    process = await Process.spawn(command, {**os.environ, "HARKEN_INSTANCE_MODEL": wishes})
    heard = Heard()
    life = asyncio.create_task(process.attend(heard.on_news, heard.lines.append))
    try:
        yield process, heard, life
    finally:
        process.kill()
        await asyncio.wait_for(asyncio.wait([life]), TIMEOUT_S)
    assert not psutil.pid_exists(process.pid)


async def ready(heard: Heard) -> None:
    """Wait until the child has announced that it is ready."""
    async with asyncio.timeout(TIMEOUT_S):
        await heard.is_ready.wait()


STAYS_BEHIND = """
import os, signal, sys
left = os.fork()
if left == 0:
    signal.pause()
print(left, file=sys.stderr)
"""


def test_what_it_left_behind_is_ended_with_it() -> None:
    """It left by itself, with exit code 0; its child has the same group, whatever that does."""

    async def story() -> None:
        async with child(command=[sys.executable, "-c", STAYS_BEHIND]) as (process, heard, life):
            assert await asyncio.wait_for(life, TIMEOUT_S) == 0
            (left,) = heard.lines
            assert left != str(process.pid)
            with suppress(psutil.NoSuchProcess):
                await asyncio.to_thread(psutil.Process(int(left)).wait, TIMEOUT_S)

    # On the loop that gateways have: asyncio's own waits for the pipes too, which the one left behind holds.
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(story())


def test_it_is_heard_and_leaves_when_asked() -> None:
    """Announcements in order; SIGTERM; exit code 0."""

    async def story() -> None:
        async with child() as (process, heard, life):
            await ready(heard)
            process.terminate()
            assert await asyncio.wait_for(life, TIMEOUT_S) == 0
        assert heard.news == [News.LISTENING, News.READY]

    asyncio.run(story())


def test_its_exit_code_and_last_lines_are_kept() -> None:
    """What it said before it left is known afterwards."""

    async def story() -> None:
        async with child("exit=3") as (process, heard, life):
            assert await asyncio.wait_for(life, TIMEOUT_S) == 3
        assert process.last_lines == ("leaving with 3",)
        assert heard.lines == ["leaving with 3"]

    asyncio.run(story())


def test_a_stopped_process_can_be_killed() -> None:
    """SIGKILL needs no cooperation."""

    async def story() -> None:
        async with child() as (process, heard, life):
            await ready(heard)
            os.kill(process.pid, signal.SIGSTOP)
            process.kill()
            assert await asyncio.wait_for(life, TIMEOUT_S) == -signal.SIGKILL

    asyncio.run(story())


def test_an_endless_line_fills_nobodys_memory() -> None:
    """Ten million characters without a line's end: the child is not blocked, and 2000 are kept."""

    async def story() -> None:
        async with child("flood=10000000") as (process, heard, _):
            await ready(heard)
            assert [len(line) for line in process.last_lines] == [2000]

    asyncio.run(story())


@pytest.mark.slow
def test_what_it_started_is_killed_with_it() -> None:
    """An instance may have helpers; none stays behind."""
    script = (
        "import subprocess, sys; helper = subprocess.Popen(['sleep', '600']);"
        "print(helper.pid, file=sys.stderr, flush=True); helper.wait()"
    )

    async def story() -> None:
        async with child(command=[sys.executable, "-c", script]) as (process, heard, life):
            async with asyncio.timeout(TIMEOUT_S):
                while not heard.lines:
                    await asyncio.sleep(0.005)
            helper = psutil.Process(int(heard.lines[0]))
            process.kill()
            await asyncio.wait_for(life, TIMEOUT_S)
        gone, _ = psutil.wait_procs([helper], timeout=TIMEOUT_S)
        assert gone or helper.status() == psutil.STATUS_ZOMBIE

    asyncio.run(story())


def test_cancelling_the_one_who_attends_ends_the_process() -> None:
    """However the owner leaves, no process stays."""

    async def story() -> None:
        async with child() as (process, heard, life):
            await ready(heard)
            life.cancel()
            await asyncio.wait_for(asyncio.wait([life]), TIMEOUT_S)
            assert not psutil.pid_exists(process.pid)

    asyncio.run(story())


def test_a_command_that_does_not_exist_is_an_error() -> None:
    """And leaks no descriptor."""

    async def story() -> None:
        before = psutil.Process().num_fds()
        with pytest.raises(FileNotFoundError):
            await Process.spawn(["/no/such/harken"], {})
        assert psutil.Process().num_fds() == before

    asyncio.run(story())
