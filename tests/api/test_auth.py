"""Keys and limits as clients meet them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import httpx
import openai
import pytest

from harken.config import AuthConfig
from harken.keys import Mode
from tests.api.keyed import KeyedWorld, bearer
from tests.api.world import CLIP, serving, talk
from tests.keys.house import KeyHouse, key_house


async def asr(client: httpx.AsyncClient, headers: dict[str, str] | None = None) -> httpx.Response:
    """Half a second to transcribe."""
    return await client.post("/asr", files={"audio": ("a.wav", CLIP)}, headers=headers)


@pytest.fixture
def house(tmp_path: Path) -> Iterator[KeyHouse]:
    """An empty one."""
    with key_house(tmp_path) as found:
        yield found


@pytest.mark.slow
def test_a_server_is_open_until_its_first_key(house: KeyHouse) -> None:
    """And then it is not; a key that was sent before it was needed does no harm."""

    async def conversation(client: httpx.AsyncClient) -> list[int]:
        before = await asr(client, bearer("sk-anything"))
        _, secret = house.book.add("bob")
        house.clock.advance(1.0)
        after = [
            await asr(client),
            await asr(client, bearer(secret)),
            await client.get("/v1/models", headers={"X-API-Key": secret}),
            await client.get("/health"),
            await client.get("/openapi.json"),
            await client.get("/nothing"),
        ]
        return [before.status_code, *(answer.status_code for answer in after)]

    assert talk(KeyedWorld(admission=house.admission()), conversation) == [200, 401, 200, 200, 200, 200, 401]


def test_a_refusal_has_the_shape_of_its_api_and_no_secret(house: KeyHouse, capsys: pytest.CaptureFixture[str]) -> None:
    """OpenAI's for /v1, plain (and Chinese for those who ask) for /asr; with a request id; nothing leaks."""
    house.book.add("bob")

    async def conversation(client: httpx.AsyncClient) -> list[httpx.Response]:
        return [
            await client.post("/v1/audio/transcriptions", headers=bearer("hk_wrong-sesame")),
            await asr(client, {**bearer("hk_wrong-sesame"), "Accept-Language": "zh"}),
            await asr(client, {"Authorization": "Basic sesame"}),
        ]

    answers = talk(KeyedWorld(admission=house.admission()), conversation)
    for answer in answers:
        assert answer.status_code == 401
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")
        assert answer.headers["X-Request-Id"]
    error = answers[0].json()["error"]
    assert (error["type"], error["code"], error["param"]) == ("invalid_request_error", "invalid_api_key", None)
    assert answers[1].json()["code"] == "invalid_api_key"
    assert answers[1].headers["Content-Language"] == "zh"
    said = capsys.readouterr()
    assert "sesame" not in "".join(answer.text for answer in answers) + said.out + said.err


@pytest.mark.slow
def test_openais_client_raises_its_own_errors(house: KeyHouse) -> None:
    """AuthenticationError for a wrong key, RateLimitError beyond the limit; the right key works."""
    _, secret = house.book.add("bob", requests_per_minute=2)

    async def scene() -> None:
        async with serving(KeyedWorld(admission=house.admission()).app()) as url:
            for wrong in ("hk_wrong", secret[:-1]):
                async with openai.AsyncOpenAI(base_url=f"{url}/v1", api_key=wrong, max_retries=0) as client:
                    with pytest.raises(openai.AuthenticationError) as refused:
                        await client.audio.transcriptions.create(model="whisper-1", file=("a.wav", CLIP))
                    assert refused.value.code == "invalid_api_key"
            async with openai.AsyncOpenAI(base_url=f"{url}/v1", api_key=secret, max_retries=0) as client:
                for _ in range(2):
                    assert (await client.audio.transcriptions.create(model="whisper-1", file=("a.wav", CLIP))).text
                with pytest.raises(openai.RateLimitError) as limited:
                    await client.audio.transcriptions.create(model="whisper-1", file=("a.wav", CLIP))
                assert limited.value.code == "rate_limit_exceeded"
                assert 1 <= int(limited.value.response.headers["Retry-After"]) <= 60

    asyncio.run(scene())


