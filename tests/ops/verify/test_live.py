"""Reading what a live session told; and what is said to servers that do otherwise than Harken."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web

from harken.ops.verify.caller import calling
from harken.ops.verify.check import Check, CheckFailed, Verdict
from harken.ops.verify.known import packaged
from harken.ops.verify.live import see_live, text_of
from harken.ops.verify.speaking import Talk
from harken.ops.verify.visit import Asked, Visit

Handle = Callable[[web.Request], Awaitable[web.StreamResponse]]
SAID = packaged().text


def talk(*messages: dict[str, Any], close_code: int | None = 1000, problem: str = "") -> Talk:
    """A session that told this, a second for each."""
    told = [(float(n), json.dumps(message)) for n, message in enumerate(messages, 1)]
    return Talk(status=101, told=told, said_s=2.0, close_code=close_code, problem=problem)


WHOLE = (
    {"type": "session"},
    {"type": "text", "turn": 1, "delta": "", "tentative": "on"},
    {"type": "text", "turn": 1, "delta": "one", "tentative": ""},
    {"type": "completed", "turn": 1, "text": "one"},
)


def test_the_text_of_all_turns_is_read_with_its_times() -> None:
    """Turns are joined; the first text may be tentative."""
    text = text_of(talk(*WHOLE, {"type": "completed", "turn": 2, "text": "two"}))
    assert (text.whole, text.first_s, text.last_s) == ("one two", 2.0, 5.0)
    assert text_of(talk({"type": "session"})).whole == ""


@pytest.mark.parametrize(
    ("told", "words"),
    [
        (talk(*WHOLE, close_code=1006), "broke off after 4 messages: it was closed with 1006"),
        (talk(*WHOLE, close_code=None, problem="no end within 60 s"), "no end within 60 s"),
        (talk({"type": "error", "code": "draining", "message": "Bye."}), "draining, 'Bye.'"),
        (talk({"type": "failed", "turn": 1, "code": "engine_failed"}), "engine_failed"),
        (talk({"type": "error", "code": 7, "message": {}}), "no code"),
        (talk(*WHOLE[:3], {"type": "completed", "turn": 1, "text": "two"}), "told as final is not the text"),
    ],
)
def test_a_session_that_is_not_as_it_should_be_is_said(told: Talk, words: str) -> None:
    """A failure, a break, text that was taken back."""
    with pytest.raises(CheckFailed) as failure:
        text_of(told)
    assert words in failure.value.message


@asynccontextmanager
async def a_server(handle: Handle) -> AsyncIterator[str]:
    """Answers on /v1/listen; its address."""
    app = web.Application()
    app.router.add_get("/v1/listen", handle)
    runner = web.AppRunner(app, shutdown_timeout=1)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


def look(handle: Handle, *, api_key: str = "", timeout_s: float = 20.0) -> Check:
    """Take the step at such a server."""

    async def story() -> Check:
        async with (
            a_server(handle) as url,
            calling(url, api_key=api_key, work_timeout_s=timeout_s) as caller,
        ):
            visit = Visit(asked=Asked(server=url), caller=caller, known=packaged(), chance=random.Random(1))
            await see_live(visit)
            (check,) = visit.checks
            return check

    return asyncio.run(story())


def refusing(status: int, code: str) -> web.Response:
    """A refusal as Harken words it."""
    return web.json_response({"error": {"message": "No.", "code": code}}, status=status)


def welcoming(speak: Callable[[web.WebSocketResponse], Awaitable[None]]) -> Handle:
    """A server that lets in whoever comes with a handshake."""

    async def handle(request: web.Request) -> web.StreamResponse:
        if "Upgrade" not in request.headers:
            return refusing(426, "upgrade_required")
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        await speak(socket)
        return socket

    return handle


async def hear(socket: web.WebSocketResponse) -> int:
    """Take sound until `finish`; return how many bytes of it came."""
    size = 0
    while isinstance(data := (await socket.receive()).data, bytes):
        size += len(data)
    assert json.loads(data) == {"type": "finish"}
    return size


def test_all_of_the_recording_is_spoken_and_its_text_is_measured() -> None:
    """Two bytes a sample; the text after the last sound."""
    sizes: list[int] = []

    async def speak(socket: web.WebSocketResponse) -> None:
        sizes.append(await hear(socket))
        await socket.send_json({"type": "completed", "turn": 1, "text": SAID})
        await socket.close()

    check = look(welcoming(speak))
    assert check.verdict is Verdict.OK and check.figures["final_s"] < 5
    assert sizes == [2 * len(packaged().samples)]


@pytest.mark.parametrize(
    ("status", "code", "words"),
    [(404, "not_found", "before that"), (501, "not_offered", "not offered here")],
)
def test_what_is_not_there_is_skipped(status: int, code: str, words: str) -> None:
    """An older version; a server that offers none."""

    async def handle(_: web.Request) -> web.Response:
        return refusing(status, code)

    check = look(handle)
    assert check.verdict is Verdict.SKIPPED and words in check.found


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (lambda: refusing(503, "live_full"), "HTTP 503 live_full, 'No.'"),
        (lambda: refusing(401, "invalid_api_key"), "invalid_api_key"),
        (lambda: web.Response(status=404, text="<html>"), "does not answer as Harken does"),
        (lambda: web.Response(text="hello"), "HTTP 200"),
        (lambda: web.Response(status=302, headers={"Location": "/v1/listen"}), "HTTP 302"),
    ],
)
def test_who_lets_nobody_in_has_failed(answer: Callable[[], web.Response], words: str) -> None:
    """In his own words, where they are Harken's."""

    async def handle(_: web.Request) -> web.Response:
        return answer()

    with pytest.raises(CheckFailed) as failure:
        look(handle)
    assert words in failure.value.message


