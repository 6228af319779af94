"""Counting who is inside."""

from __future__ import annotations

import asyncio

import pytest
from starlette.types import Message, Receive, Scope, Send

from harken.server.door import Door


class Room:
    """An app whose requests stay inside until the test lets them out."""

    def __init__(self) -> None:
        self.may_leave = asyncio.Event()
        self.fails = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Stay until it is time."""
        await self.may_leave.wait()
        if self.fails:
            raise RuntimeError("the room burns")


async def nothing() -> Message:
    """A request without a body."""
    return {"type": "http.request"}


async def nowhere(_: Message) -> None:
    """Nobody reads the answer."""


def scope(path: str) -> Scope:
    """A request for `path`."""
    return {"type": "http", "path": path}


def test_the_door_waits_until_every_request_has_left() -> None:
    """Three are inside; only when the last has left, waiting ends."""

    async def story() -> None:
        room = Room()
        door = Door(room)
        async with asyncio.TaskGroup() as group:
            for _ in range(3):
                group.create_task(door(scope("/asr"), nothing, nowhere))
            await asyncio.sleep(0)
            assert door.inside == 3
            assert not await door.wait_empty(0.01)
            room.may_leave.set()
            assert await door.wait_empty(5)
        assert door.inside == 0

    asyncio.run(story())


@pytest.mark.parametrize("path", ["/health", "/health/live", "/wire/v1/state"])
def test_looks_do_not_keep_a_server_here(path: str) -> None:
    """A probe that hangs must not delay the end."""

    async def story() -> None:
        room = Room()
        door = Door(room)
        async with asyncio.TaskGroup() as group:
            group.create_task(door(scope(path), nothing, nowhere))
            await asyncio.sleep(0)
            assert await door.wait_empty(0.01)
            room.may_leave.set()

    asyncio.run(story())


def test_a_request_that_fails_has_left_too() -> None:
    """The count goes down on every path."""

    async def story() -> None:
        room = Room()
        room.fails = True
        room.may_leave.set()
        door = Door(room)
        with pytest.raises(RuntimeError):
            await door(scope("/asr"), nothing, nowhere)
        assert door.inside == 0
        assert await door.wait_empty(0.01)

    asyncio.run(story())
