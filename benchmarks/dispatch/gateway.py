"""Harken's gateway over instances that somebody else started: the process that stands where nginx stands.

    python -m benchmarks.dispatch.gateway URL URL …

The very `Gateway` of `harken up` with its defaults (HARKEN_* variables change them), over a fleet that starts nothing
and replaces nothing: in fault runs it has to see for itself who is gone and who is back. `--light` before the addresses
has it listen as the instances beside it do (see `loudness`).
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Sequence
from types import TracebackType
from typing import Self

from benchmarks.dispatch.loudness import listen_by_loudness
from harken.config import load_config
from harken.dispatch.dispatcher import Dispatcher
from harken.log import set_up_log
from harken.server.announce import announce_to
from harken.server.gateway import Gateway
from harken.server.run import run
from harken.types import InstanceHealth


class Addresses:
    """Instances at fixed addresses, named as they name themselves.

    Args:
        urls: of the instances.
        dispatcher: told of them.
    """

    def __init__(self, urls: Sequence[str], dispatcher: Dispatcher) -> None:
        self._urls = {f"asr-{number}": url for number, url in enumerate(urls, start=1)}
        self._dispatcher = dispatcher

    async def __aenter__(self) -> Self:
        for name, url in self._urls.items():
            self._dispatcher.add_target(name, url)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        pass

    @property
    def is_asleep(self) -> bool:
        """They are always there."""
        return False

    @property
    def operators(self) -> None:
        """Nobody changes them."""

    def instances(self) -> tuple[InstanceHealth, ...]:
        """Nothing is known here that the dispatcher does not know better."""
        return ()

    def replace(self, name: str, why: str = "") -> None:
        """Whoever started it may replace it; at its address the next one is looked for again."""

    async def wait_broken(self) -> str:
        """Never: they may always come back."""
        await asyncio.Event().wait()
        raise AssertionError("nobody sets it")


def main(arguments: Sequence[str]) -> int:
    """Run until SIGTERM; returns the exit code."""
    urls = [argument for argument in arguments if argument != "--light"]
    if "--light" in arguments:
        listen_by_loudness()
    config = load_config(None, env=os.environ, flags={"gateway": {"port": 0}})
    set_up_log(config.log)
    return run(
        lambda _: Gateway(config, lambda dispatcher: Addresses(urls, dispatcher)),
        host=config.gateway.host,
        port=0,
        name=config.gateway.name,
        announce=announce_to(sys.stdout, as_json=True),
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
