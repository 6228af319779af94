"""The way in: who may connect, with what key, from which page; and what is no handshake."""

from __future__ import annotations

import asyncio
import json
import signal
import socket
import ssl
import struct
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from harken.errors import LiveFull
from harken.events import RequestEnded
from harken.live.settings import LiveSettings
from harken.server.certificate import Certificate
from harken.server.port import listen
from harken.server.run import serve
from harken.types import Priority, Requester
from tests.api.live.speaking import (
    PlayedLive,
    PlayedSession,
    Served,
    Speaking,
    all_told,
    dial,
    kinds,
    pcm,
    refused,
    say,
    served,
    speak,
    told,
)
from tests.keys.house import KeyHouse, key_house
from tests.server.certificates import issue

pytestmark = pytest.mark.slow


@pytest.fixture
def house(tmp_path: Path) -> Iterator[KeyHouse]:
    """An empty one."""
    with key_house(tmp_path) as found:
        yield found


def test_a_key_may_come_in_each_of_its_ways_and_never_comes_out(
    house: KeyHouse, capsys: pytest.CaptureFixture[str]
) -> None:
    """As a bearer, as X-API-Key, and as a subprotocol for browsers; none and wrong ones are refused."""
    _, secret = house.book.add("bob")
    world = Speaking(admission=house.admission())
    browser: Any = ["realtime", f"openai-insecure-api-key.{secret}", "openai-beta.realtime-v1"]

    async def story(url: str) -> None:
        for name, value in (("Authorization", f"Bearer {secret}"), ("X-API-Key", secret)):
            async with dial(f"{url}/v1/listen", additional_headers={name: value}) as client:
                assert (await told(client))["type"] == "session"
        async with dial(f"{url}/v1/realtime?intent=transcription", subprotocols=browser) as client:
            assert client.subprotocol == "realtime"
            assert (await told(client))["type"] == "transcription_session.created"
        for headers in ({}, {"Authorization": "Bearer hk_wrong-sesame"}, {"Authorization": f"Basic {secret}"}):
            status, error = await refused(f"{url}/v1/listen", additional_headers=headers)
            assert (status, error["code"]) == (401, "invalid_api_key")
        wrong: Any = ["realtime", "openai-insecure-api-key.hk_wrong-sesame"]
        assert (await refused(f"{url}/v1/listen", subprotocols=wrong))[0] == 401

    speak(world, story)
    assert world.live is not None and [session.requester.key for session in world.live.sessions] != ["", "", ""]
    written = "".join(capsys.readouterr())
    assert "socket.opened" in written and secret not in written and "sesame" not in written
    assert "secret-0" not in written and "rror" not in written


def test_a_session_is_its_keys_alone(house: KeyHouse) -> None:
    """Whoever learns its ID cannot resume it with another key."""
    (_, one), (_, other) = house.book.add("bob"), house.book.add("eve")
    world = Speaking(admission=house.admission())

    async def story(url: str) -> tuple[int, dict[str, Any]]:
        async with dial(f"{url}/v1/listen", additional_headers={"X-API-Key": one}) as client:
            session = (await told(client))["session"]
            return await refused(f"{url}/v1/listen?session={session}", additional_headers={"X-API-Key": other})

    status, error = speak(world, story)
    assert (status, error["code"]) == (404, "session_unknown")


def test_opening_counts_as_a_request(house: KeyHouse) -> None:
    """And the answer to the handshake says how many are left."""
    _, secret = house.book.add("bob", requests_per_minute=2)
    headers = {"X-API-Key": secret}

    async def story(url: str) -> tuple[list[str], int, dict[str, Any]]:
        left = []
        for _ in range(2):
            async with dial(f"{url}/v1/listen", additional_headers=headers) as client:
                assert client.response is not None
                left.append(client.response.headers["x-ratelimit-remaining-requests"])
        return left, *await refused(f"{url}/v1/listen", additional_headers=headers)

    left, status, error = speak(Speaking(admission=house.admission()), story)
    assert (left, status, error["code"]) == (["1", "0"], 429, "rate_limit_exceeded")


def test_seconds_are_charged_as_they_come_and_end_the_session(house: KeyHouse) -> None:
    """This minute's and the next one's; then the error, what was said is told, and the close."""
    _, secret = house.book.add("bob", audio_s_per_minute=10.0)
    world = Speaking(admission=house.admission())

    async def story(url: str) -> tuple[list[dict[str, Any]], int]:
        async with dial(f"{url}/v1/listen", additional_headers={"X-API-Key": secret}) as client:
            await client.send(pcm(19.0))
            await told(client)
            await client.send(pcm(5.0))
            return await all_told(client)

    messages, code = speak(world, story)
    assert kinds(messages) == ["error", "text", "committed", "text", "completed"]
    assert (messages[0]["code"], code) == ("rate_limit_exceeded", 1008)
    assert messages[0]["retry_after_s"] > 60 and messages[-1]["end_s"] == world.session.received_s <= 21.0


