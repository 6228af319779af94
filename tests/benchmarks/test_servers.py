"""The dispatcher's benchmark as a whole, small: real instance, real nginx, real gateway."""

from __future__ import annotations

import asyncio
from pathlib import Path

import psutil
import pytest

from benchmarks.dispatch.nginx import Balancing
from benchmarks.dispatch.play import Played, play
from benchmarks.dispatch.report import differing
from benchmarks.dispatch.servers import House, Server, terminate
from benchmarks.dispatch.tape import Tape, make_tape
from benchmarks.dispatch.trace import make_trace


@pytest.mark.slow
def test_nginx_and_the_gateway_give_the_same_answers_and_leave_nothing_behind(tmp_path: Path) -> None:
    """Every answer is right through both, also after a restart; the house leaves no process."""
    tape = make_tape(tmp_path / "tape.pcm", seconds=200, longest_s=180, seed=1)
    with House(listens_lightly=True) as house:
        instance = house.instance("asr-1", rtfx=400, slots=32, in_flight=1)
        nginx = house.nginx([instance], Balancing(), timeout_s=60)
        gateway = house.gateway([instance])
        first = [_play(server, tape) for server in (nginx, gateway)]
        terminate(instance)
        house.restart(instance)
        again = _play(nginx, tape)
        family = [process for server in (instance, nginx, gateway) for process in server.family()]
        assert len(family) >= 4
    assert [seen.problem for played in (*first, again) for seen in played.seen] == [""] * 30
    assert differing([*first, again]) == 0
    assert not psutil.wait_procs(family, timeout=10)[1]


def _play(server: Server, tape: Tape) -> Played:
    trace = make_trace(10, audio_s_per_s=400.0, seed=1)
    return asyncio.run(play(trace, tape, server.url, timeout_s=60, meters={"front": server.cpu_s}))
