"""Web pages."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from harken.api.cors import cors_middleware
from harken.errors import ConfigError
from harken.keys import Mode
from tests.api.keyed import KeyedWorld
from tests.api.world import talk
from tests.keys.house import KeyHouse, key_house

PAGE = "https://app.example"
PREFLIGHT = {"Origin": PAGE, "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization"}


@pytest.fixture
def house(tmp_path: Path) -> Iterator[KeyHouse]:
    """An empty one."""
    with key_house(tmp_path) as found:
        yield found


def test_no_page_may_call_unless_it_is_named() -> None:
    """A browser that sees no permission lets no page read the answer."""

    async def conversation(client: httpx.AsyncClient) -> list[httpx.Response]:
        return [
            await client.options("/v1/models", headers=PREFLIGHT),
            await client.get("/v1/models", headers={"Origin": PAGE}),
        ]

    for answer in talk(KeyedWorld(), conversation):
        assert "access-control-allow-origin" not in answer.headers


def test_a_named_page_may_ask_without_a_key_and_read_refusals(house: KeyHouse) -> None:
    """The browser's own question carries no key; the page's request needs one."""

    async def conversation(client: httpx.AsyncClient) -> list[httpx.Response]:
        return [
            await client.options("/v1/models", headers=PREFLIGHT),
            await client.get("/v1/models", headers={"Origin": PAGE}),
            await client.options("/v1/models", headers=PREFLIGHT | {"Origin": "https://evil.example"}),
        ]

    world = KeyedWorld(admission=house.admission(Mode.REQUIRED), cors_origins=f"http://localhost:3000, {PAGE}")
    asked, refused, strange = talk(world, conversation)
    assert asked.status_code == 200
    assert asked.headers["access-control-allow-origin"] == PAGE
    assert "authorization" in asked.headers["access-control-allow-headers"].lower()
    assert "access-control-allow-credentials" not in asked.headers
    assert (refused.status_code, refused.headers["access-control-allow-origin"]) == (401, PAGE)
    assert "X-Request-Id" in refused.headers["access-control-expose-headers"]
    assert "access-control-allow-origin" not in strange.headers


@pytest.mark.parametrize(
    "origin",
    [
        "app.example",
        "https://app.example/",
        "https://*.example",
        "https://u@a.example",
        "http://[::1",
        "http://[zz]",
        "http://a.example:port",
        "http://a.example:99999",
    ],
)
def test_what_is_no_origin_is_an_error_at_the_start(origin: str) -> None:
    """A page that never matches would be a riddle."""
    with pytest.raises(ConfigError):
        cors_middleware(origin)
