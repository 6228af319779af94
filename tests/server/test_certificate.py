"""A server's certificate: what is refused before anything listens, and how a renewed one is taken up."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import ssl
from collections.abc import AsyncIterator, MutableMapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import structlog

from harken.config import GatewayConfig
from harken.errors import ConfigError
from harken.server.certificate import Certificate, certificate_of, read_pair
from harken.server.port import listen, url_of
from harken.server.run import serve
from tests.server.certificates import issue, lock
from tests.server.running import stub_instance


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Certificates called good, other, expired, early and late; good.locked is a key with a password."""
    folder = tmp_path_factory.mktemp("certificates")
    for name in ("good", "other"):
        issue(folder, name)
    issue(folder, "expired", begins_days=-10, ends_days=-1)
    issue(folder, "early", begins_days=1)
    issue(folder, "late", ends_days=3)
    lock(folder / "good.key", folder / "good.locked")
    (folder / "words.pem").write_text("no certificate\n")
    (folder / "empty.pem").touch()
    trusted = (folder / "good.pem").read_text().replace(" CERTIFICATE", " TRUSTED CERTIFICATE")
    (folder / "trusted.pem").write_text(trusted)
    return folder


@pytest.mark.slow
def test_a_good_pair_says_until_when(shop: Path) -> None:
    """Ninety days from now, within one."""
    pair = read_pair(shop / "late.pem", shop / "late.key")
    assert abs(pair.ends_at - (shop / "late.pem").stat().st_mtime - 3 * 86_400) < 3600


@pytest.mark.parametrize(
    ("cert", "key", "complaint"),
    [
        ("missing.pem", "good.key", "gateway.tls_cert .* cannot be read: No such file"),
        ("good.pem", "missing.key", "gateway.tls_key .* cannot be read: No such file"),
        (".", "good.key", "gateway.tls_cert .* cannot be read: Is a directory"),
        ("words.pem", "good.key", "holds no certificate in PEM form"),
        ("empty.pem", "good.key", "holds no certificate in PEM form"),
        ("trusted.pem", "good.key", "holds no certificate in PEM form"),
        ("a\0b", "good.key", "is no path"),
        ("good.key", "good.key", "holds no certificate in PEM form"),
        ("good.pem", "good.pem", "holds no key in PEM form"),
        ("good.pem", "empty.pem", "holds no key in PEM form"),
        ("good.pem", "other.key", "is not the key of the certificate"),
        ("good.pem", "good.locked", "has a password"),
        ("expired.pem", "expired.key", "has expired: renew it"),
        ("early.pem", "early.key", "is not valid yet"),
    ],
)
def test_what_no_client_would_take_is_refused(shop: Path, cert: str, key: str, complaint: str) -> None:
    """Each with the file that is at fault, before anything listens."""
    with pytest.raises(ConfigError, match=complaint):
        read_pair(shop / cert, shop / key)


@pytest.mark.slow
def test_a_key_that_may_not_be_read_is_said_to_be_so(shop: Path, tmp_path: Path) -> None:
    """Who runs Harken must be able to."""
    locked = tmp_path / "locked.key"
    shutil.copy(shop / "good.key", locked)
    cert = tmp_path / "good.pem"
    shutil.copy(shop / "good.pem", cert)
    locked.chmod(0)
    was_root = os.geteuid() == 0
    if was_root:  # who may read everything
        os.chown(locked, 65534, 65534)
        os.seteuid(65534)
    try:
        with pytest.raises(ConfigError, match=r"Permission denied.*must be able to"):
            read_pair(cert, locked)
    finally:
        if was_root:
            os.seteuid(0)


@pytest.mark.parametrize(("cert", "key", "missing"), [("a", "", "tls_key"), ("", "b", "tls_cert")])
def test_a_certificate_and_its_key_belong_together(cert: str, key: str, missing: str) -> None:
    """One of them alone is a mistake, not a server without TLS."""
    with pytest.raises(ConfigError, match=f"gateway.{missing} is missing"):
        certificate_of(GatewayConfig(tls_cert=cert, tls_key=key))
    assert certificate_of(GatewayConfig()) is None


