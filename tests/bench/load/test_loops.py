"""When requests go out, on a clock that a test sets."""

from __future__ import annotations

import asyncio
import itertools

import pytest

from harken.bench.load.loops import closed_loop, open_loop
from harken.testing.clock import FakeClock


@pytest.mark.parametrize(("requests", "concurrency"), [(20, 3), (2, 10), (1, 1)])
def test_in_a_closed_loop_so_many_are_unanswered_at_a_time(requests: int, concurrency: int) -> None:
    """Each number once; as many clients as there is work for."""
    asked: list[int] = []
    inside = most = 0

    async def ask(number: int, _: float) -> None:
        nonlocal inside, most
        asked.append(number)
        inside += 1
        most = max(most, inside)
        await asyncio.sleep(0)
        inside -= 1

    asyncio.run(closed_loop(ask, range(requests), concurrency=concurrency, clock=FakeClock()))
    assert sorted(asked) == list(range(requests))
    assert most == min(requests, concurrency)


def test_a_closed_loop_ends_with_its_time_and_waits_for_the_last_answers() -> None:
    """Nobody sends after five seconds; what was sent before is answered."""
    clock = FakeClock()
    sent: list[float] = []
    answered = 0

    async def ask(_: int, due: float) -> None:
        nonlocal answered
        sent.append(due)
        await asyncio.sleep(0)
        clock.advance(1.0)
        answered += 1

    asyncio.run(closed_loop(ask, itertools.count(), concurrency=2, clock=clock, lasts_s=5.0))
    assert max(sent) < 5.0
    assert answered == len(sent) == 6


def _sent(*, at_most: int, stall_s: float) -> list[tuple[float, float]]:
    """When ten requests, one a second, were meant to go out and went out; the first is answered after `stall_s`."""
    clock = FakeClock()
    sent: list[tuple[float, float]] = []

    async def sleep(seconds: float) -> None:
        await asyncio.sleep(0)
        clock.advance(seconds)
        await asyncio.sleep(0)

    async def ask(number: int, due: float) -> None:
        sent.append((due, clock.now()))
        if number == 0:
            end = clock.now() + stall_s
            while clock.now() < end:
                if at_most == 1:
                    clock.advance(1.0)  # nobody else lets time pass
                await asyncio.sleep(0)

    async def story() -> None:
        due_s = [(number, float(number)) for number in range(10)]
        await open_loop(ask, due_s, at_most=at_most, clock=clock, sleep=sleep)

    began = clock.now()
    asyncio.run(story())
    return [(due - began, at - began) for due, at in sent]


def test_in_an_open_loop_requests_go_out_at_their_time() -> None:
    """Whatever becomes of the first."""
    assert _sent(at_most=100, stall_s=5.0) == [(float(second), float(second)) for second in range(10)]


def test_a_request_that_could_not_go_out_counts_from_its_time() -> None:
    """A server that stalls for five seconds made five requests late, not one."""
    sent = _sent(at_most=1, stall_s=5.0)
    assert [due for due, _ in sent] == list(range(10))
    late = [at - due for due, at in sent]
    assert late[:6] == [0, 4, 3, 2, 1, 0]
    assert not any(late[6:])


def test_a_failure_of_asking_ends_the_run() -> None:
    """It never raises, says its contract; a defect is not measured on."""

    async def ask(number: int, _: float) -> None:
        raise RuntimeError(str(number))

    async def story() -> None:
        due_s = [(number, number / 1000) for number in range(3)]
        await open_loop(ask, due_s, at_most=1, clock=FakeClock(), sleep=lambda _: asyncio.sleep(0))

    with pytest.raises(ExceptionGroup):
        asyncio.run(story())
