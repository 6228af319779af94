"""Exchanges over TLS; everything else about exchanges is shown by the line's own tests."""

from __future__ import annotations

import ssl
import subprocess
from pathlib import Path

import pytest
from aiohttp import ClientSession, TCPConnector

from harken.dispatch.lines.failures import Unreached
from harken.dispatch.lines.line import Missed
from harken.dispatch.lines.openai.line import OpenAILine
from harken.dispatch.lines.proof import Proof
from harken.dispatch.lines.session import open_session
from harken.dispatch.lines.upstream import Upstream
from harken.types import Options
from harken.wire import Job
from tests.dispatch.house import run
from tests.dispatch.instances import make_segment
from tests.dispatch.openai_server import OpenAIServer, expected_text, serving

JOB = Job(segment=make_segment(), options=Options(), wants_deltas=False)


def certificate(folder: Path) -> tuple[Path, Path]:
    """A certificate for localhost that nobody has signed, and its key."""
    cert, key = folder / "cert.pem", folder / "key.pem"
    wish = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"]
    name = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
    command = ["openssl", "req", "-x509", *wish, *name, "-keyout", str(key), "-out", str(cert)]
    subprocess.run(command, check=True, capture_output=True)
    return cert, key


def line_over(session: ClientSession, server: OpenAIServer) -> OpenAILine:
    """A line by https."""
    upstream = Upstream(name="up", url=f"https://localhost:{server.port}", key="sk")
    return OpenAILine(upstream, session, Proof(samples=JOB.segment.samples))


@pytest.fixture
def secured(tmp_path: Path) -> tuple[OpenAIServer, Path]:
    """A server with a certificate of its own, which is at the path."""
    cert, key = certificate(tmp_path)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(cert, key)
    return OpenAIServer(key="sk", tls=context), cert


def test_a_certificate_that_nobody_vouches_for_ends_the_exchange(secured: tuple[OpenAIServer, Path]) -> None:
    """Before a key or a sample has left this machine; looking says why."""
    server, _ = secured

    async def story() -> None:
        async with serving(server), open_session() as session:
            line = line_over(session, server)
            assert await line.look(2.0) == Missed(reason="Its certificate is not one that this system trusts.")
            with pytest.raises(Unreached):
                await line.recognize(JOB, lambda _: None)
        assert server.asked == []

    run(story())


def test_a_segment_travels_by_https_to_a_server_that_is_trusted(secured: tuple[OpenAIServer, Path]) -> None:
    """As it does without."""
    server, cert = secured

    async def story() -> str:
        trusted = TCPConnector(ssl=ssl.create_default_context(cafile=str(cert)))
        async with serving(server), ClientSession(connector=trusted) as session:
            line = line_over(session, server)
            assert not isinstance(await line.look(2.0), Missed)
            return (await line.recognize(JOB, lambda _: None)).text

    assert run(story()) == expected_text(JOB.segment)
