"""A bridge of a gateway that is this test: started with a configuration and a home of its own, asked and heard."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from harken.fleet.ray.messages import Do, Kind, Order, Told, as_line, parse_told


@dataclass
class Heard:
    """What a bridge said until it left, or was told to.

    Attributes:
        told: its messages.
        last_line: of its standard error.
    """

    told: list[Told]
    last_line: str


COMMAND = ("-P", "-m", "harken.fleet.ray.bridge")


def ask_for_place(
    address: str, home: Path, env: Mapping[str, str] | None = None, *, times: int = 1, command: Sequence[str] = COMMAND
) -> Heard:
    """Have a bridge place an instance, several times, and leave; hear what came of it, but for waits."""
    told: list[Told] = []
    with running_bridge({"HARKEN_RAY_ADDRESS": address, "HOME": str(home), **(env or {})}, command) as bridge:
        assert bridge.stdin is not None
        assert bridge.stdout is not None
        assert bridge.stderr is not None
        for number in range(1, times + 1):
            bridge.stdin.write(as_line(Order(do=Do.PLACE, number=number, name="asr-1")) + "\n")
            bridge.stdin.flush()
            for line in bridge.stdout:
                one = parse_told(line)
                if one is not None and one.kind in (Kind.CONNECTED, Kind.PLACED, Kind.REFUSED, Kind.LOST):
                    told.append(one)
                    if one.kind is not Kind.CONNECTED:
                        break
        bridge.stdin.close()
        errors = bridge.stderr.read().splitlines()
        bridge.wait(30)
    return Heard(told=told, last_line=errors[-1] if errors else "")


@contextmanager
def running_bridge(env: Mapping[str, str], command: Sequence[str] = COMMAND) -> Iterator[subprocess.Popen[str]]:
    """Start one, with none of Ray's own variables but those given; it is gone afterwards."""
    own = {name: value for name, value in os.environ.items() if not name.startswith("RAY_")}
    with subprocess.Popen(
        [sys.executable, *command],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**own, **env},
    ) as bridge:
        try:
            yield bridge
        finally:
            bridge.kill()
