"""The MPS daemon of a fleet: there before the instances, watched while they run, gone after them.

One daemon serves all GPUs. It puts itself in the background, so it is no child of ours: its end is learnt from the
kernel (a pidfd), and it is started again with the supervisor's waits. What dies with it is for the owner to decide.
Whether an instance really uses it is asked, never assumed: CUDA falls back without a word. The invariant: after `async
with`, the daemon is gone, unless it ended by itself before; one that a killed gateway left behind is taken over.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

from harken.clock import Clock
from harken.config import FleetConfig
from harken.fleet.mps_control import MpsControl
from harken.fleet.mps_folder import empty, mps_folder
from harken.fleet.mps_plan import client_variables
from harken.log import get_log

_STOP_TIMEOUT_S = 10.0
_START_TIMEOUT_S = 10.0
_ASK_AGAIN_S = 0.05
"""Between two questions to a daemon that has just been started."""

_UNWATCHED = "it answers, but which process it is cannot be told"

_STABLE_BACKOFFS = 2.0
"""As in the supervisor: who lived for so many of the longest waits starts again with a clean record."""

_log = get_log("fleet.mps")


class MpsDaemon:
    """One daemon.

    Args:
        config: waits before it is started again, and how much of a GPU an instance may use.
        state: the state folder.
        surroundings: the environment that it inherits.
        clock: tells how long it lived.
        on_died: called when it has died; it is started again by itself.

    Attributes:
        variables: what an instance needs to use it.
    """

    def __init__(
        self,
        config: FleetConfig,
        state: Path,
        surroundings: Mapping[str, str],
        *,
        clock: Clock,
        on_died: Callable[[], None],
    ) -> None:
        self._config = config
        self._state = state
        self._surroundings = surroundings
        self._clock = clock
        self._on_died = on_died
        self._stack = AsyncExitStack()
        self._settled = asyncio.Event()
        self._starting = asyncio.Lock()
        self._handle: int | None = None
        self._folder: Path
        self._control: MpsControl
        self.variables: Mapping[str, str] = {}

    async def __aenter__(self) -> Self:
        """Start it, or take over the one that is there; where neither can be, say so and go on trying."""
        async with AsyncExitStack() as stack:
            self._folder = stack.enter_context(mps_folder(self._state))
            self._control = MpsControl(self._folder, self._surroundings)
            self.variables = client_variables(self._folder, self._config)
            group = await stack.enter_async_context(asyncio.TaskGroup())
            stack.push_async_callback(self._stop, group.create_task(self._keep()))
            await self._settled.wait()
            self._stack = stack.pop_all()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Stop it, and clean up."""
        await self._stack.__aexit__(None, None, None)

    async def settled(self) -> None:
        """Wait until it runs, or could not be started again at once after it died."""
        await self._settled.wait()

    async def check(self, instance: str, pid: int) -> str:
        """Ask whether a process uses it; return a sentence where it does not, or where nobody can tell; else "".

        Args:
            instance: whose process it is.
            pid: of the process.
        """
        clients = await self._control.clients()
        if clients is not None and pid in clients:
            _log.info("mps.used", instance=instance, pid=pid)
            return ""
        if clients is None:
            remark = "Whether it shares its GPU through MPS is not known: the MPS daemon does not answer."
        else:
            remark = "It was to share its GPU through MPS and does not: the MPS daemon does not have it as a client."
        _log.warning("mps.not_used", instance=instance, pid=pid, reason=remark)
        return remark

    async def _keep(self) -> None:
        wait_s = self._config.backoff_s
        while True:
            async with self._starting:
                await self._start()
            self._settled.set()
            if self._handle is not None:
                started = self._clock.now()
                await _until_gone(self._handle)
                self._settled.clear()
                self._close()
                _log.error("mps.died", folder=str(self._folder))
                self._on_died()
                if self._clock.now() - started >= _STABLE_BACKOFFS * self._config.backoff_max_s:
                    wait_s = self._config.backoff_s
            await asyncio.sleep(wait_s)
            wait_s = min(2.0 * max(wait_s, _ASK_AGAIN_S), self._config.backoff_max_s)

    async def _start(self) -> None:
        if await self._control.ask("get_server_list") is None:
            complaint = await self._start_anew()
        elif self._watch():
            _log.warning("mps.taken_over", folder=str(self._folder))
            return
        else:
            complaint = _UNWATCHED
        if complaint:
            _log.error("mps.not_started", reason=complaint, folder=str(self._folder))
        else:
            _log.info("mps.started", folder=str(self._folder))

    async def _start_anew(self) -> str:
        """Start one where none is; return why it cannot be used, or ""."""
        try:
            empty(self._folder)
        except OSError as error:
            return f"{error.filename or self._folder}: {error.strerror or error}"
        if complaint := await self._control.start():
            return complaint
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_START_TIMEOUT_S):
                while await self._control.ask("get_server_list") is None:  # noqa: ASYNC110 - it cannot say that it listens
                    await asyncio.sleep(_ASK_AGAIN_S)
                return "" if self._watch() else _UNWATCHED
        return f"it was started and does not answer; its log is in {self._folder}"

    def _watch(self) -> bool:
        """Get a handle by which its end is learnt, and which no other process can ever have."""
        pid = self._control.daemon_pid()
        if pid is None:
            return False
        try:
            self._handle = os.pidfd_open(pid)
        except OSError:
            return False
        return True

    async def _stop(self, keeping: asyncio.Task[None]) -> None:
        """End the keeping first, so that it is not started again; but never in the middle of a start.

        A daemon that is on its way cannot be told to leave yet, and nobody would know of it later.
        """
        async with self._starting:
            keeping.cancel()
        await asyncio.wait([keeping])
        await self._control.ask("quit")
        if self._handle is None:
            return
        try:
            async with asyncio.timeout(_STOP_TIMEOUT_S):
                await _until_gone(self._handle)
            _log.info("mps.stopped", folder=str(self._folder))
        except TimeoutError:
            _log.warning("mps.not_stopped", folder=str(self._folder))
        finally:
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._handle, signal.SIGKILL)
            self._close()

    def _close(self) -> None:
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None


async def _until_gone(handle: int) -> None:
    """Wait for the end of a process that is not our child."""
    gone = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_reader(handle, gone.set)
    try:
        await gone.wait()
    finally:
        loop.remove_reader(handle)
