"""Why a server was not reached, in words for people: one wording for all commands.

aiohttp's own words name what nobody asked about ("ssl:default", also without TLS), and may hold a whole address with a
signature in it. Pure. The invariant: of an error of aiohttp no address is in what is said.
"""

from __future__ import annotations

import os
import re
import socket
import ssl

import aiohttp

from harken.ops.address import without_user

_NUMBER = re.compile(r"\[Errno (\d+)\]")


_WORDS: tuple[tuple[type[BaseException], str], ...] = (
    (TimeoutError, "no answer in time"),
    (aiohttp.ServerDisconnectedError, "the connection was closed"),
    (ConnectionResetError, "the connection was closed"),
    (BrokenPipeError, "the connection was closed"),
    (aiohttp.ClientPayloadError, "the answer broke off"),
    (aiohttp.TooManyRedirects, "it redirects again and again"),
    (aiohttp.ClientResponseError, "the answer is no HTTP"),
)
"""The first that fits."""


def why_unreached(error: BaseException) -> str:
    """Say it as a part of a sentence, such as "no connection (Connection refused)"."""
    if words := next((words for kind, words in _WORDS if isinstance(error, kind)), ""):
        return words
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        told = getattr(error.certificate_error, "verify_message", "") or "it does not fit"
        return f"its certificate is not trusted ({told})"
    if isinstance(error, aiohttp.ClientConnectorError):
        return f"no connection ({_system_words(error.os_error)})"
    if isinstance(error, aiohttp.ClientError):
        return f"the connection failed ({type(error).__name__})"
    return without_user(str(error)).rstrip(".") or type(error).__name__


def _system_words(error: OSError) -> str:
    if isinstance(error, ssl.SSLError):
        return f"TLS: {(error.reason or 'unknown').replace('_', ' ').lower()}"
    if isinstance(error, socket.gaierror):
        return error.strerror or "its name is not known"
    numbers = [error.errno] if error.errno else [int(number) for number in _NUMBER.findall(str(error))]
    # Of a name with several addresses each was tried.
    words = ", ".join(dict.fromkeys(os.strerror(number) for number in numbers if number > 0))
    return words or type(error).__name__