def test_a_key_that_is_revoked_has_no_session_any_more(house: KeyHouse) -> None:
    """At the next second that would be charged to it."""
    key, secret = house.book.add("bob", audio_s_per_minute=1000.0)
    house.book.add("root", is_admin=True)
    world = Speaking(admission=house.admission())

    async def story(url: str) -> tuple[list[dict[str, Any]], int]:
        async with dial(f"{url}/v1/listen", additional_headers={"X-API-Key": secret}) as client:
            await told(client)
            await client.send(pcm(1.5))
            house.book.revoke(key.id)
            house.clock.advance(2.0)
            await client.send(pcm(1.5))
            return await all_told(client)

    messages, code = speak(world, story)
    assert (messages[0]["code"], code) == ("invalid_api_key", 1008)


ORIGINS = [
    (None, "", True),
    ("http://{here}", "", True),
    ("https://{here}", "", True),
    ("http://evil.example", "", False),
    ("http://evil.example", "http://good.example", False),
    ("http://good.example", "http://good.example, http://other.example", True),
    ("http://other.example", "http://good.example, http://other.example", True),
    ("http://evil.example", "*", True),
    ("null", "", False),
    ("file://", "", False),
    ("http://127.0.0.1", "", False),
    ("http://[::1", "", False),
    ("chrome-extension://abc", "", False),
]


def test_pages_of_other_origins_are_refused() -> None:
    """A page that somebody opens must not use the server on his own machine; its own pages and programs may."""
    for allowed in sorted({allowed for _, allowed, _ in ORIGINS}):
        world = Speaking(cors_origins=allowed)

        async def story(url: str, allowed: str = allowed) -> None:
            for origin, listed, may in ORIGINS:
                if listed != allowed:
                    continue
                headers = {} if origin is None else {"Origin": origin.format(here=url.removeprefix("ws://"))}
                if may:
                    async with dial(f"{url}/v1/listen", additional_headers=headers) as client:
                        assert (await told(client))["type"] == "session", origin
                    continue
                status, error = await refused(f"{url}/v1/listen", additional_headers=headers)
                assert (status, error["code"]) == (403, "not_permitted"), origin

        speak(world, story)


def test_what_the_server_cannot_take_is_refused_in_the_handshake() -> None:
    """Full, starting, draining, not offered, elsewhere: each with its status and code, and with seconds where known."""

    async def story(url: str) -> list[tuple[int, Any]]:
        answers = []
        for change in (full, nothing, starting, leaving):
            change()
            answers.append(await refused(f"{url}/v1/listen"))
        answers.append(await refused(f"{url}/v1/listen/more"))
        answers.append(await refused(f"{url}/v1/models"))
        deadline = {"X-Harken-Deadline": "2"}
        world.becomes("ready", is_ready=True)
        world.live = full_live
        answers.append(await refused(f"{url}/v1/listen", additional_headers=deadline))
        return [(status, error["code"]) for status, error in answers]

    world = Speaking()
    full_live = world.live
    assert full_live is not None

    def full() -> None:
        full_live.is_refused = LiveFull(retry_after_s=7)

    def nothing() -> None:
        world.live = None

    def starting() -> None:
        world.has_service = False

    def leaving() -> None:
        world.has_service = True
        world.becomes("draining", is_ready=False)

    assert speak(world, story) == [
        (503, "live_full"), (501, "not_offered"), (503, "no_ready_instance"), (503, "draining"),
        (404, "not_found"), (404, "not_found"), (400, "unsupported_option"),
    ]  # fmt: skip
    ended = [event.outcome for event in world.told if isinstance(event, RequestEnded)]
    assert ended == ["live_full", "not_offered", "no_ready_instance", "draining", "unsupported_option"]