@pytest.fixture
def pair(shop: Path, tmp_path: Path) -> tuple[Path, Path]:
    """Files of a server, which hold the good certificate."""
    cert, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    shutil.copy(shop / "good.pem", cert)
    shutil.copy(shop / "good.key", key)
    return cert, key


def replace(shop: Path, name: str, path: Path) -> None:
    """Put another file in a file's place, in one step."""
    draft = path.with_suffix(".new")
    shutil.copy(shop / name, draft)
    draft.replace(path)


async def shown(port: int, name: str | None) -> bytes:
    """The certificate that a new connection is shown; None sends no server's name."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    _, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context, server_hostname=name or "127.0.0.1")
    try:
        found: bytes = writer.get_extra_info("ssl_object").getpeercert(True)
        return found
    finally:
        writer.close()
        await writer.wait_closed()


def der(path: Path) -> bytes:
    """A certificate as it is sent."""
    return ssl.PEM_cert_to_DER_cert(path.read_text())


@asynccontextmanager
async def serving(certificate: Certificate) -> AsyncIterator[int]:
    """An instance behind TLS; its port. It is stopped as operators stop it."""
    listener = listen("127.0.0.1", 0)
    port = listener.getsockname()[1]
    assert url_of(listener, "127.0.0.1", has_tls=True) == f"https://127.0.0.1:{port}"
    task = asyncio.create_task(serve(stub_instance(), listener, certificate))
    try:
        await shown(port, "localhost")  # from now on it handles signals
        yield port
    finally:
        signal.raise_signal(signal.SIGTERM)
        async with asyncio.timeout(30):
            await task
        listener.close()


async def until_said(log: list[MutableMapping[str, Any]], event: str, times: int = 1) -> None:
    """Wait until the log has an event so often."""
    async with asyncio.timeout(30):
        while sum(line["event"] == event for line in log) < times:
            await asyncio.sleep(0.01)


@pytest.mark.slow
def test_a_renewed_certificate_is_used_without_a_restart(shop: Path, pair: tuple[Path, Path]) -> None:
    """New connections get it, whether they name the server or not; what is half written or wrong is never used."""

    async def story() -> None:
        certificate = Certificate(*pair)
        certificate.load()
        async with serving(certificate) as port:
            looking = asyncio.create_task(certificate.keep_fresh(0.02))
            assert [await shown(port, name) for name in ("localhost", None)] == [der(shop / "good.pem")] * 2

            # The certificate comes first, its key later: between them the old pair is served.
            replace(shop, "other.pem", pair[0])
            await until_said(log, "tls.not_renewed")
            assert await shown(port, "localhost") == der(shop / "good.pem")

            replace(shop, "other.key", pair[1])
            await until_said(log, "tls.renewed")
            assert [await shown(port, name) for name in ("localhost", None)] == [der(shop / "other.pem")] * 2

            pair[0].unlink()
            await until_said(log, "tls.not_renewed", 2)
            assert await shown(port, "localhost") == der(shop / "other.pem")
            looking.cancel()

    with structlog.testing.capture_logs() as log:
        asyncio.run(story())
    assert sum(line["event"] == "tls.not_renewed" for line in log) == 2, "once for each state of the files"


@pytest.mark.slow
def test_an_end_that_is_near_is_spoken_of_once_a_day(shop: Path) -> None:
    """Whoever renews by hand, or whose renewal fails in silence, learns it from the log."""
    now = [0.0]
    begun = (shop / "late.pem").stat().st_mtime
    certificate = Certificate(shop / "late.pem", shop / "late.key", now=lambda: begun + now[0])
    certificate.load()
    with structlog.testing.capture_logs() as log:
        for hour in range(49):
            now[0] = hour * 3600.0
            certificate._look()
    assert [line["days"] for line in log if line["event"] == "tls.ends_soon"] == [2, 1]


@pytest.mark.slow
def test_plain_http_is_not_answered(pair: tuple[Path, Path]) -> None:
    """A request in the clear gets nothing in the clear; and TLS 1.2 is the oldest that is spoken."""

    async def story() -> bytes:
        certificate = Certificate(*pair)
        certificate.load()
        assert certificate.context.minimum_version is ssl.TLSVersion.TLSv1_2
        async with serving(certificate) as port:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n")
            try:
                return await reader.read()
            finally:
                writer.close()

    assert b"HTTP/" not in asyncio.run(story())
