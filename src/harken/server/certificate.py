"""A server's certificate: two files, checked before anything listens, and read again when they were renewed.

Owns what makes a certificate usable (files that can be read, a key that belongs to it and needs no password, a time
that includes now) and the one TLS context that a server listens with. It refuses to know who issued it: that is for
clients to judge. The invariant: a pair of files that is not usable never takes the place of one that was.
"""

from __future__ import annotations

import asyncio
import os
import re
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from harken.config import GatewayConfig
from harken.errors import ConfigError
from harken.log import get_log

LOOK_S = 10.0
"""How often the files are looked at."""

SOON_S = 14 * 86_400.0
"""A certificate that ends within this is spoken of, once a day."""

_DAY_S = 86_400.0
_MOST_CHARACTERS = 1_000_000
_PARTIAL_CHAIN = ssl.VERIFY_X509_PARTIAL_CHAIN
_BLOCK = re.compile(r"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", re.DOTALL)
_NO_CERTIFICATE = "gateway.tls_cert {cert} holds no certificate in PEM form (-----BEGIN CERTIFICATE-----)."
_EXPIRED, _NOT_YET = 10, 9
"""OpenSSL's X509_V_ERR_CERT_HAS_EXPIRED and X509_V_ERR_CERT_NOT_YET_VALID."""

_log = get_log("server.certificate")


@dataclass(frozen=True, kw_only=True, slots=True)
class Pair:
    """A certificate and its key that were read and found usable.

    Attributes:
        context: serves them.
        ends_at: when the certificate ends, in seconds since 1970.
        state: of the files when they were read: what changes with them.
    """

    context: ssl.SSLContext
    ends_at: float
    state: tuple[object, ...]


