"""OpenAI's SDKs against a real gateway, against a single instance, and against a server that fails in mid-stream."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI, Request, Response
from starlette.types import Message, Receive, Scope, Send

from harken.api.stream import EventStream
from harken.errors import UndecodableAudio
from tests.api.test_stream import Work
from tests.api.world import World, serving, talk
from tests.conformance.checks import CHECKS, stream_error, stream_text
from tests.conformance.facts import Facts, text_of
from tests.conformance.keyed import keyed_cluster
from tests.conformance.sdk import Async
from tests.conformance.table import Table, failures, has_node, node_half, python_half
from tests.transcribe.fakes import FakeRecognizer, file, silence, speech

pytestmark = [
    pytest.mark.slow,
    # The SDK calls its own `translations.create` deprecated; its users are to get a clear answer all the same.
    pytest.mark.filterwarnings("ignore:deprecated:DeprecationWarning"),
]

needs_node = pytest.mark.skipif(not has_node(), reason="scripts/install-node-packages.sh was not run")

UPLOAD_BYTES = 2_000_000


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Facts]]:
    """A gateway that needs a key over one instance of the digits model, which is a server of its own without keys."""
    env = {"HARKEN_LIMITS_UPLOAD_BYTES": str(UPLOAD_BYTES)}
    with keyed_cluster("digits", tmp_path_factory.mktemp("state"), env) as (cluster, secret):
        (instance,) = cluster.health()["instances"]
        alone = Facts(server=instance["url"], large=2 * UPLOAD_BYTES)
        alone = dataclasses.replace(alone, text=text_of(alone.file))
        yield {"instance": alone, "gateway": dataclasses.replace(alone, server=cluster.url, key=secret)}


def all_pass(table: Table) -> None:
    """Every check was asked, and none failed."""
    assert set(table) == {check.__name__ for check in CHECKS}
    assert not failures(table), failures(table)


@pytest.mark.parametrize("name", ["gateway", "instance"])
def test_openais_python_sdk_works_unchanged(servers: dict[str, Facts], name: str) -> None:
    """Every format, option and error, with the sync and the async client."""
    all_pass(asyncio.run(python_half(servers[name])))


@needs_node
@pytest.mark.parametrize("name", ["gateway", "instance"])
def test_openais_node_sdk_works_unchanged(servers: dict[str, Facts], name: str) -> None:
    """The same checks by the same names."""
    all_pass(node_half(servers[name]))


@pytest.mark.parametrize("half", ["python", pytest.param("node", marks=needs_node)])
def test_an_error_in_a_stream_is_the_sdks_own_exception(half: str, tmp_path: Path) -> None:
    """The second half of the recording fails when the first is told already."""
    broken = tmp_path / "broken.raw"
    broken.write_bytes(file(speech(0.8), silence(0.4), speech(0.8)))
    world = World(recognizer=FakeRecognizer(errors={1: UndecodableAudio("The second half is no audio.")}))

    async def conversation(client: httpx.AsyncClient) -> None:
        facts = Facts(server=str(client.base_url).rstrip("/"), file=str(broken), broken=str(broken))
        if half == "node":
            table = await asyncio.to_thread(node_half, facts)
            assert table["stream_error"] == {"node": "ok"}
            return
        sdk = Async(facts.server, "")
        await stream_error(sdk, facts)
        await sdk.close()

    talk(world, conversation)


class Commented(EventStream):
    """A stream whose work ends when three comments have gone out."""

    def __init__(self) -> None:
        self.work = Work(["one"])
        super().__init__(self.work, ExitStack(), quiet_s=0.01)  # type: ignore[arg-type]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Count."""
        left = 3

        async def counting(message: Message) -> None:
            nonlocal left
            left -= message.get("body", b"").startswith(b":")
            if left <= 0:
                self.work.go.set()
            await send(message)

        await super().__call__(scope, receive, counting)


@pytest.mark.parametrize("half", ["python", pytest.param("node", marks=needs_node)])
def test_comments_between_events_disturb_no_sdk(half: str) -> None:
    """They keep a quiet stream alive, and no client may take them for events."""
    app = FastAPI()

    @app.post("/v1/audio/transcriptions", response_class=Commented)
    async def transcriptions(request: Request) -> Response:
        await request.body()
        return Commented()

    async def conversation() -> None:
        async with asyncio.timeout(60), serving(app) as url:
            facts = Facts(server=url, text="one")
            if half == "node":
                table = await asyncio.to_thread(node_half, facts)
                assert table["stream_text"] == {"node": "ok"}
                return
            sdk = Async(url, "")
            await stream_text(sdk, facts)
            await sdk.close()

    asyncio.run(conversation())
