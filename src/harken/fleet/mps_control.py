"""Talks to `nvidia-cuda-mps-control`: starts the daemon, and asks the one that runs.

Thin effects, no opinion. Every question is a process of its own that gets one line and answers with some. The daemon is
never given a pipe of ours: it would hold it open for as long as it lives. It does not inherit CUDA_VISIBLE_DEVICES
either, because it would number the devices anew, and its clients would then choose among those by the old numbers.
"""

from __future__ import annotations

import asyncio
import contextlib
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import Mapping
from pathlib import Path

from harken.fleet.mps_plan import PROGRAM, daemon_variables, log_folder, pipe_folder, read_pids

_TIMEOUT_S = 10.0
_PID_FILE = f"{PROGRAM}.pid"
_START_FILE = "start.log"


class MpsControl:
    """The control program, for the daemon of one folder.

    Args:
        folder: has the sockets and the log.
        surroundings: the environment that it inherits.
    """

    def __init__(self, folder: Path, surroundings: Mapping[str, str]) -> None:
        self._folder = folder
        inherited = {name: value for name, value in surroundings.items() if name != "CUDA_VISIBLE_DEVICES"}
        self._env = inherited | daemon_variables(folder)

    async def start(self) -> str:
        """Start the daemon in the background; return what it complained of, "" for nothing.

        Its word is not proof: with a path that is too long it says nothing and is gone. Ask it.
        """
        said = log_folder(self._folder) / _START_FILE
        try:
            with said.open("wb") as output:
                process = await asyncio.create_subprocess_exec(
                    PROGRAM, "-d", stdin=DEVNULL, stdout=output, stderr=output, env=self._env, start_new_session=True
                )
                code = await _end_of(process)
            words = said.read_text(encoding="utf-8", errors="replace").split()
        except OSError as error:
            return f"{PROGRAM}: {error.strerror or error}"
        if code == 0:
            return ""
        return " ".join(words)[:500] or f"{PROGRAM} -d ended with exit code {code}."

    def daemon_pid(self) -> int | None:
        """Read which process says that it is the daemon; it may be long gone."""
        try:
            pids = read_pids((pipe_folder(self._folder) / _PID_FILE).read_text(encoding="ascii", errors="replace"))
        except OSError:
            return None
        return pids[0] if pids else None

    async def clients(self) -> frozenset[int] | None:
        """Ask which processes use it, through whichever server; None where it does not answer."""
        servers = await self.ask("get_server_list")
        if servers is None:
            return None
        found: set[int] = set()
        for server in read_pids(servers):
            # A server may end between the two questions; then it has no clients.
            found.update(read_pids(await self.ask(f"get_client_list {server}") or ""))
        return frozenset(found)

    async def ask(self, command: str) -> str | None:
        """Send one command; None where there is no daemon, or it does not answer in time."""
        try:
            process = await asyncio.create_subprocess_exec(
                PROGRAM, stdin=PIPE, stdout=PIPE, stderr=DEVNULL, env=self._env, start_new_session=True
            )
        except OSError:
            return None
        try:
            async with asyncio.timeout(_TIMEOUT_S):
                output, _ = await process.communicate(f"{command}\n".encode())
        except (TimeoutError, OSError):
            return None
        finally:
            await _reap(process)
        return output.decode("utf-8", errors="replace") if process.returncode == 0 else None


async def _end_of(process: asyncio.subprocess.Process) -> int | None:
    """Wait for it; None where it took too long and was killed."""
    try:
        async with asyncio.timeout(_TIMEOUT_S):
            return await process.wait()
    except TimeoutError:
        return None
    finally:
        await _reap(process)


async def _reap(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()
