"""A gateway's end of its bridge: starts it, starts it again, and tells each instance's life what is said of it.

It knows nothing of instances but their names. The invariants: whoever waits on a life hears its end, also when the
bridge dies, or hangs; and after `open`'s stack is closed, the bridge is gone, and with it what it had placed.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from collections import deque
from collections.abc import Mapping
from contextlib import AsyncExitStack

from harken.clock import Clock
from harken.config import FleetConfig
from harken.errors import SetupError
from harken.fleet.ray.life import Life
from harken.fleet.ray.messages import Do, Kind, Order, Told, as_line, parse_told
from harken.fleet.ray.pulse import Pulse
from harken.fleet.ray.words import MOST_CHARS, bridge_said
from harken.log import get_log
from harken.server.lifecycle import EXIT_BROKEN_AT_START
from harken.server.orphan import SUPERVISOR_PID

_COMMAND = (sys.executable, "-P", "-m", "harken.fleet.ray.bridge")
_CONNECT_S = 60.0
_SILENCE_S = 10.0
_CLOSE_S = 10.0
_LINE_BYTES = 1 << 20
_LINES_KEPT = 20
_STABLE_BACKOFFS = 2.0

_ENDS = frozenset({Kind.REFUSED, Kind.ENDED, Kind.LOST})

_log = get_log("fleet.ray")


class Link:
    """The bridge, as long as the fleet lives.

    Args:
        config: waits before a bridge is started again.
        env: of the bridge.
        clock: tells how long it lived.
    """

    def __init__(self, config: FleetConfig, env: Mapping[str, str], *, clock: Clock) -> None:
        self._config = config
        self._env = env
        self._clock = clock
        self._child: asyncio.subprocess.Process | None = None
        self._lives: dict[int, Life] = {}
        self._count = 0
        self._connected = asyncio.Event()
        self._was_connected = False
        self._closing = asyncio.Event()
        self._last_lines: deque[str] = deque(maxlen=_LINES_KEPT)
        self._pulse = Pulse()
        self._was_silent = False
        self.down_because = ""

    async def open(self, stack: AsyncExitStack) -> None:
        """Start the bridge; returns when it is in the cluster.

        Raises:
            SetupError: there is no cluster.
        """
        # A task group that saw the refusal below would wrap it, and nobody would know it again.
        group = asyncio.TaskGroup()
        await group.__aenter__()
        stack.push_async_callback(group.__aexit__, None, None, None)
        keeping = group.create_task(self._keep())
        stack.push_async_callback(self._close, keeping)
        connecting = group.create_task(self._connected.wait())
        try:
            await asyncio.wait((keeping, connecting), return_when=asyncio.FIRST_COMPLETED)
        finally:
            connecting.cancel()
        if not self._connected.is_set():
            raise SetupError(self.down_because)

    @property
    def is_connected(self) -> bool:
        """The bridge is in the cluster."""
        return self._connected.is_set()

    async def connected(self) -> None:
        """Wait until the bridge is in the cluster."""
        await self._connected.wait()

    def place(self, name: str) -> Life:
        """Have room made for an instance."""
        self._count += 1
        life = Life(self.send, self._count, name)
        if self._connected.is_set():
            self._lives[self._count] = life
            life.order(Do.PLACE)
        else:
            life.hear(Told(kind=Kind.CUT, text=self.down_because))
        return life

    def send(self, order: Order) -> None:
        """Write an order; one about a life that has ended is dropped."""
        if self._child is None or self._child.stdin is None or order.number not in self._lives:
            return
        with contextlib.suppress(OSError, RuntimeError):  # that it is gone, is told by its end
            self._child.stdin.write(f"{as_line(order)}\n".encode())

    async def _keep(self) -> None:
        """Start it again whenever it ends; where the first one never was in the cluster, end with it."""
        failures = 0
        while not self._closing.is_set():
            began = self._clock.now()
            code = await self._run()
            if self._closing.is_set() or not self._was_connected:
                return
            if self._clock.now() - began >= _STABLE_BACKOFFS * self._config.backoff_max_s:
                failures = 0
            wait_s = min(self._config.backoff_s * 2.0 ** min(failures, 32), self._config.backoff_max_s)
            failures += 1
            _log.error("ray.bridge_lost", exit_code=code, reason=self.down_because, wait_s=wait_s)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(wait_s):
                    await self._closing.wait()

    async def _run(self) -> int:
        """One bridge, from its start to its end."""
        self._last_lines.clear()
        self._pulse, self._was_silent, code = Pulse(), False, None
        child = await asyncio.create_subprocess_exec(
            *_COMMAND,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env={**self._env, SUPERVISOR_PID: str(os.getpid())},
            start_new_session=True,
            limit=_LINE_BYTES,
        )
        self._child = child
        try:
            async with asyncio.TaskGroup() as group:
                outputs = group.create_task(self._listen(child)), group.create_task(self._hear(child))
                watching = group.create_task(self._watch(child))
                code = await child.wait()
                watching.cancel()
                # What it started may hold the outputs open after it is gone.
                await asyncio.wait(outputs, timeout=1.0)
                for output in outputs:
                    output.cancel()
            return code
        finally:
            # Also what it started, where that was left behind: the nodes of a cluster of its own.
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(child.pid, signal.SIGKILL)
            await child.wait()
            self._child = None
            self._lose(code)

    async def _watch(self, child: asyncio.subprocess.Process) -> None:
        """End a bridge that says nothing: it would never tell the end of what it has placed."""
        await self._pulse.stopped(lambda: _SILENCE_S if self._connected.is_set() else _CONNECT_S)
        self._was_silent = True
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)

    def _cause(self, code: int | None) -> str:
        """Say why the bridge is gone."""
        if self._was_silent and not self._connected.is_set():
            return f"The Ray cluster did not answer within {_CONNECT_S:g} s."
        if code == EXIT_BROKEN_AT_START and (said := bridge_said(self._last_lines)):
            return said
        if self._was_silent:
            how = f"it said nothing for {_SILENCE_S:g} s, and was ended."
        elif code is not None and code < 0:
            how = f"signal {-code} ended it."
        else:
            how = bridge_said(self._last_lines) or f"it left with exit code {code}, and said nothing."
        return f"The bridge into the Ray cluster is lost: {how}"

    def _lose(self, code: int | None) -> None:
        """Tell every life that nobody knows of it any more: Ray ends what this bridge had placed."""
        self.down_because = self._cause(code)
        self._connected.clear()
        lives, self._lives = self._lives, {}
        for number, life in lives.items():
            life.hear(Told(kind=Kind.CUT, number=number, text=self.down_because))

    async def _listen(self, child: asyncio.subprocess.Process) -> None:
        assert child.stdout is not None, "spawned with pipes"
        while line := await child.stdout.readline():
            told = parse_told(line.decode("utf-8", errors="replace"))
            if told is None:
                continue
            self._pulse.beat()
            if told.kind is Kind.CONNECTED:
                _log.info("ray.connected", cluster=told.text)
                self._was_connected = True
                self._connected.set()
            elif life := self._lives.get(told.number):
                life.hear(told)
                if told.kind in _ENDS:
                    del self._lives[told.number]

    async def _hear(self, child: asyncio.subprocess.Process) -> None:
        assert child.stderr is not None, "spawned with pipes"
        while line := await child.stderr.readline():
            text = line.decode("utf-8", errors="replace").rstrip()
            self._last_lines.append(text)
            _log.debug("ray.output", line=text[:MOST_CHARS])

    async def _close(self, keeping: asyncio.Task[None]) -> None:
        """Let it leave in order: no more orders mean that; kill it where it does not."""
        self._closing.set()
        if self._child is not None and self._child.stdin is not None:
            self._child.stdin.close()
        await asyncio.wait((keeping,), timeout=_CLOSE_S)
        keeping.cancel()
        await asyncio.wait((keeping,))
