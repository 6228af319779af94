"""Looks at real servers."""

from __future__ import annotations

import asyncio
import json
import queue
import socket
import threading
import time

import pytest

from harken.dispatch.lines.line import Missed
from harken.dispatch.lines.probe import Watch, look
from harken.dispatch.lines.session import open_session
from harken.dispatch.lines.wire_line import WireLine
from harken.wire import InstanceState
from tests.dispatch.house import run
from tests.dispatch.instances import Instance, running


def looked_at(instance: Instance, timeout_s: float = 2.0) -> InstanceState | Missed:
    """What one look at a running instance finds."""

    async def story() -> InstanceState | Missed:
        async with running(instance), open_session() as session:
            return await look(session, instance.url, timeout_s)

    return run(story())


def test_a_look_finds_the_state_and_the_model() -> None:
    """As the instance told them."""
    found = looked_at(Instance("one", slots=3))
    assert isinstance(found, InstanceState)
    assert found.model is not None
    assert (found.name, found.state, found.model.slots) == ("one", "ready", 3)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"<html>", "Not an instance's state"),
        (json.dumps({"version": 1}).encode(), "wire version 5, the other 1"),
        (b"[" * 60_000, "Not an instance's state"),
        (b'{"version": 5, "name": "one", "state": ["ready"], "model": null, "in_flight": 0}', "A text is none"),
        (b" " * 70_000, "too long"),
    ],
)
def test_an_answer_that_is_no_state_is_a_missed_look(body: bytes, words: str) -> None:
    """Another program, another version, nonsense, too much."""
    one = Instance("one")
    one.state_body = body
    found = looked_at(one)
    assert isinstance(found, Missed)
    assert words in found.reason


def test_silence_is_a_missed_look() -> None:
    """A stopped process's kernel still takes the connection."""

    async def story() -> InstanceState | Missed:
        with socket.socket() as deaf:
            deaf.bind(("127.0.0.1", 0))
            deaf.listen()
            async with open_session() as session:
                return await look(session, f"http://127.0.0.1:{deaf.getsockname()[1]}", 0.1)

    assert run(story()) == Missed(reason="It did not answer within 0.1 s.")


def test_nobody_listening_is_a_missed_look() -> None:
    """And it says so."""

    async def story() -> InstanceState | Missed:
        async with open_session() as session:
            return await look(session, "http://127.0.0.1:9", 2.0)

    found = run(story())
    assert isinstance(found, Missed)
    assert "cannot be reached" in found.reason


def test_a_watch_looks_at_once_and_again_when_hurried() -> None:
    """A hurry does not wait for the interval."""
    one = Instance("one")

    async def story() -> int:
        found: asyncio.Queue[InstanceState | Missed] = asyncio.Queue()
        async with running(one), open_session() as session, asyncio.TaskGroup() as group:
            watch = Watch(WireLine(one.url, session).look, interval_s=60.0, timeout_s=2.0, report=found.put_nowait)
            task = group.create_task(watch.run())
            await found.get()
            watch.hurry()
            await found.get()
            task.cancel()
        return one.looks

    assert run(story()) == 2


def test_a_watch_looks_again_and_again() -> None:
    """Every interval."""
    one = Instance("one")

    async def story() -> None:
        async with running(one), open_session() as session, asyncio.TaskGroup() as group:
            watch = Watch(WireLine(one.url, session).look, interval_s=0.01, timeout_s=2.0, report=lambda _: None)
            task = group.create_task(watch.run())
            await one.until(lambda: one.looks >= 5)
            task.cancel()

    run(story())


@pytest.mark.slow
def test_a_watch_that_is_ended_by_its_own_report_ends() -> None:
    """The owner takes a silent target away at once, when its next look is due already: the loop must not go on."""

    async def story() -> None:
        with socket.socket() as deaf:
            deaf.bind(("127.0.0.1", 0))
            deaf.listen()
            url = f"http://127.0.0.1:{deaf.getsockname()[1]}"

            def leave(_: InstanceState | Missed) -> None:
                watching.cancel()

            async with open_session() as session:
                watch = Watch(WireLine(url, session).look, interval_s=0.01, timeout_s=0.05, report=leave)
                watching = asyncio.create_task(watch.run())
                done, _ = await asyncio.wait([watching], timeout=5.0)
                assert done
                assert watching.cancelled()

    run(story())


def test_a_stall_of_our_own_is_not_the_instances_fault() -> None:
    """The answer came in time and lay there: else stalls of the gateway would have good instances replaced."""
    one = Instance("one")
    answers = queue.SimpleQueue[str]()

    def serve() -> None:
        async def serving() -> None:
            async with running(one):
                answers.put(one.url)
                one.changed.clear()
                await one.until(lambda: one.looks > 0)
                await asyncio.sleep(0.05)  # for the answer's last byte

        asyncio.run(serving())

    async def story() -> InstanceState | Missed:
        async with open_session() as session:
            looking = asyncio.create_task(look(session, url, 0.1))
            while not one.looks:
                await asyncio.sleep(0)
            time.sleep(0.14)  # longer than the look may take
            return await looking

    thread = threading.Thread(target=serve)
    thread.start()
    url = answers.get(timeout=10)
    found = run(story())
    thread.join()
    assert isinstance(found, InstanceState)


@pytest.mark.slow
def test_a_look_that_meets_a_defect_is_a_missed_one() -> None:
    """Whatever a target answers: the watch goes on, and no other target learns of it."""
    found: asyncio.Queue[InstanceState | Missed] = asyncio.Queue()

    async def look(timeout_s: float) -> InstanceState | Missed:
        raise ValueError("year 10000 is out of range")

    async def story() -> None:
        async with asyncio.TaskGroup() as group:
            watch = Watch(look, interval_s=0.001, timeout_s=2.0, report=found.put_nowait)
            task = group.create_task(watch.run())
            for _ in range(2):
                finding = await asyncio.wait_for(found.get(), 5)
                assert isinstance(finding, Missed)
                assert "10000" not in finding.reason
            task.cancel()

    run(story())
