"""One request of a load test, to servers that misbehave."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import aiohttp
import pytest

from harken.cli.bench_client import BenchAnswer, Served, post, served_by
from harken.clock import SystemClock

DELTA = b'data: {"type": "transcript.text.delta", "delta": "one"}\n\n'


@contextmanager
def _answering(answer: bytes) -> Iterator[str]:
    """A server that answers everybody with these bytes and hangs up."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            while True:
                try:
                    one, _ = server.accept()
                except OSError:
                    return
                with one:
                    data = b""
                    while b"\r\n\r\n" not in data or (data.startswith(b"POST") and not data.endswith(b"--\r\n")):
                        data += one.recv(65536)
                    one.sendall(answer)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.getsockname()[1]}"
        finally:
            server.shutdown(socket.SHUT_RDWR)
            thread.join()


def _head(kind: str, length: int | None = None, status: str = "200 OK", **more: str) -> bytes:
    lines = [f"HTTP/1.1 {status}", f"Content-Type: {kind}", *(f"{name}: {value}" for name, value in more.items())]
    lines += [f"Content-Length: {length}"] if length is not None else ["Connection: close"]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def _asked(answer: bytes, timeout_s: float = 20.0) -> BenchAnswer:
    async def story(url: str) -> BenchAnswer:
        async with aiohttp.ClientSession() as session:
            form = aiohttp.FormData()
            form.add_field("file", b"x", filename="a.wav")
            return await post(session, url, form, timeout_s, SystemClock())

    with _answering(answer) as url:
        return asyncio.run(story(url))


@pytest.mark.parametrize(
    ("answer", "code", "status"),
    [
        (b"", "server_unreachable", 0),
        (b"nonsense\r\n\r\n", "server_unreachable", 0),
        (_head("application/json", 100) + b'{"text": ', "server_unreachable", 0),
        (_head("application/json", 3) + b"[1]", "no_transcript", 200),
        (_head("application/json", 11) + b'{"text": 1}', "no_transcript", 200),
        (_head("text/html", 3) + b"one", "no_transcript", 200),
        (_head("application/json", None, "429 Too Many") + b'{"error": {"code": "queue_full"}}', "queue_full", 429),
        (_head("application/json", None, "503 Busy") + b'{"code": "client_timeout"}', "http_503", 503),
        (_head("text/plain", None, "503 No") + b"no", "http_503", 503),
        (_head("text/event-stream") + DELTA, "stream_broken", 200),
        (_head("text/event-stream", 1000) + DELTA, "stream_broken", 200),
        (_head("text/event-stream") + b"data: nothing\n\n", "stream_broken", 200),
        (_head("text/event-stream") + DELTA + b'data: {"error": {"code": "draining"}}\n\n', "draining", 200),
    ],
)
def test_every_answer_is_a_transcript_or_has_a_code(answer: bytes, code: str, status: int) -> None:
    """Nobody, nonsense, half of it, pages, refusals, events that break off."""
    found = _asked(answer)
    assert (found.code, found.status, found.text if not code else "") == (code, status, "")


def test_an_answer_tells_who_recognised_it_and_whether_a_cache_did() -> None:
    """Without what a terminal would obey."""
    body = b'{"text": "eins", "language": "German"}'
    head = _head("application/json", len(body), **{"X-Harken-Instance": "asr-1", "X-Harken-Cache": "hit"})
    found = _asked(head + body)
    assert (found.code, found.text, found.language) == ("", "eins", "German")
    assert (found.instance, found.cache, found.first_text_at) == ("asr-1", "hit", None)


def test_a_stream_that_ended_has_a_first_text() -> None:
    """It is counted from the clock that the runner reads."""
    found = _asked(_head("text/event-stream") + DELTA + b"data: [DONE]\n\n")
    assert (found.code, found.text) == ("", "one") and found.first_text_at is not None


@pytest.mark.parametrize(
    ("body", "served"),
    [
        (b'{"model": "harken/digits"}', Served(model="harken/digits")),
        (b'{"data": [{"id": "whisper-1"}]}', Served(model="whisper-1", must_be_named=True)),
        (b'{"data": [{"id": "a"}, {"id": "b"}]}', Served()),
        (b'{"data": 3}', Served()),
        (b"<html>", Served()),
    ],
)
def test_a_server_is_asked_what_it_serves(body: bytes, served: Served) -> None:
    """By Harken's /health, or OpenAI's list; of several models a person must choose."""

    async def story(url: str) -> Served:
        async with aiohttp.ClientSession() as session:
            return await served_by(session, url)

    with _answering(_head("application/json", len(body)) + body) as url:
        assert asyncio.run(story(url)) == served
