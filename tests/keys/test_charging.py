"""Jobs at the expense of the key that made them."""

from __future__ import annotations

import asyncio
import dataclasses
import io
from pathlib import Path

import pytest
import soundfile

from harken.config import AuthConfig, StateConfig
from harken.keys import KeyBook
from harken.state import Database
from harken.types import SAMPLE_RATE
from tests.api.keyed import bearer
from tests.server.running import running, stub_config, stub_instance
from tests.transcribe.fakes import speech


@pytest.mark.slow
def test_a_job_is_charged_to_its_key_when_it_is_done(tmp_path: Path) -> None:
    """The minute is used up afterwards: for requests and for new jobs, but not for looking at this one."""
    wav = io.BytesIO()
    soundfile.write(wav, speech(1.5), SAMPLE_RATE, format="WAV")
    config = dataclasses.replace(stub_config(), state=StateConfig(folder=str(tmp_path)), auth=AuthConfig())
    database = Database(config.state, {})
    _, secret = KeyBook(database).add("bob", audio_s_per_minute=1.0)
    database.close()

    async def story() -> list[int]:
        async with running(stub_instance(config)) as server:
            await server.wait_state("ready")
            server.client.headers.update(bearer(secret))

            made = await server.client.post("/v1/jobs", files={"file": ("a.wav", wav.getvalue())})
            address = f"/v1/jobs/{made.json()['id']}"
            async with asyncio.timeout(20):
                # While anything of the minute is left, a form without a file is refused for that, and costs nothing.
                while (asked := await server.client.post("/asr")).status_code == 400:
                    await asyncio.sleep(0.02)
            again = await server.client.post("/v1/jobs", files={"file": ("a.wav", wav.getvalue())})
            look = await server.client.get(address)
            assert look.json()["state"] == "done"
            return [made.status_code, asked.status_code, again.status_code, look.status_code]

    assert asyncio.run(story()) == [201, 429, 429, 200]
