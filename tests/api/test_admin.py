"""Administration over HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.api.keyed import KeyedWorld, bearer
from tests.api.world import talk
from tests.keys.house import KeyHouse, key_house

FAR = {"X-Forwarded-For": "203.0.113.9"}
"""As a proxy on the same machine would pass a stranger on."""


@pytest.fixture
def house(tmp_path: Path) -> Iterator[KeyHouse]:
    """An empty one."""
    with key_house(tmp_path) as found:
        yield found


@pytest.mark.slow
def test_keys_are_made_listed_and_revoked_from_the_same_machine(house: KeyHouse) -> None:
    """The secret is told once, and works and ends at once."""

    async def conversation(client: httpx.AsyncClient) -> None:
        made = await client.post("/admin/keys", json={"name": "bob", "requests_per_minute": 9})
        assert made.status_code == 201
        assert made.headers["Cache-Control"] == "no-store"
        key: dict[str, Any] = made.json()
        secret = key.pop("secret")
        assert (await client.get("/v1/models", headers=bearer(secret))).status_code == 200
        assert (await client.get("/v1/models")).status_code == 401
        listed = await client.get("/admin/keys")
        assert listed.json()["data"] == [key]
        assert secret not in listed.text
        assert (await client.post("/admin/keys", json={"name": "bob"})).json()["error"]["param"] == "name"
        revoked = await client.delete(f"/admin/keys/{key['id']}")
        assert revoked.json()["revoked_at"] is not None
        assert (await client.get("/v1/models", headers=bearer(secret))).status_code == 401
        assert (await client.delete("/admin/keys/bob")).status_code == 404
        assert (await client.get("/admin/instances")).json()["instances"][0]["name"] == "asr-1"

    talk(KeyedWorld(admission=house.admission()), conversation)


@pytest.mark.slow
def test_from_elsewhere_only_an_admin_key_opens_it(house: KeyHouse) -> None:
    """Not an ordinary one, and nothing while there is none."""

    async def conversation(client: httpx.AsyncClient) -> list[int]:
        first = await client.get("/admin/keys", headers=FAR)
        _, bob = house.book.add("bob")
        _, root = house.book.add("root", is_admin=True)
        house.clock.advance(1.0)
        known = (FAR, FAR | bearer(bob), FAR | bearer(root), FAR | bearer("hk_wrong"))
        later = [await client.get("/admin/keys", headers=headers) for headers in known]
        return [answer.status_code for answer in (first, *later)]

    assert talk(KeyedWorld(admission=house.admission()), conversation) == [403, 401, 403, 200, 401]


def test_a_web_page_in_a_local_browser_cannot_administrate(house: KeyHouse) -> None:
    """Neither with its origin, nor under a name that was made to lead here, nor with a plain form."""

    async def conversation(client: httpx.AsyncClient) -> list[int]:
        tries = [
            await client.post("/admin/keys", json={"name": "a"}, headers={"Origin": "http://evil.example"}),
            await client.post("/admin/keys", json={"name": "a"}, headers={"Host": "evil.example"}),
            await client.post("/admin/keys", content=b'{"name": "a"}', headers={"Content-Type": "text/plain"}),
        ]
        return [answer.status_code for answer in tries]

    assert talk(KeyedWorld(admission=house.admission()), conversation) == [403, 403, 400]
    assert house.book.all() == []


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"nonsense",
        b'{"name": 5}',
        b"{}",
        b'{"name": ""}',
        b'{"name": "a", "admin": true}',
        b'{"name": "a", "is_admin": 1}',
        b'{"name": "a", "requests_per_minute": -1}',
        b'{"name": "a", "requests_per_minute": 1.5}',
        b'{"name": "a", "requests_per_minute": true}',
        b'{"name": "a", "audio_s_per_minute": NaN}',
        b'{"\\ud800": 1}',
    ],
)
def test_a_key_that_makes_no_sense_is_refused(house: KeyHouse, body: bytes) -> None:
    """By the name of the field, and none is made."""

    async def conversation(client: httpx.AsyncClient) -> int:
        headers = {"Content-Type": "application/json"}
        return (await client.post("/admin/keys", content=body, headers=headers)).status_code

    assert talk(KeyedWorld(admission=house.admission()), conversation) == 400
    assert house.book.all() == []


def test_a_server_without_keys_says_so() -> None:
    """Where auth.keys is off there is nothing to administrate, but the instances can be looked at."""

    async def conversation(client: httpx.AsyncClient) -> list[int]:
        return [
            (await client.get("/admin/keys")).status_code,
            (await client.get("/admin/instances")).status_code,
            (await client.get("/admin/instances", headers=FAR)).status_code,
        ]

    assert talk(KeyedWorld(), conversation) == [501, 200, 403]