class Certificate:
    """The certificate of one server.

    Args:
        cert: the file with the certificate and its chain.
        key: the file with the key.
        now: seconds since 1970.
    """

    def __init__(self, cert: Path, key: Path, *, now: Callable[[], float] = time.time) -> None:
        self._cert = cert
        self._key = key
        self._now = now
        self._pair: Pair | None = None
        self._spoke_at = 0.0
        self._failed_state: tuple[object, ...] = ()

    @property
    def context(self) -> ssl.SSLContext:
        """What to listen with, once it is loaded; its connections have whatever was read last."""
        assert self._pair is not None, "it is loaded before anything listens"
        context = self._pair.context
        # Called for every connection, also of clients that name no server: it chooses the certificate.
        context.sni_callback = self._choose
        return context

    def load(self) -> None:
        """Read both files.

        Raises:
            ConfigError: they cannot be used.
        """
        self._pair = read_pair(self._cert, self._key)

    async def keep_fresh(self, look_s: float = LOOK_S) -> None:
        """Look at the files until cancelled, and use what is new in them for new connections."""
        while True:
            await asyncio.sleep(look_s)
            await asyncio.to_thread(self._look)

    def _choose(self, connection: ssl.SSLSocket | ssl.SSLObject, _: str | None, __: ssl.SSLContext) -> None:
        assert self._pair is not None, "it listens with what was loaded"
        connection.context = self._pair.context

    def _look(self) -> None:
        assert self._pair is not None, "it was loaded before it is kept fresh"
        state = state_of(self._cert, self._key)
        if state not in (self._pair.state, self._failed_state):
            try:
                self._pair = read_pair(self._cert, self._key)
                self._failed_state = ()
                _log.info("tls.renewed", cert=str(self._cert), ends=_day(self._pair.ends_at))
            except ConfigError as error:
                # A renewal writes two files, one after the other; what is wrong now may be right at the next look.
                self._failed_state = state
                _log.warning("tls.not_renewed", detail=error.message, ends=_day(self._pair.ends_at))
        left_s = self._pair.ends_at - self._now()
        if left_s < SOON_S and self._now() - self._spoke_at > _DAY_S:
            self._spoke_at = self._now()
            _log.warning(
                "tls.ends_soon", cert=str(self._cert), ends=_day(self._pair.ends_at), days=int(left_s // _DAY_S)
            )


def certificate_of(config: GatewayConfig) -> Certificate | None:
    """Return the configured certificate; None for a server without TLS.

    Raises:
        ConfigError: only one of the two files is named.
    """
    if bool(config.tls_cert) != bool(config.tls_key):
        missing = "gateway.tls_key" if config.tls_cert else "gateway.tls_cert"
        raise ConfigError(f"{missing} is missing: a certificate and its key belong together.")
    if not config.tls_cert:
        return None
    return Certificate(Path(config.tls_cert).expanduser(), Path(config.tls_key).expanduser())


def read_pair(cert: Path, key: Path) -> Pair:
    """Read a certificate and its key, and try them with a client of our own.

    Raises:
        ConfigError: with the file that is at fault, and why.
    """
    # Before they are read: what is written meanwhile is then seen as a change.
    state = state_of(cert, key)
    chain = _read(cert, "gateway.tls_cert")
    _read(key, "gateway.tls_key")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    try:
        # Without a function for the password, OpenSSL would ask for it on the terminal.
        context.load_cert_chain(cert, key, password=lambda: _refuse_password(key))
    except (ssl.SSLError, OSError) as error:
        raise ConfigError(_why(error, cert, key)) from error
    return Pair(context=context, ends_at=_end_of(context, chain, cert), state=state)


def state_of(cert: Path, key: Path) -> tuple[object, ...]:
    """What changes when one of the files is written or replaced, also behind a symbolic link."""
    found: list[object] = []
    for path in (cert, key):
        try:
            stat = path.stat()
            found += [stat.st_ino, stat.st_mtime_ns, stat.st_size]
        except (OSError, ValueError) as error:
            found.append(str(error))
    return tuple(found)


def _read(path: Path, name: str) -> str:
    try:
        with path.open(encoding="utf-8", errors="replace") as file:
            return file.read(_MOST_CHARACTERS)
    except ValueError as error:
        raise ConfigError(f"{name} {str(path)!r} is no path.") from error
    except OSError as error:
        hint = f" Who runs Harken (user {os.geteuid()}) must be able to." if isinstance(error, PermissionError) else ""
        raise ConfigError(f"{name} {path} cannot be read: {error.strerror}.{hint}") from error


def _refuse_password(key: Path) -> NoReturn:
    raise ConfigError(f"gateway.tls_key {key} has a password; write it without one: openssl pkey -in KEY -out NEW.")


def _why(error: ssl.SSLError | OSError, cert: Path, key: Path) -> str:
    reason = getattr(error, "reason", "") or ""
    if reason == "KEY_VALUES_MISMATCH":
        return f"gateway.tls_key {key} is not the key of the certificate in {cert}."
    if _BLOCK.search(_read(cert, "gateway.tls_cert")) is None:
        return _NO_CERTIFICATE.format(cert=cert)
    if "PRIVATE KEY-----" not in _read(key, "gateway.tls_key"):
        return f"gateway.tls_key {key} holds no key in PEM form (-----BEGIN PRIVATE KEY-----)."
    return f"The certificate in {cert} and the key in {key} cannot be used: {reason or error}."


def _end_of(context: ssl.SSLContext, chain: str, cert: Path) -> float:
    """Let a client that trusts this very certificate connect, in memory; return when the certificate ends."""
    block = _BLOCK.search(chain)
    if block is None:  # OpenSSL knows older headings too
        raise ConfigError(_NO_CERTIFICATE.format(cert=cert))
    client_context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client_context.check_hostname = False
    client_context.verify_flags |= _PARTIAL_CHAIN
    try:
        client_context.load_verify_locations(cadata=block[0])
        shown = _handshake(context, client_context)
    except ssl.SSLCertVerificationError as error:
        if error.verify_code == _EXPIRED:
            raise ConfigError(f"The certificate in {cert} has expired: renew it.") from error
        if error.verify_code == _NOT_YET:
            raise ConfigError(f"The certificate in {cert} is not valid yet; is this machine's clock right?") from error
        raise ConfigError(f"No client will take the certificate in {cert}: {error.verify_message}.") from error
    except ssl.SSLError as error:
        raise ConfigError(f"No client can use the certificate in {cert}: {error.reason or error}.") from error
    return ssl.cert_time_to_seconds(str(shown["notAfter"]))


def _handshake(server_context: ssl.SSLContext, client_context: ssl.SSLContext) -> dict[str, object]:
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    server = server_context.wrap_bio(to_server, to_client, server_side=True)
    client = client_context.wrap_bio(to_client, to_server)
    waiting = [client, server]
    # Each side speaks until it waits for the other: TLS 1.3 needs two rounds, TLS 1.2 three.
    for _ in range(6):
        for side in list(waiting):
            try:
                side.do_handshake()
                waiting.remove(side)
            except ssl.SSLWantReadError:
                continue
    if waiting:
        raise ssl.SSLError("the handshake does not come to its end")
    return dict(client.getpeercert() or {})


def _day(time_s: float) -> str:
    return time.strftime("%Y-%m-%d", time.gmtime(time_s))
