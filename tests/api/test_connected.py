"""Clients that leave: the work they wanted ends with them."""

from __future__ import annotations

import asyncio
from urllib.parse import urlsplit

import pytest
from starlette.requests import ClientDisconnect
from starlette.types import Message

from harken.api.connected import while_connected
from tests.api.world import CLIP, World, serving
from tests.transcribe.fakes import file, silence, speech

LONG = file(*[speech(0.5), silence(0.1)] * 10)


async def leave(url: str, body: bytes, world: World, *, path: str, field: str) -> None:
    """Send a whole recording, wait until it is being recognised, hang up."""
    address = urlsplit(url)
    _, writer = await asyncio.open_connection(address.hostname, address.port)
    form = b'--x\r\nContent-Disposition: form-data; name="%b"; filename="a"\r\n\r\n%b\r\n--x--\r\n' % (
        field.encode(),
        body,
    )
    head = f"POST {path} HTTP/1.1\r\nHost: a\r\nContent-Type: multipart/form-data; boundary=x\r\n"
    writer.write(f"{head}Content-Length: {len(form)}\r\n\r\n".encode() + form)
    await world.recognizer.arrived.wait()
    writer.close()
    await writer.wait_closed()


@pytest.mark.parametrize(("path", "field"), [("/asr", "audio"), ("/v1/audio/transcriptions", "file")])
@pytest.mark.parametrize("body", [CLIP, LONG], ids=["one segment", "many segments"])
def test_a_client_that_leaves_frees_its_slots(path: str, field: str, body: bytes) -> None:
    """Every segment of it is cancelled, none is begun afterwards, and the server serves on."""
    world = World()

    async def run() -> None:
        async with asyncio.timeout(20), serving(world.app()) as url:
            world.recognizer.gate = asyncio.Event()  # never opened
            await leave(url, body, world, path=path, field=field)
            while world.recognizer.in_flight:
                world.recognizer.left.clear()
                await world.recognizer.left.wait()

    asyncio.run(run())
    assert world.recognizer.cancelled == len(world.recognizer.seen) <= world.limits.segments_in_flight


def test_a_client_that_leaves_in_the_middle_of_its_upload_is_no_error(capfd: pytest.CaptureFixture[str]) -> None:
    """Nothing is recognised, no traceback is logged."""
    world = World()

    async def run() -> None:
        async with asyncio.timeout(20), serving(world.app()) as url:
            address = urlsplit(url)
            _, writer = await asyncio.open_connection(address.hostname, address.port)
            writer.write(b"POST /asr HTTP/1.1\r\nHost: a\r\nContent-Type: multipart/form-data; boundary=x\r\n")
            writer.write(b"Content-Length: 100000\r\n\r\n--x\r\n")
            await writer.drain()
            writer.close()
            await writer.wait_closed()

    asyncio.run(run())
    assert world.recognizer.seen == []
    captured = capfd.readouterr()
    assert "Traceback" not in captured.out + captured.err


class Line:
    """A connection that a test hangs up."""

    def __init__(self) -> None:
        self._gone = asyncio.Event()
        self.is_watched = False

    async def receive(self) -> Message:
        """Wait for the end."""
        self.is_watched = True
        try:
            await self._gone.wait()
        finally:
            self.is_watched = False
        return {"type": "http.disconnect"}

    def hang_up(self) -> None:
        """End it."""
        self._gone.set()


def test_work_that_ends_first_gives_its_result_and_ends_the_watch() -> None:
    """Nobody looks at the connection any more."""

    async def work() -> int:
        await asyncio.sleep(0)
        return 7

    async def run() -> None:
        line = Line()
        assert await while_connected(line.receive, work()) == 7
        assert not line.is_watched

    asyncio.run(run())


def test_what_the_work_raises_is_raised_as_itself() -> None:
    """Not inside a group."""

    async def work() -> None:
        raise LookupError("this one")

    async def run() -> None:
        line = Line()
        with pytest.raises(LookupError, match="this one"):
            await while_connected(line.receive, work())
        assert not line.is_watched

    asyncio.run(run())


def test_hanging_up_cancels_the_work_and_waits_for_its_end() -> None:
    """Cleaning up is part of the work."""
    steps: list[str] = []

    async def work() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            steps.append("cleaned up")

    async def run() -> None:
        line = Line()
        asyncio.get_running_loop().call_soon(line.hang_up)
        with pytest.raises(ClientDisconnect):
            await while_connected(line.receive, work())

    asyncio.run(run())
    assert steps == ["cleaned up"]


def test_cancelling_from_outside_cancels_both() -> None:
    """A server that is told to stop is obeyed."""

    async def run() -> None:
        line = Line()
        task = asyncio.create_task(while_connected(line.receive, asyncio.Event().wait()))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert not line.is_watched

    asyncio.run(run())
