"""Bodies: bounded before and while they are read, refused with an answer that the client can read."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from starlette.requests import Request
from starlette.types import Message

from harken.api.spool import Spool
from harken.api.upload import read_form
from harken.config import LimitsConfig
from harken.errors import TimedOut
from tests.api.world import CLIP, World, ask, ask_all, serving, talk

LIMIT = 1_000_000
BOUNDARY = b"frontier"
FORM = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY.decode()}"}


def part(disposition: str, content: bytes) -> bytes:
    """One part of a hand-written form."""
    return b"--%b\r\nContent-Disposition: form-data; %b\r\n\r\n%b\r\n" % (BOUNDARY, disposition.encode(), content)


def form(*parts: bytes) -> bytes:
    """A hand-written form."""
    return b"".join(parts) + b"--%b--\r\n" % BOUNDARY


AUDIO = part('name="audio"; filename="a.wav"', CLIP)

REFUSED: dict[str, tuple[dict[str, Any], str, str]] = {
    "nothing at all": ({}, "missing_audio", "'audio'"),
    "JSON": ({"json": {"audio": "x"}}, "bad_request", "application/json"),
    "raw audio": ({"content": CLIP, "headers": {"Content-Type": "audio/wav"}}, "bad_request", "audio/wav"),
    "a form without files": ({"data": {"audio": "x"}}, "missing_audio", "multipart/form-data"),
    "no boundary": ({"content": b"x", "headers": {"Content-Type": "multipart/form-data"}}, "bad_request", "boundary"),
    "no multipart": ({"content": b"hello", "headers": FORM}, "bad_request", "multipart"),
    "an empty body": ({"content": b"", "headers": FORM}, "bad_request", "boundary"),
    "an empty form": ({"content": form(), "headers": FORM}, "missing_audio", "'audio'"),
    "text only": (
        {"content": form(part('name="language"', b"en")), "headers": FORM}, "missing_audio", "'audio'"),
    "the file as text": (
        {"content": form(part('name="audio"', b"a.wav")), "headers": FORM}, "missing_audio", "curl -F audio=@"),
    "two files": ({"content": form(AUDIO, AUDIO), "headers": FORM}, "bad_request", "One file"),
    "a second file elsewhere": (
        {"content": form(AUDIO, part('name="b"; filename="b"', b"")), "headers": FORM}, "bad_request", "'b'"),
    "a file elsewhere": (
        {"content": form(part('name="b"; filename="b"', b"")), "headers": FORM}, "missing_audio", "'b'"),
    "an empty file": ({"files": {"audio": ("a.wav", b"")}}, "empty_audio", "empty"),
    "a field twice": (
        {"content": form(*[part('name="language"', b"en")] * 2, AUDIO), "headers": FORM}, "bad_request", "'language'"),
    "a part without a name": (
        {"content": form(part("filename=x", b""), AUDIO), "headers": FORM}, "bad_request", "name"),
    "a long field": (
        {"files": {"audio": CLIP}, "data": {"language": "x" * 70_000}}, "bad_request", "'language'"),
    "many fields": (
        {"files": {"audio": CLIP}, "data": {f"f{n}": "" for n in range(1200)}}, "bad_request", "fields"),
    "text that is not UTF-8": (
        {"content": form(part('name="language"', b"\xff\xfe"), AUDIO), "headers": FORM}, "bad_request", "UTF-8"),
    "a form cut short": ({"content": AUDIO, "headers": FORM}, "bad_request", "ends before"),
    "a file cut short": ({"content": AUDIO[:-9], "headers": FORM}, "bad_request", "ends before"),
    "not audio": ({"files": {"audio": b"abc"}}, "undecodable_audio", "audio"),
    "an unknown language": (
        {"files": {"audio": CLIP}, "data": {"language": "Klingon"}}, "unknown_language", "Klingon"),
}  # fmt: skip


@pytest.mark.slow
def test_what_cannot_be_read_is_refused_with_a_clear_message() -> None:
    """Each wrong body has its code and says what is wrong; the server goes on."""
    answers = ask_all(World(), "POST", "/asr", [body for body, _, _ in REFUSED.values()])
    found = {name: (answer.status_code, answer.json()["code"]) for name, answer in zip(REFUSED, answers, strict=True)}
    assert found == {name: (400, code) for name, (_, code, _) in REFUSED.items()}
    for (name, (_, _, hint)), answer in zip(REFUSED.items(), answers, strict=True):
        assert hint in answer.json()["error"], name


def test_file_names_of_all_kinds_pass() -> None:
    """Names are never looked at; those with other scripts, quotes and the `filename*` form are files all the same."""
    heads = ('filename="录音 один.wav"', 'filename="a\\"b.wav"', "filename*=UTF-8''%e5%bd%95.wav", 'filename=""')
    bodies = [form(part(f'name="audio"; {head}', CLIP)) for head in heads]
    forms = [{"content": body, "headers": FORM} for body in bodies] + [{"files": {"audio": ("录音.wav", CLIP)}}]
    assert {answer.status_code for answer in ask_all(World(), "POST", "/asr", forms)} == {200}


def test_order_and_piece_sizes_do_not_matter() -> None:
    """Fields before or after the file, and a body that comes byte by byte."""
    world = World()
    language = part('name="language"', b"zh")

    async def dribble(body: bytes, size: int) -> AsyncIterator[bytes]:
        for start in range(0, len(body), size):
            yield body[start : start + size]

    short = part('name="audio"; filename="a"', b"\0\0\0\0")
    bodies = [
        dribble(form(language, AUDIO), 997),
        dribble(form(AUDIO, language), 1009),
        dribble(form(language, short), 1),
    ]
    answers = ask_all(world, "POST", "/asr", [{"content": body, "headers": FORM} for body in bodies])
    assert [answer.status_code for answer in answers] == [200] * 3
    assert [options.language for _, options in world.recognizer.seen] == ["Chinese"] * 3
    assert [len(segment.samples) for segment, _ in world.recognizer.seen] == [8000, 8000, 1]


async def chunks(total: int) -> AsyncIterator[bytes]:
    """A body without a length in its head."""
    yield form(AUDIO)[:100]
    for _ in range(total // 50_000):
        yield bytes(50_000)


def test_a_body_that_is_too_large_gets_an_answer_that_the_client_can_read() -> None:
    """With and without a length in its head; the client writes on and must not see a reset in place of the 413."""

    async def conversation(client: httpx.AsyncClient) -> list[httpx.Response]:
        announced = await client.post("/asr", files={"audio": bytes(30_000_000)})
        dribbled = await client.post("/asr", content=chunks(30_000_000), headers=FORM)
        fine = await client.post("/asr", files={"audio": CLIP})
        return [announced, dribbled, fine]

    announced, dribbled, fine = talk(World(), conversation)
    for answer in (announced, dribbled):
        assert (answer.status_code, answer.json()["code"]) == (413, "upload_too_large")
        assert answer.headers["connection"] == "close"
        assert str(LIMIT) in answer.json()["error"]
    assert fine.status_code == 200


@pytest.mark.slow
def test_curl_can_read_the_answer_to_a_body_that_is_too_large() -> None:
    """The client of the deployment guide, with its own way of asking first (Expect: 100-continue) and without it."""

    async def run(*options: str) -> tuple[int | None, bytes]:
        async with serving(World().app()) as url:
            arguments = ["-s", "-S", *options, "-F", "audio=@-;filename=a.wav", f"{url}/asr"]
            pipe = asyncio.subprocess.PIPE
            curl = await asyncio.create_subprocess_exec("curl", *arguments, stdin=pipe, stdout=pipe, stderr=pipe)
            answer, _ = await curl.communicate(bytes(20_000_000))
            return curl.returncode, answer

    for options in ((), ("-H", "Expect:"), ("-H", "Transfer-Encoding: chunked")):
        status, answer = asyncio.run(run(*options))
        assert (status, json.loads(answer)["code"]) == (0, "upload_too_large"), options


def test_a_body_of_exactly_the_limit_passes() -> None:
    """The limit counts the whole body, to the byte."""
    frame = len(form(part('name="audio"; filename="a.wav"', b"")))
    size = LIMIT - frame
    size -= size % 4
    for content, status in ((bytes(size), 200), (bytes(size + 4), 413)):
        body = form(part('name="audio"; filename="a.wav"', content))
        assert ask(World(), "POST", "/asr", content=body, headers=FORM).status_code == status


def test_every_refusal_before_the_body_is_read_is_readable() -> None:
    """A server that is still starting, an unknown route: the body is as large, and nobody wants it."""
    for world, path, status in ((World(has_service=False), "/asr", 503), (World(), "/nowhere", 404)):
        assert ask(world, "POST", path, files={"audio": bytes(5_000_000)}).status_code == status


def test_an_upload_that_stalls_ends() -> None:
    """A client that stops in the middle does not hold its place for ever."""
    pieces = [{"type": "http.request", "body": AUDIO[:200], "more_body": True}]
    head = [(b"content-type", FORM["Content-Type"].encode())]

    async def receive() -> Message:
        return pieces.pop() if pieces else await asyncio.Event().wait()  # type: ignore[return-value]

    async def run() -> None:
        with Spool() as spool:
            await read_form(Request({"type": "http", "headers": head}, receive), "audio", spool, LIMIT, stall_s=0.05)

    with pytest.raises(TimedOut, match=r"0\.05 seconds"):
        asyncio.run(run())


def test_an_upload_that_drips_ends() -> None:
    """A byte now and then is never silence, and would go on for weeks; a fast upload of any length is not touched."""
    head = [(b"content-type", FORM["Content-Type"].encode())]

    async def run(piece: bytes, slow_s: float) -> int:
        received = 0

        async def receive() -> Message:
            nonlocal received
            await asyncio.sleep(0.001)
            first = not received
            received += 1
            more_body = received < 200
            body = AUDIO[:200] if first else piece if more_body else form()
            return {"type": "http.request", "body": body, "more_body": more_body}

        with Spool() as spool:
            request = Request({"type": "http", "headers": head}, receive)
            await read_form(request, "audio", spool, 10_000_000, stall_s=10.0, slow_s=slow_s)
        return received

    with pytest.raises(TimedOut, match="bytes a second"):
        asyncio.run(run(b"a", 0.02))
    # The form's last line needs its own line break, which the pieces do not have.
    assert asyncio.run(run(b"a" * 16_000 + b"\r\n", 0.15)) == 200


def test_a_large_upload_goes_through_a_file_and_comes_back_whole() -> None:
    """Memory, file and the seam between them hold the same bytes in the same order; the spool keeps nothing."""

    async def run(total: int) -> None:
        pieces = [bytes([number % 251]) * 1000 for number in range(total)]
        with Spool(memory_bytes=50_000) as spool:
            for piece in pieces:
                spool.append(piece)
                await spool.settle()
            assert spool.size == total * 1000
            view = await spool.take()
            assert view == b"".join(pieces)

    for total in (0, 1, 50, 51, 200):
        asyncio.run(run(total))


@pytest.mark.slow
def test_a_large_recording_is_transcribed() -> None:
    """Past what is kept in memory, through the whole server."""
    world = World(limits=LimitsConfig())
    answer = ask(world, "POST", "/asr", files={"audio": bytes(40_000_000)})
    assert answer.json() == {"text": "", "language": "", "status": "success"}