def test_a_page_is_told_why_its_handshake_was_refused(house: KeyHouse) -> None:
    """Browsers hide it; the same address without a handshake has it, and opens nothing."""
    _, secret = house.book.add("bob")
    world = Speaking(admission=house.admission())
    live = world.live
    assert live is not None

    async def story(url: str) -> list[tuple[int, str, str | None]]:
        answers = []
        async with httpx.AsyncClient(base_url=url.replace("ws", "http", 1), headers={"X-API-Key": secret}) as client:

            async def ask(query: str = "", **headers: str) -> None:
                answer = await client.get(f"/v1/listen{query}", headers=headers)
                assert answer.headers["X-Request-Id"]
                answers.append((answer.status_code, answer.json()["error"]["code"], answer.headers.get("Retry-After")))

            await ask()
            live.is_refused = LiveFull(retry_after_s=7)
            await ask()
            live.is_refused = None
            await ask("?session=nobodys&after=3")
            async with dial(f"{url}/v1/listen", additional_headers={"X-API-Key": secret}) as socket:
                session = (await told(socket))["session"]
                await ask(f"?session={session}&after=0")
                assert live.sessions[-1].log == [], "it was not resumed"
            await ask("?language=Klingon")
            await ask("?colour=red")
            await ask("?prompt=" + "x" * 1001)
            await ask("?prompt=" + "x" * 8000)
            await ask(**{"X-API-Key": "hk_wrong"})
        return answers

    assert speak(world, story) == [
        (426, "upgrade_required", None), (503, "live_full", "7"), (404, "session_unknown", None),
        (426, "upgrade_required", None), (400, "unknown_language", None), (400, "unsupported_option", None),
        (400, "unsupported_option", None), (431, "head_too_large", None), (401, "invalid_api_key", None),
    ]  # fmt: skip
    assert len(live.sessions) == 1


def test_who_speaks_is_of_class_live_unless_his_key_is_for_batches(house: KeyHouse) -> None:
    """Somebody reads along; that needs no key above the usual one, unless he asks for less himself."""
    _, fast = house.book.add("bob")
    _, slow = house.book.add("eve", priority=Priority.BATCH)
    world = Speaking(admission=house.admission())

    async def story(url: str) -> None:
        for secret in (fast, slow):
            async with dial(f"{url}/v1/listen", additional_headers={"X-API-Key": secret}) as client:
                await told(client)
        lower = {"X-API-Key": fast, "X-Harken-Priority": "interactive"}
        async with dial(f"{url}/v1/listen", additional_headers=lower) as client:
            await told(client)

    speak(world, story)
    assert world.live is not None
    classes = [session.requester.priority for session in world.live.sessions]
    assert classes == [Priority.LIVE, Priority.BATCH, Priority.INTERACTIVE]


KEY = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="
HEAD = "GET /v1/listen HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
LONG = HEAD.replace("/v1/listen", "/v1/listen?" + "x" * 9000)
NO_HANDSHAKES = [
    (HEAD + "Sec-WebSocket-Version: 13\r\n", 400, "bad_request"),
    (HEAD + "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: short\r\n", 400, "bad_request"),
    (HEAD + f"{KEY}\r\nSec-WebSocket-Version: 13\r\n{KEY}\r\n", 400, "bad_request"),
    (HEAD + f"{KEY}\r\n", 426, "upgrade_required"),
    (HEAD + f"{KEY}\r\nSec-WebSocket-Version: 8\r\n", 426, "upgrade_required"),
    (HEAD.replace("GET", "POST") + f"{KEY}\r\nSec-WebSocket-Version: 13\r\n", 400, "bad_request"),
    (HEAD + f"{KEY}\r\nSec-WebSocket-Version: 13\r\nContent-Length: 3\r\n", 400, "bad_request"),
    (HEAD + f"{KEY}\r\nSec-WebSocket-Version: 13\r\nCookie: {'x' * 9000}\r\n", 431, "head_too_large"),
    (LONG + f"{KEY}\r\nSec-WebSocket-Version: 13\r\n", 431, "head_too_large"),
    (HEAD + f"{KEY}\r\nSec-WebSocket-Version: 13\r\n" + "A: b\r\n" * 120, 431, "head_too_large"),
    (HEAD.replace("listen", "listen?prompt=%ff") + f"{KEY}\r\nSec-WebSocket-Version: 13\r\n", 400, "bad_request"),
    (HEAD + f"{KEY}\r\nSec-WebSocket-Version: 13\r\nOrigin: http://ä\r\n", 403, "not_permitted"),
    ("GET /v1/listen HTTP/1.1\r\nHost: h\r\n", 426, "upgrade_required"),
    ("GET /v1/realtime?intent=transcription HTTP/1.1\r\nHost: h\r\n", 426, "upgrade_required"),
]  # fmt: skip


