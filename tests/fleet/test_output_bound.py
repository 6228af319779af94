"""How much of what a process prints reaches our log."""

from __future__ import annotations

import asyncio
import sys

import pytest
from structlog.testing import capture_logs

from harken.config import Config, FleetConfig
from harken.fleet.machine import Machine
from harken.fleet.output_bound import LINES, OutputBound
from tests.fleet.test_local import Owner, Watched


def test_the_first_lines_of_each_stretch_pass_and_the_others_are_counted_once() -> None:
    """When it is over, and at the end."""
    bound = OutputBound(lines=2, stretch_s=10.0)
    assert [bound.admit(now) for now in (5.0, 5.1, 5.2, 14.9)] == [True, True, False, False]
    assert bound.left_out(14.9) == 0
    assert (bound.left_out(15.0), bound.left_out(15.0)) == (2, 0)
    assert [bound.admit(15.0) for _ in range(3)] == [True, True, False]
    assert (bound.end(), bound.end()) == (1, 0)


def test_who_prints_little_loses_nothing() -> None:
    """However long it goes on."""
    bound = OutputBound(lines=2, stretch_s=10.0)
    assert all(bound.admit(6.0 * n) for n in range(1000))
    assert bound.end() == 0


FLOOD = "import sys; out = sys.std{}\nfor n in range(20_000): print('x' * 5000 if n == 7 else n, file=out)"


@pytest.mark.slow
@pytest.mark.parametrize("stream", ["out", "err"])
def test_a_process_that_prints_without_end_fills_no_log(stream: str) -> None:
    """On either of its outputs; what it said last is known all the same, where that is read."""

    async def story() -> None:
        local = Watched(
            Config(fleet=FleetConfig(instances=1, start_retries=0)),
            Owner(),
            machine=Machine(cores=2, has_gpu=False),
            command=(sys.executable, "-c", FLOOD.format(stream)),
            stop_timeout_s=0.5,
        )
        async with local:
            assert ("19999" in await local.wait_broken()) is (stream == "err")

    with capture_logs() as logs:
        asyncio.run(story())
    lines = [entry["line"] for entry in logs if entry["event"] == "instance.output"]
    left_out = sum(entry["lines"] for entry in logs if entry["event"] == "instance.output_left_out")
    assert len(lines) + left_out == 20_000
    assert LINES <= len(lines) <= 10 * LINES
    assert max(map(len, lines)) == 2000
