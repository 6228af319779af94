"""What a client can make the server keep, and for how long: bounded, whatever it sends or leaves unread."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed

from harken.api.live.socket import Socket
from harken.errors import EngineFailed
from harken.live.events import Ended, Failed, Text
from harken.server.socket_connection import SocketConnection
from tests.api.live.speaking import Speaking, all_told, base64_of, dial, kinds, pcm, say, served, speak, told

pytestmark = pytest.mark.slow


def test_a_message_that_is_too_large_closes_the_connection() -> None:
    """With 1009; a megabyte of sound for one door, four of JSON for the other; in one frame or in many."""

    async def story(url: str) -> list[int | None]:
        codes: list[int | None] = []
        for door, limit in (("listen", 1), ("realtime?intent=transcription", 4)):
            async with dial(f"{url}/v1/{door}") as client:
                await told(client)
                just_right = b"\0" * 2**20 if limit == 1 else '{"type": "x", "y": "%s"}' % ("y" * (4 * 2**20 - 22))
                await client.send(just_right)
                with contextlib.suppress(ConnectionClosed):
                    await client.send("x" * (limit * 2**20 + 1))
                codes.append((await all_told(client))[1])
            async with dial(f"{url}/v1/{door}") as client:
                await told(client)
                with contextlib.suppress(ConnectionClosed):
                    await client.send("x" * 2**19 for _ in range(10))
                codes.append((await all_told(client))[1])
        return codes

    assert speak(Speaking(), story) == [1009, 1009, 1009, 1009]


def test_a_message_of_endless_empty_frames_closes_the_connection() -> None:
    """They are no bytes, and would be kept all the same."""

    async def story(url: str) -> int:
        async with dial(f"{url}/v1/listen") as client:
            await told(client)
            with contextlib.suppress(ConnectionClosed):
                await client.send(b"" for _ in range(5000))
            return (await all_told(client))[1]

    assert speak(Speaking(), story) == 1009


def test_text_that_is_not_utf_8_closes_the_connection() -> None:
    """As RFC 6455 has it."""

    async def story(url: str) -> int:
        async with dial(f"{url}/v1/listen") as client:
            await told(client)
            await client.send(b"\xff\xfe", text=True)
            return (await all_told(client))[1]

    assert speak(Speaking(), story) == 1007


@asynccontextmanager
async def deaf(url: str, world: Speaking) -> AsyncIterator[socket.socket]:
    """A client that shook hands and reads nothing any more, with a small window."""
    host, port = url.removeprefix("ws://").split(":")
    loop = asyncio.get_running_loop()
    with socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.setblocking(False)
        await loop.sock_connect(client, (host, int(port)))
        head = f"GET /v1/listen HTTP/1.1\r\nHost: {host}:{port}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        head += "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        await loop.sock_sendall(client, head.encode())
        async with asyncio.timeout(10):
            while not (world.live and world.live.sessions):
                await asyncio.sleep(0.001)
        yield client


async def has_left(world: Speaking, seconds: float = 15) -> None:
    """The server has let go of the session."""
    async with asyncio.timeout(seconds):
        while not {"leave", "close"} & set(world.session.log):
            await asyncio.sleep(0.005)


def test_a_client_that_does_not_read_is_cut_off_and_may_come_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """After so long; what it has not read waits in its session, not in the server's buffers."""
    monkeypatch.setattr(Socket, "slow_s", 0.3)
    monkeypatch.setattr(SocketConnection, "linger_s", 0.3)
    world = Speaking()

    async def run() -> list[dict[str, Any]]:
        async with served(world) as (server, what):
            url = server.url.replace("http", "ws", 1)
            async with deaf(url, world):
                await world.session.tell(*(Text(turn=1, delta="x" * 10_000, tentative="") for _ in range(1000)))
                async with asyncio.timeout(10):
                    while what.door.inside:
                        await asyncio.sleep(0.005)
            assert world.session.log == ["leave"]
            async with dial(f"{url}/v1/listen?session=secret-0&after=999") as again:
                return [await told(again), await told(again)]

    assert kinds(asyncio.run(run())) == ["session", "text"]


def test_a_slow_reader_that_reads_at_last_learns_why(monkeypatch: pytest.MonkeyPatch) -> None:
    """The close stands behind what was sent before: 1008, slow_reader."""
    monkeypatch.setattr(Socket, "slow_s", 0.2)
    world = Speaking()

    async def story(url: str) -> tuple[int, str | None]:
        async with dial(f"{url}/v1/listen", max_queue=1) as client:
            await told(client)
            client.transport.pause_reading()
            await world.session.tell(*(Failed(turn=n, error=EngineFailed("x" * 50_000)) for n in range(400)))
            await has_left(world)
            client.transport.resume_reading()
            _, code = await all_told(client)
            return code, client.close_reason

    assert speak(world, story) == (1008, "slow_reader")


def test_answers_that_nobody_reads_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """A client that only asks is cut off too."""
    monkeypatch.setattr(SocketConnection, "linger_s", 0.3)
    world = Speaking()

    async def story(url: str) -> None:
        async with dial(f"{url}/v1/realtime?intent=transcription", max_queue=1) as client:
            await told(client)
            client.transport.pause_reading()
            with contextlib.suppress(ConnectionClosed):
                while not world.session.log:
                    await say(client, "x", event_id="😀" * 500)
            client.transport.abort()

    speak(world, story)
    assert world.session.log == ["leave"]