def test_what_is_no_handshake_is_refused_as_everything_is(capsys: pytest.CaptureFixture[str]) -> None:
    """In our shape, with a request id that the log knows; whatever the library would have said, or not said."""

    async def answer(url: str, head: str) -> tuple[int, str]:
        host, port = url.removeprefix("ws://").split(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(head.encode() + b"Connection: close\r\n\r\n" if "Upgrade" not in head else head.encode() + b"\r\n")
        try:
            async with asyncio.timeout(10):
                top = (await reader.readuntil(b"\r\n\r\n")).lower()
                body = await reader.readexactly(int(top.partition(b"content-length: ")[2].split()[0]))
        finally:
            writer.close()
        assert b"x-request-id" in top, top
        return int(top.split()[1]), json.loads(body)["error"]["code"]

    async def story(url: str) -> list[tuple[int, str]]:
        return await asyncio.gather(*(answer(url, head) for head, _, _ in NO_HANDSHAKES))

    assert speak(Speaking(), story) == [(status, code) for _, status, code in NO_HANDSHAKES]
    refused = [line for line in capsys.readouterr().out.splitlines() if "socket.refused" in line]
    assert len(refused) > 5 and all("code=" in line and "request_id=req_" in line for line in refused)


def test_a_request_beside_the_sockets_is_served_as_ever() -> None:
    """The same port, the same key, the same limits."""

    async def run() -> int:
        async with (
            served(Speaking()) as (server, _),
            dial(server.url.replace("http", "ws", 1) + "/v1/listen") as client,
        ):
            await told(client)
            async with httpx.AsyncClient(base_url=server.url, trust_env=False) as http:
                status = (await http.get("/v1/models")).status_code
            await say(client, "finish")
            return status

    assert asyncio.run(run()) == 200


def test_it_is_the_same_behind_a_certificate(tmp_path: Path) -> None:
    """wss:// on the port of https://, with the same bounds."""
    cert, key = issue(tmp_path, "localhost")

    async def run() -> tuple[list[str], int]:
        what = Served(Speaking())
        listener = listen("127.0.0.1", 0)
        certificate = Certificate(cert, key)
        certificate.load()
        serving = asyncio.create_task(serve(what, listener, certificate))
        trusting = ssl.create_default_context(cafile=cert)
        url = f"wss://localhost:{listener.getsockname()[1]}/v1/listen"
        async with asyncio.timeout(20), dial(url, ssl=trusting) as client:
            await client.send(pcm(0.5))
            await say(client, "finish")
            messages, code = await all_told(client)
        signal.raise_signal(signal.SIGTERM)
        await serving
        return kinds(messages), code

    assert asyncio.run(run()) == (["session", "text", "committed", "text", "completed"], 1000)


def test_a_client_that_left_before_its_refusal_is_no_defect(capsys: pytest.CaptureFixture[str]) -> None:
    """The server answers nobody, and the log does not speak of a defect of ours."""
    has_left = asyncio.Event()

    class Slow(PlayedLive):
        async def open(
            self, settings: LiveSettings, *, requester: Requester, request_id: str, route: str
        ) -> PlayedSession:
            await has_left.wait()
            await asyncio.sleep(0.05)
            self.sessions.append(PlayedSession("refused", settings, requester))
            raise LiveFull

    live = Slow()

    async def story(url: str) -> None:
        host, port = url.removeprefix("ws://").split(":")
        _, writer = await asyncio.open_connection(host, int(port))
        writer.write(
            b"GET /v1/listen HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        )
        await writer.drain()
        await asyncio.sleep(0.05)
        writer.transport.abort()
        has_left.set()
        async with asyncio.timeout(10):
            while not live.sessions:
                await asyncio.sleep(0.01)
        await asyncio.sleep(0.05)

    speak(Speaking(live=live), story)
    written = "".join(capsys.readouterr())
    assert "request.defect" not in written and "live_full" in written


def test_who_comes_back_and_gives_up_may_come_back_again() -> None:
    """A handshake that nobody waits for any more ends no session."""

    class Slow(PlayedLive):
        def resume(self, session_id: str, *, requester: Requester) -> PlayedSession:
            time.sleep(0.1)  # the server is held: meanwhile the client gives up
            return super().resume(session_id, requester=requester)

    live = Slow()

    async def story(url: str) -> list[str]:
        async with dial(f"{url}/v1/listen") as client:
            session = (await told(client))["session"]
            client.transport.abort()
        host, port = url.removeprefix("ws://").split(":")
        with socket.create_connection((host, int(port))) as other:
            other.sendall(
                f"GET /v1/listen?session={session}&after=0 HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\n".encode()
                + b"Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
            )
            other.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        async with asyncio.timeout(10):
            while live.sessions[-1].log[-2:] not in (["resume", "leave"], ["resume", "close"]):
                await asyncio.sleep(0.01)
        return live.sessions[-1].log

    assert "close" not in speak(Speaking(live=live), story)
