"""A real Redis for tests: a process of our own on a socket in a folder, gone afterwards."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def running_redis(folder: Path, *flags: str) -> Iterator[subprocess.Popen[str]]:
    """A Redis of our own on `folder / "redis.sock"`, which a test may stop or kill."""
    command = ["redis-server", "--port", "0", "--unixsocket", str(folder / "redis.sock"), "--save", "", *flags]
    with subprocess.Popen([*command, "--dir", str(folder)], stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            assert any("ready to accept connections" in line.lower() for line in process.stdout)
            yield process
        finally:
            process.kill()
