"""A bridge of a gateway that is this test: started with a configuration and a home of its own, asked and heard."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
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


def ask_for_place(address: str, home: Path, env: Mapping[str, str] | None = None) -> Heard:
    """Have a bridge place one instance, and leave; hear what came of it."""
    told: list[Told] = []
    with running_bridge({"HARKEN_RAY_ADDRESS": address, "HOME": str(home), **(env or {})}) as bridge:
        assert bridge.stdin is not None
        assert bridge.stdout is not None
        assert bridge.stderr is not None
        bridge.stdin.write(as_line(Order(do=Do.PLACE, number=1, name="asr-1")) + "\n")
        bridge.stdin.flush()
        for line in bridge.stdout:
            if one := parse_told(line):
                told.append(one)
                if one.kind not in (Kind.CONNECTED, Kind.WAITS):
                    break
        bridge.stdin.close()
        errors = bridge.stderr.read().splitlines()
        bridge.wait(30)
    return Heard(told=told, last_line=errors[-1] if errors else "")


@contextmanager
def running_bridge(env: Mapping[str, str]) -> Iterator[subprocess.Popen[str]]:
    """Start one, with none of Ray's own variables but those given; it is gone afterwards."""
    own = {name: value for name, value in os.environ.items() if not name.startswith("RAY_")}
    with subprocess.Popen(
        [sys.executable, "-P", "-m", "harken.fleet.ray.bridge"],
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
