"""Who sees where instances are on a page that everybody may open."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from harken.keys import Mode
from harken.types import InstanceHealth
from tests.api.keyed import KeyedWorld, bearer
from tests.api.world import READY, talk
from tests.keys.house import KeyHouse, key_house

PROXIED = {"X-Forwarded-For": "203.0.113.7"}
"""What makes a caller on this machine a stranger: a proxy speaks for somebody."""

HEALTH = dataclasses.replace(
    READY,
    instances=(
        InstanceHealth(name="asr-1", url="http://10.0.0.7:7861", state="resting", pid=4711, detail="/srv is gone."),
    ),
)
INSIDE = ("http://10.0.0.7:7861", 4711, "/srv is gone.")
OUTSIDE = ("", None, "")


@pytest.fixture
def house(tmp_path: Path) -> Iterator[KeyHouse]:
    """An empty one."""
    with key_house(tmp_path) as found:
        yield found


async def seen(client: httpx.AsyncClient, headers: dict[str, str]) -> tuple[Any, ...]:
    """What /health tells of the instance to whoever sends these headers; the rest is the same for all."""
    answer = await client.get("/health", headers=headers)
    (line,) = answer.json()["instances"]
    assert (answer.status_code, line["name"], line["state"]) == (200, "asr-1", "resting")
    return line["url"], line["pid"], line["detail"]


def test_where_no_key_is_in_use_everybody_sees_all() -> None:
    """Nothing is closed there."""
    assert talk(KeyedWorld(health=HEALTH), lambda client: seen(client, PROXIED)) == INSIDE


def test_where_keys_are_in_use_strangers_do_not_see_where_instances_are(house: KeyHouse) -> None:
    """As with /admin: a program on this machine sees it, an admin's key too; any other key is a stranger's."""
    _, plain = house.book.add("bob")
    _, admin = house.book.add("ops", is_admin=True)
    callers = [{}, PROXIED, PROXIED | bearer(plain), PROXIED | bearer(admin), PROXIED | {"Authorization": "Basic x"}]

    async def conversation(client: httpx.AsyncClient) -> list[tuple[Any, ...]]:
        return [await seen(client, headers) for headers in callers]

    world = KeyedWorld(health=HEALTH, admission=house.admission())
    assert talk(world, conversation) == [INSIDE, OUTSIDE, OUTSIDE, INSIDE, OUTSIDE]


def test_an_outsider_is_not_asked_for_a_key(house: KeyHouse) -> None:
    """Monitors have none: the status and the counts are for them."""
    world = KeyedWorld(health=HEALTH, admission=house.admission(Mode.REQUIRED))

    async def conversation(client: httpx.AsyncClient) -> list[int]:
        paths = ("/health", "/health/live", "/health/ready")
        return [(await client.get(path, headers=PROXIED | bearer("hk_unknown"))).status_code for path in paths]

    assert talk(world, conversation) == [200, 200, 200]