def test_pongs_that_nobody_reads_are_bounded() -> None:
    """Pings are answered at once, so whoever sends them and reads nothing would fill the memory."""
    world = Speaking()
    ping = b"\x89\xfd\0\0\0\0" + b"x" * 125

    async def story(url: str) -> None:
        async with deaf(url, world) as client:
            with contextlib.suppress(OSError):
                async with asyncio.timeout(20):
                    while not world.session.log:
                        await asyncio.get_running_loop().sock_sendall(client, ping * 500)
            await has_left(world)

    speak(world, story)
    assert world.session.log == ["leave"]


def test_an_endless_sender_is_held_and_not_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    """While its session is too far behind nothing is read; the keepalive waits with it."""
    monkeypatch.setattr(SocketConnection, "ping_s", 0.1)
    world = Speaking()

    async def story(url: str) -> tuple[int, int]:
        async with dial(f"{url}/v1/listen") as client:
            await told(client)
            world.session.may_feed.clear()
            sent = 0
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(1.0):
                    for _ in range(100):
                        await client.send(os.urandom(2**20))
                        sent += 1
            held = sent
            world.session.may_feed.set()
            while world.session.received_s < held * 30:
                await asyncio.sleep(0.01)
            await say(client, "clear")
            await say(client, "finish")
            _, code = await all_told(client)
            return held, code

    held, code = speak(world, story)
    assert held < 30 and code == 1000


def test_a_silent_client_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """One whose machine has vanished answers no ping; its session is kept for it."""
    monkeypatch.setattr(SocketConnection, "ping_s", 0.1)
    monkeypatch.setattr(SocketConnection, "linger_s", 0.2)
    world = Speaking()

    async def story(url: str) -> None:
        async with deaf(url, world):
            await has_left(world)

    speak(world, story)
    assert world.session.log == ["leave"]


def test_sigterm_tells_those_who_speak_and_lets_them_finish() -> None:
    """At once with seconds; what was said gets its text; then 1012. Nobody new is let in."""
    world = Speaking()

    async def run() -> tuple[list[dict[str, Any]], int, list[dict[str, Any]], int]:
        async with served(world) as (server, _):
            url = server.url.replace("http", "ws", 1)
            async with dial(f"{url}/v1/listen") as client, dial(f"{url}/v1/realtime?intent=transcription") as other:
                await told(client)
                await client.send(pcm(0.5))
                while not world.live or world.live.sessions[0].received_s < 0.5:
                    await asyncio.sleep(0.001)
                server.stop()
                return *await all_told(client), *await all_told(other)

    messages, code, others, other_code = asyncio.run(run())
    assert kinds(messages) == ["error", "text", "committed", "text", "completed"]
    assert (messages[0]["code"], messages[0]["retry_after_s"], code) == ("draining", 5, 1012)
    assert kinds(others) == ["session.created", "error"] and other_code == 1012
    assert (others[1]["error"]["code"], others[1]["error"]["retry_after_s"]) == ("draining", 5)


def test_a_drain_ends_after_its_time_whoever_still_speaks() -> None:
    """A session that does not come to its end is closed with the server."""
    world = Speaking(drain_s=0.2)

    async def run() -> int:
        async with served(world) as (server, _), dial(server.url.replace("http", "ws", 1) + "/v1/listen") as client:
            await told(client)

            async def never(error: object = None) -> None:
                """The session hangs."""

            world.session.finish = never  # type: ignore[method-assign]
            server.stop()
            return (await all_told(client))[1]

    assert asyncio.run(run()) == 1012


def test_a_second_signal_ends_everybody_at_once() -> None:
    """They are told that the server leaves, whatever their sessions would still have said."""
    world = Speaking(drain_s=60)

    async def run() -> tuple[int, str | None]:
        async with served(world) as (server, _), dial(server.url.replace("http", "ws", 1) + "/v1/listen") as client:
            await told(client)

            async def never(error: object = None) -> None:
                """The session hangs."""

            world.session.finish = never  # type: ignore[method-assign]
            server.stop()
            assert (await told(client))["code"] == "draining"
            server.stop()
            _, code = await all_told(client)
            return code, client.close_reason

    assert asyncio.run(run()) == (1012, "draining")


def test_a_defect_closes_the_socket_and_is_in_the_log(capsys: pytest.CaptureFixture[str]) -> None:
    """1011 with the code; the session is closed; the log has the traceback beside the request id."""
    world = Speaking()

    async def story(url: str) -> tuple[int, str | None]:
        async with dial(f"{url}/v1/listen", additional_headers={"X-Request-Id": "mine"}) as client:
            await told(client)

            async def burn() -> None:
                raise RuntimeError("the room burns")

            world.session.commit = burn  # type: ignore[method-assign]
            await say(client, "commit")
            _, code = await all_told(client)
            return code, client.close_reason

    assert speak(world, story) == (1011, "internal_error")
    written = capsys.readouterr().out
    assert "request.defect" in written and "the room burns" in written and "mine" in written
    assert world.session.log == ["close"]


def test_the_end_of_a_session_that_nobody_reads_is_an_end() -> None:
    """The connection goes, whatever waits in it."""
    world = Speaking()

    async def story(url: str) -> None:
        async with deaf(url, world):
            await world.session.tell(Ended())
            await has_left(world)

    speak(world, story)
    assert world.session.log == ["leave"]


def test_large_audio_goes_in_by_packets() -> None:
    """So that a session can hold it in between."""
    world = Speaking()

    async def story(url: str) -> None:
        async with dial(f"{url}/v1/realtime?intent=transcription") as client:
            await told(client)
            await client.send(json.dumps({"type": "input_audio_buffer.append", "audio": base64_of(pcm(30, 24_000))}))
            await say(client, "input_audio_buffer.commit")
            while (await told(client))["type"] != "input_audio_buffer.committed":
                pass

    speak(world, story)
    assert abs(world.session.received_s - 30) < 1e-3
    assert max(map(len, world.session.samples)) <= 16_000
