"""docs/reference/live.md tells the truth."""

from __future__ import annotations

import asyncio
import re
import sys
from pathlib import Path

import pytest
import soundfile

from harken.api.live import listen, openai_client, openai_door
from harken.api.live.closing import BROKEN, FINISHED, FULL, REFUSED, RESTARTING
from tests.api.live.test_with_a_model import as_a_file, recognizing, spoken

PAGE = (Path(__file__).parents[3] / "docs/reference/live.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)


def test_every_name_that_a_client_may_send_is_on_the_page() -> None:
    """Parameters and messages of the one, parameters and events of the other, and every code of a close."""
    for name in (*listen.FIELDS, *openai_door.FIELDS, *openai_client.EVENTS):
        assert f"`{name}`" in PAGE or f"`?{name}=" in PAGE, name
    for kind in listen.MESSAGES:
        assert f'`{{"type": "{kind}"}}`' in PAGE
    for code in (BROKEN, FINISHED, FULL, REFUSED, RESTARTING):
        assert f"| {code} |" in PAGE


@pytest.mark.slow
@pytest.mark.parametrize("example", EXAMPLES, ids=["websockets", "openai"])
def test_the_examples_run_as_they_are(example: str, tmp_path: Path) -> None:
    """Each prints the text of the recording."""
    samples = spoken()[:28_000]
    soundfile.write(tmp_path / "recording.wav", samples, 16_000)

    async def run() -> tuple[str, str]:
        async with recognizing() as (url, _):
            code = example.replace("127.0.0.1:7860", url.removeprefix("http://"))
            assert code != example
            running = await asyncio.create_subprocess_exec(
                sys.executable, "-c", code, cwd=tmp_path, stdout=asyncio.subprocess.PIPE
            )
            async with asyncio.timeout(30):
                printed, _ = await running.communicate()
            assert running.returncode == 0
            return printed.decode().strip(), await as_a_file(url, samples)

    printed, text = asyncio.run(run())
    assert printed == text != ""