@pytest.mark.slow
def test_every_answer_says_what_is_left(house: KeyHouse) -> None:
    """In OpenAI's headers, on success (with this recording counted) and on refusal."""
    _, secret = house.book.add("bob", requests_per_minute=2, audio_s_per_minute=0.75)

    async def conversation(client: httpx.AsyncClient) -> list[httpx.Response]:
        return [await asr(client, bearer(secret)) for _ in range(3)]

    first, second, third = talk(KeyedWorld(admission=house.admission()), conversation)
    assert (first.status_code, second.status_code, third.status_code) == (200, 200, 429)
    assert first.headers["x-ratelimit-limit-requests"] == "2"
    assert first.headers["x-ratelimit-remaining-requests"] == "1"
    assert first.headers["x-ratelimit-remaining-audio-seconds"] == "0.25"
    assert second.headers["x-ratelimit-remaining-audio-seconds"] == "0"
    assert third.headers["x-ratelimit-remaining-audio-seconds"] == "0"
    assert third.headers["x-ratelimit-reset-audio-seconds"].endswith("s")
    assert third.json()["code"] == "rate_limit_exceeded"
    assert "audio-seconds" in third.json()["error"]


def test_a_limit_is_checked_before_the_body_is_read(house: KeyHouse) -> None:
    """A client whose minute is used up need not upload anything: the answer comes while the body is still missing."""
    _, secret = house.book.add("bob", requests_per_minute=1)

    async def scene() -> bytes:
        async with serving(KeyedWorld(admission=house.admission()).app()) as url:
            async with httpx.AsyncClient(base_url=url) as client:
                await client.get("/v1/models", headers=bearer(secret))
            reader, writer = await asyncio.open_connection("127.0.0.1", int(url.rpartition(":")[2]))
            head = f"POST /asr HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {secret}\r\nContent-Length: 1000000\r\n\r\n"
            writer.write(head.encode())
            async with asyncio.timeout(5):
                line = await reader.readline()
            writer.close()
            return line

    assert b" 429 " in asyncio.run(scene())


@pytest.mark.slow
def test_keys_that_cannot_be_read_let_nobody_in(house: KeyHouse) -> None:
    """503, not an open door."""
    house.database.folder.mkdir(exist_ok=True)
    (house.database.folder / "harken.db").write_bytes(b"this is no database" * 100)

    async def conversation(client: httpx.AsyncClient) -> list[httpx.Response]:
        return [
            await asr(client, bearer("hk_x")),
            await client.get("/health/live"),
        ]

    shut, live = talk(KeyedWorld(admission=house.admission()), conversation)
    assert (shut.status_code, live.status_code) == (503, 200)
    assert shut.headers["Retry-After"]


@pytest.mark.slow
def test_required_needs_a_key_before_there_is_one(house: KeyHouse) -> None:
    """And off needs none although there is one."""
    house.book.add("bob")

    async def conversation(client: httpx.AsyncClient) -> int:
        return (await asr(client)).status_code

    assert talk(KeyedWorld(admission=house.admission(Mode.REQUIRED)), conversation) == 401
    assert talk(KeyedWorld(admission=None), conversation) == 200


def test_the_configured_limit_holds_for_keys_without_their_own(house: KeyHouse) -> None:
    """Here one request a minute."""
    _, secret = house.book.add("bob")

    async def conversation(client: httpx.AsyncClient) -> list[int]:
        return [(await client.get("/v1/models", headers=bearer(secret))).status_code for _ in range(2)]

    world = KeyedWorld(admission=house.admission(config=AuthConfig(requests_per_minute=1)))
    assert talk(world, conversation) == [200, 429]
