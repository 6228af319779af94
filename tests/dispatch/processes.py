"""Scripted instances in processes of their own, to be killed and stopped for real."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from tests.dispatch.instances import Script


@dataclass(frozen=True, kw_only=True)
class Child:
    """An instance in another process."""

    name: str
    url: str
    process: asyncio.subprocess.Process

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal."""
        self.process.send_signal(number)


@asynccontextmanager
async def child(name: str, script: Script = Script.ANSWER, *, slots: int = 2) -> AsyncIterator[Child]:
    """Start an instance and wait until it listens; it is dead afterwards, whatever became of it."""
    arguments = ("-m", "tests.dispatch.instances", "--name", name, "--script", script.value, "--slots", str(slots))
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(sys.executable, *arguments, stdin=pipe, stdout=pipe)
    try:
        assert process.stdout is not None
        async with asyncio.timeout(20):
            port = json.loads(await process.stdout.readline())["port"]
        yield Child(name=name, url=f"http://127.0.0.1:{port}", process=process)
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
