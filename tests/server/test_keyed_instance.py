"""An instance that serves alone and has keys."""

from __future__ import annotations

import asyncio
import dataclasses
from pathlib import Path

import httpx
import pytest

from harken.config import AuthConfig, StateConfig
from harken.keys import KeyBook
from harken.state import Database
from harken.testing.sounds import segment
from harken.types import Options
from harken.wire import RECOGNIZE_PATH, SEGMENT_TYPE, STATE_PATH, Job, pack_job
from tests.server.running import running, stub_config, stub_instance

FAR = {"X-Forwarded-For": "203.0.113.9"}


@pytest.mark.slow
def test_the_wire_of_an_instance_with_keys_is_closed_to_strangers(tmp_path: Path) -> None:
    """A gateway on the same machine may use it, and an admin key; an ordinary key may not pass its limits that way."""
    config = dataclasses.replace(
        stub_config(), state=StateConfig(folder=str(tmp_path)), auth=AuthConfig(keys="required")
    )
    database = Database(config.state, {})
    _, bob = KeyBook(database).add("bob")
    _, root = KeyBook(database).add("root", is_admin=True)
    database.close()
    body = pack_job(Job(segment=segment(0.1), options=Options(), wants_deltas=False))

    async def story() -> list[int]:
        async with running(stub_instance(config)) as server:
            await server.wait_state("ready")

            async def recognize(headers: dict[str, str]) -> httpx.Response:
                return await server.client.post(
                    RECOGNIZE_PATH, content=body, headers={"Content-Type": SEGMENT_TYPE, **headers}
                )

            return [
                (await recognize({})).status_code,
                (await recognize(FAR)).status_code,
                (await recognize({**FAR, "Authorization": f"Bearer {bob}"})).status_code,
                (await recognize({**FAR, "Authorization": f"Bearer {root}"})).status_code,
                (await server.client.get(STATE_PATH, headers=FAR)).status_code,
            ]

    assert asyncio.run(story()) == [200, 401, 403, 200, 401]
