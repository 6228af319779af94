"""One child process: started, heard, and always reaped.

Thin effects, no opinion. The child leads a session of its own (Ctrl-C in the terminal reaches only the gateway, which
then stops its instances in order; a kill reaches whatever the child started). Its two outputs are read all the time and
never block it: standard output carries announcements, standard error is passed on to our log, and its last lines are
kept. Its standard input is a pipe that we hold open and never write to: see `harken.server.orphan`.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import Self

from harken.server.announce import Announcement, parse_line
from harken.server.orphan import SUPERVISOR_PID

_LINES_KEPT = 40
_LINE_CHARS = 2000
_CHUNK_BYTES = 65_536
_DRAIN_TIMEOUT_S = 1.0


class Process:
    """A running child; make one with `spawn`."""

    def __init__(self, child: asyncio.subprocess.Process, lifeline: int) -> None:
        self._child = child
        self._lifeline = lifeline
        self._last_lines: deque[str] = deque(maxlen=_LINES_KEPT)

    @classmethod
    async def spawn(cls, command: Sequence[str], env: Mapping[str, str]) -> Self:
        """Start `command` with exactly the variables in `env`, and our process number for its orphan watch.

        Raises:
            OSError: it cannot be started.
        """
        theirs, ours = os.pipe()
        try:
            child = await asyncio.create_subprocess_exec(
                *command,
                stdin=theirs,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                env={**env, SUPERVISOR_PID: str(os.getpid())},
                start_new_session=True,
            )
        except BaseException:
            os.close(ours)
            raise
        finally:
            os.close(theirs)
        return cls(child, ours)

    @property
    def pid(self) -> int:
        """Its process number."""
        return self._child.pid

    @property
    def last_lines(self) -> tuple[str, ...]:
        """The last lines of its standard error, each at most 2000 characters."""
        return tuple(self._last_lines)

    async def attend(self, on_news: Callable[[Announcement], None], on_line: Callable[[str], None]) -> int:
        """Read its outputs until it has exited; return its exit code, negative for a signal.

        Whatever happens here, cancellation included, the process is dead and reaped afterwards.

        Args:
            on_news: gets each announcement.
            on_line: gets each line of standard error, and any line of standard output that announces nothing.
        """
        try:
            async with asyncio.TaskGroup() as group:
                outputs = group.create_task(self._listen(on_news, on_line)), group.create_task(self._hear(on_line))
                code = await self._child.wait()
                # A grandchild may hold the outputs open long after the child is gone.
                await asyncio.wait(outputs, timeout=_DRAIN_TIMEOUT_S)
                for output in outputs:
                    output.cancel()
            return code
        finally:
            self.kill()
            await self._child.wait()
            self._kill_left()
            os.close(self._lifeline)

    def terminate(self) -> None:
        """Ask it to drain and leave."""
        with contextlib.suppress(ProcessLookupError):
            self._child.terminate()

    def kill(self) -> None:
        """End it, and what it started, at once; works on a stopped process too."""
        # Once reaped, its number may belong to somebody else.
        if self._child.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._child.pid, signal.SIGKILL)

    def _kill_left(self) -> None:
        """End what it started and left behind, however it ended itself: that may hold its port, or its GPU's memory.

        Its number cannot be anybody else's as long as one of its group lives, and nobody's in the moment after its end.
        """
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._child.pid, signal.SIGKILL)

    async def _listen(self, on_news: Callable[[Announcement], None], on_line: Callable[[str], None]) -> None:
        async for line in _lines(self._child.stdout):
            announcement = parse_line(line)
            if announcement is None:
                on_line(line)
            else:
                on_news(announcement)

    async def _hear(self, on_line: Callable[[str], None]) -> None:
        async for line in _lines(self._child.stderr):
            self._last_lines.append(line)
            on_line(line)


async def _lines(stream: asyncio.StreamReader | None) -> AsyncIterator[str]:
    """Yield lines; what exceeds 2000 characters of one is left out, so that no output can fill our memory."""
    assert stream is not None, "spawned with pipes"
    line = bytearray()
    while chunk := await stream.read(_CHUNK_BYTES):
        *ends, rest = chunk.split(b"\n")
        for end in ends:
            line += end
            yield _text(line)
            line.clear()
        line += rest[: max(0, _LINE_CHARS - len(line))]
    if line:
        yield _text(line)


def _text(line: bytearray) -> str:
    return line[:_LINE_CHARS].decode("utf-8", errors="replace").rstrip("\r")