def test_room_that_was_taken_meanwhile_is_told_from_a_proxy_that_passes_no_upgrade() -> None:
    """The server is asked once more."""
    looks: list[str] = []

    async def handle(request: web.Request) -> web.Response:
        looks.append("handshake" if "Upgrade" in request.headers else "look")
        return refusing(426, "upgrade_required") if len(looks) == 1 else refusing(503, "live_full")

    with pytest.raises(CheckFailed, match="live_full"):
        look(handle)
    assert looks == ["look", "handshake", "look"]


def test_a_handshake_is_not_sent_on_elsewhere() -> None:
    """With it went the key."""
    seen: list[str] = []

    async def handle(request: web.Request) -> web.Response:
        seen.append(request.query_string)
        if "Upgrade" not in request.headers:
            return refusing(426, "upgrade_required")
        return web.Response(status=307, headers={"Location": "/v1/listen?elsewhere=1"})

    with pytest.raises(CheckFailed, match="HTTP 307"):
        look(handle, api_key="hk_secret")
    assert "elsewhere=1" not in seen


async def _says_nothing(socket: web.WebSocketResponse) -> None:
    await hear(socket)
    await socket.receive()


async def _never_ends(socket: web.WebSocketResponse) -> None:
    try:
        while True:
            await socket.send_json({"type": "text", "turn": 1, "delta": "x" * 500_000})
    except ConnectionError:
        return


async def _sends_bytes(socket: web.WebSocketResponse) -> None:
    await socket.send_bytes(b"\0")


async def _leaves(socket: web.WebSocketResponse) -> None:
    await socket.close(code=1011)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("speak", "words"),
    [
        (_says_nothing, "no end within 1 s"),
        (_never_ends, "it does not end"),
        (_sends_bytes, "it sends what is no text"),
        (_leaves, "it was closed with 1011"),
    ],
)
def test_a_session_ends_whatever_it_does(speak: Callable[[web.WebSocketResponse], Awaitable[None]], words: str) -> None:
    """Bounded in time and bytes."""
    with pytest.raises(CheckFailed) as failure:
        look(welcoming(speak), timeout_s=1.0 if speak is _says_nothing else 20.0)
    assert words in failure.value.message
