"""OpenAI's SDKs against a real gateway, against a single instance, and against a server that fails in mid-stream."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from harken.errors import UndecodableAudio
from tests.api.world import World, talk
from tests.cluster import running_cluster
from tests.conformance.checks import CHECKS, stream_error
from tests.conformance.facts import Facts, text_of
from tests.conformance.sdk import Async
from tests.conformance.table import failures, has_node, joined, node_half, python_half
from tests.transcribe.fakes import FakeRecognizer, file, silence, speech

pytestmark = [
    pytest.mark.slow,
    # The SDK calls its own `translations.create` deprecated; its users are to get a clear answer all the same.
    pytest.mark.filterwarnings("ignore:deprecated:DeprecationWarning"),
]

UPLOAD_BYTES = 2_000_000


@pytest.fixture(scope="module")
def servers() -> Iterator[dict[str, str]]:
    """A gateway over one instance of the digits model; both are servers of their own."""
    env = {"HARKEN_LIMITS_UPLOAD_BYTES": str(UPLOAD_BYTES)}
    with running_cluster("--model", "digits", "--instances", "1", env=env) as cluster:
        (instance,) = cluster.wait_ready(1)["instances"]
        yield {"gateway": cluster.url, "instance": instance["url"]}


@pytest.mark.timeout(240)
@pytest.mark.parametrize("name", ["gateway", "instance"])
def test_openais_sdks_work_unchanged(servers: dict[str, str], name: str) -> None:
    """Every format, option and error, with the Python clients and, where it is installed, the Node one."""
    facts = Facts(server=servers[name])
    facts = dataclasses.replace(facts, text=text_of(facts.file), large=2 * UPLOAD_BYTES)
    halves = [asyncio.run(python_half(facts))]
    if has_node():
        halves.append(node_half(facts))
    table = joined(*halves)
    assert set(table) == {check.__name__ for check in CHECKS}
    assert not failures(table), failures(table)


def test_an_error_in_a_stream_is_the_sdks_own_exception(tmp_path: Path) -> None:
    """The second half of the recording fails when the first is told already."""
    broken = tmp_path / "broken.raw"
    broken.write_bytes(file(speech(0.8), silence(0.4), speech(0.8)))
    world = World(recognizer=FakeRecognizer(errors={1: UndecodableAudio("The second half is no audio.")}))

    async def conversation(client: httpx.AsyncClient) -> None:
        facts = Facts(server=str(client.base_url).rstrip("/"), file=str(broken), broken=str(broken))
        sdk = Async(facts.server, "")
        await stream_error(sdk, facts)
        await sdk.close()
        if has_node():
            node = await asyncio.to_thread(node_half, facts)
            assert node["stream_error"]["node"] == "ok"

    talk(world, conversation)
