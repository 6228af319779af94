"""Counting who is inside."""

from __future__ import annotations

import asyncio
import json

import pytest
from starlette.types import Message, Receive, Scope, Send

from harken.errors import Draining
from harken.server.door import Door
from tests.api.world import World


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


@pytest.mark.parametrize("path", ["/health", "/health/live", "/wire/v5/state"])
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


def upload(*, comes: asyncio.Event) -> Receive:
    """A body of two parts, the second when the test says so."""
    parts = [b"--one\r\n", b"two"]

    async def receive() -> Message:
        if len(parts) == 1:
            await comes.wait()
        return {"type": "http.request", "body": parts.pop(0), "more_body": bool(parts)}

    return receive


class Reader:
    """An app that reads the body, and then works until the test lets it go."""

    def __init__(self) -> None:
        self.ends: list[str] = []
        self.may_leave = asyncio.Event()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Read, work, answer; or say why not."""
        try:
            while (await receive())["more_body"]:
                pass
        except Draining as error:
            self.ends.append(error.code)
            return
        await self.may_leave.wait()
        self.ends.append("done")


def test_an_upload_that_does_not_end_does_not_keep_a_server_here() -> None:
    """Its sender is told `draining` after the grace; a request whose body is whole may take as long as it needs."""

    async def story() -> None:
        reader, comes, never = Reader(), asyncio.Event(), asyncio.Event()
        comes.set()
        door = Door(reader, upload_grace_s=0.02)
        async with asyncio.TaskGroup() as group:
            group.create_task(door(scope("/asr"), upload(comes=never), nowhere))
            group.create_task(door(scope("/asr"), upload(comes=comes), nowhere))
            await asyncio.sleep(0)
            waiting = group.create_task(door.wait_empty(5))
            async with asyncio.timeout(5):
                while not reader.ends:
                    await asyncio.sleep(0.001)
            assert (reader.ends, door.inside) == (["draining"], 1)
            reader.may_leave.set()
            assert await waiting
        assert reader.ends == ["draining", "done"]

    asyncio.run(story())


def test_an_upload_that_ends_in_time_is_served() -> None:
    """The grace is for those who are almost there."""

    async def story() -> None:
        reader, comes = Reader(), asyncio.Event()
        reader.may_leave.set()
        door = Door(reader, upload_grace_s=5)
        async with asyncio.TaskGroup() as group:
            group.create_task(door(scope("/asr"), upload(comes=comes), nowhere))
            await asyncio.sleep(0)
            waiting = group.create_task(door.wait_empty(5))
            await asyncio.sleep(0)
            comes.set()
            assert await waiting
        assert reader.ends == ["done"]

    asyncio.run(story())


def test_who_is_being_answered_is_not_interrupted() -> None:
    """An answer may begin before the body was read, and the rest of it is then read and thrown away."""

    async def story() -> None:
        never = asyncio.Event()

        async def app(_: Scope, receive: Receive, send: Send) -> None:
            await send({"type": "http.response.start", "status": 413, "headers": []})
            await receive()
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.05):
                    await receive()

        door = Door(app, upload_grace_s=0.01)
        async with asyncio.TaskGroup() as group:
            group.create_task(door(scope("/asr"), upload(comes=never), nowhere))
            await asyncio.sleep(0)
            assert await door.wait_empty(5)

    asyncio.run(story())


def test_a_late_upload_is_refused_in_the_shape_of_its_route() -> None:
    """Through the real routes: 503, `draining`, as JSON, with a Retry-After."""

    async def story() -> list[Message]:
        sent: list[Message] = []

        async def send(message: Message) -> None:
            sent.append(message)

        head = [(b"content-type", b"multipart/form-data; boundary=one"), (b"content-length", b"100")]
        door = Door(World().app(), upload_grace_s=0.01)
        request = {**scope("/asr"), "method": "POST", "query_string": b"", "headers": head}
        comes = asyncio.Event()
        async with asyncio.TaskGroup() as group:
            group.create_task(door(request, upload(comes=comes), send))
            await asyncio.sleep(0)
            waiting = group.create_task(door.wait_empty(5))
            async with asyncio.timeout(5):
                while len(sent) < 2:
                    await asyncio.sleep(0.001)
            # The rest of the body is read and thrown away for a while.
            comes.set()
            assert await waiting
        return sent

    start, body, *_ = asyncio.run(story())
    assert start["status"] == 503
    assert (b"retry-after", b"5") in start["headers"]
    assert json.loads(body["body"])["code"] == "draining"


def test_parts_of_bodies_go_in_by_turns_and_looks_pass_them() -> None:
    """Fifty uploads have a part ready at once; a look that comes last is answered while most of them still wait."""

    async def story() -> None:
        parts, seen = 0, list[int]()

        async def reads(scope: Scope, receive: Receive, send: Send) -> None:
            nonlocal parts
            if scope["path"] == "/health":
                seen.append(parts)
                return
            for _ in range(3):
                await receive()
                parts += 1

        async def part() -> Message:
            return {"type": "http.request", "body": b"x", "more_body": True}

        door = Door(reads)
        async with asyncio.TaskGroup() as group:
            for _ in range(50):
                group.create_task(door(scope("/asr"), part, nowhere))
            await asyncio.sleep(0)
            group.create_task(door(scope("/health"), nothing, nowhere))
        assert parts == 150
        assert seen[0] < 10

    asyncio.run(story())
