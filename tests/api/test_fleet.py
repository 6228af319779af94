"""Rules of the fleet's part of /admin."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from harken.api.app import create_app
from harken.errors import ConfigError, HarkenError
from harken.fleet.refusals import Autoscaled, ChangeFailed, FleetBusy, InstanceNotFound, NoRoom
from tests.api.world import World, serving


@dataclass
class Operated(World):
    """A server whose fleet notes what it is asked.

    Attributes:
        asked: every wish.
        refusal: raised in place of an answer.
    """

    asked: list[Mapping[str, Any]] = field(default_factory=list)
    refusal: HarkenError | None = None

    async def operate(self, wish: Mapping[str, Any]) -> dict[str, Any]:
        """Note it."""
        self.asked.append(wish)
        if self.refusal is not None:
            raise self.refusal
        return {"before": 2, "now": 4}

    def app(self) -> FastAPI:
        """The app over this world."""
        return create_app(self.provider, sight=self.sight(), operate=self.operate)


def answer_of(world: World, path: str, **more: Any) -> httpx.Response:
    """What a POST gets."""

    async def main() -> httpx.Response:
        async with serving(world.app()) as url, httpx.AsyncClient(base_url=url) as client:
            return await client.post(path, **more)

    return asyncio.run(main())


@pytest.mark.parametrize(
    ("path", "body", "wish"),
    [
        ("/admin/scale", {"count": 4}, {"do": "scale", "count": 4}),
        ("/admin/instances/asr-1/restart", None, {"do": "restart", "names": ["asr-1"]}),
        ("/admin/instances/asr-1/drain", None, {"do": "drain", "names": ["asr-1"]}),
    ],
)
def test_a_button_asks_what_the_operators_socket_asks(path: str, body: object, wish: dict[str, Any]) -> None:
    """And tells what came of it."""
    world = Operated()
    answer = answer_of(world, path, json=body) if body is not None else answer_of(world, path)
    assert (answer.status_code, answer.json(), world.asked) == (200, {"before": 2, "now": 4}, [wish])


@pytest.mark.parametrize(
    ("path", "more"),
    [
        ("/admin/scale", {"content": '{"count": 4}', "headers": {"Content-Type": "text/plain"}}),
        ("/admin/scale", {"json": {"count": 4, "force": True}}),
        ("/admin/scale", {"json": [4]}),
        ("/admin/scale?count=4", {"json": {"count": 4}}),
        ("/admin/instances/asr-1/drain?force=1", {}),
    ],
)
def test_what_is_not_understood_whole_is_refused_before_anything_is_done(path: str, more: dict[str, Any]) -> None:
    """A web page, for one, can send plain text without asking the browser."""
    world = Operated()
    assert answer_of(world, path, **more).status_code == 400
    assert not world.asked


def test_a_count_that_cannot_be_is_the_clients_mistake() -> None:
    """On the command line the same is a matter of configuration."""
    answer = answer_of(
        Operated(refusal=ConfigError("A fleet has 0 to 1000 instances.")), "/admin/scale", json={"count": -1}
    )
    assert (answer.status_code, answer.json()["error"]["message"]) == (400, "A fleet has 0 to 1000 instances.")


@pytest.mark.parametrize(
    ("refusal", "status", "kind"),
    [
        (InstanceNotFound(), 404, "invalid_request_error"),
        (FleetBusy(), 409, "invalid_request_error"),
        (Autoscaled(), 409, "invalid_request_error"),
        (NoRoom(), 409, "invalid_request_error"),
        (ChangeFailed(), 500, "server_error"),
    ],
)
def test_the_type_of_a_refusal_says_whose_matter_it_is(refusal: HarkenError, status: int, kind: str) -> None:
    """As the schema promises: below 500 the asker can mend it."""
    answer = answer_of(Operated(refusal=refusal), "/admin/scale", json={"count": 4})
    error = answer.json()["error"]
    assert (answer.status_code, error["code"], error["type"]) == (status, refusal.code, kind)


def test_a_page_in_a_browser_needs_a_key_even_on_this_machine() -> None:
    """Any web page could call otherwise."""
    world = Operated()
    answer = answer_of(world, "/admin/scale", json={"count": 4}, headers={"Origin": "http://127.0.0.1:7860"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "not_permitted")
    assert not world.asked


def test_a_server_without_a_fleet_says_so() -> None:
    """An instance, or a gateway over upstreams alone."""
    answer = answer_of(World(), "/admin/scale", json={"count": 4})
    assert (answer.status_code, answer.json()["error"]["code"]) == (501, "not_offered")
