"""Reading `fleet.upstreams` and `fleet.weights`. Pure: text and variables in, plain data or one `ConfigError` out.

An upstream is a URL whose fragment, the part after `#`, says what else is to be known of it; a fragment never leaves
this machine. Nothing secret is written there: `key_env` names the variable that holds the key.
"""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Iterator, Mapping
from urllib.parse import SplitResult, unquote, urlsplit

from harken.dispatch.lines.upstream import Upstream
from harken.errors import ConfigError

OPTIONS = ("name", "weight", "slots", "model", "revision", "key_env", "serial", "words", "dns")
"""What a fragment may say."""

_FLAGS = frozenset({"serial", "words", "dns"})
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_LOCAL_NAME = re.compile(r"asr-\d+")
_PORTS = {"http": ":80", "https": ":443"}
_SLOTS_MAX = 4096
_DIGITS_MAX = 20


def parse_upstreams(text: str, env: Mapping[str, str] | None) -> tuple[Upstream, ...]:
    """Read the URLs, which are separated by spaces.

    Args:
        text: of `fleet.upstreams`.
        env: the process's variables, for keys; None to read without them, where nobody will be asked.

    Raises:
        ConfigError: a bad URL, an unknown or bad part of a fragment, a missing key, the same one twice.
    """
    found = tuple(_parse(url, number, env) for number, url in enumerate(text.split(), start=1))
    names, places = set[str](), set[tuple[str, str]]()
    for upstream in found:
        if upstream.name in names:
            raise ConfigError(f"Two upstreams are called {upstream.name!r}: give one of them another #name=.")
        if (upstream.url, upstream.model) in places:
            raise ConfigError(f"The upstream {upstream.url} is given twice.")
        names.add(upstream.name)
        places.add((upstream.url, upstream.model))
    return found


def parse_weights(text: str, count: int) -> tuple[float, ...]:
    """Read the weights of `count` instances, separated by commas; "" for equal ones.

    Raises:
        ConfigError: not as many as there are instances, or one that is no number above 0.
    """
    if not text.strip():
        return (1.0,) * count
    weights = tuple(_positive(part.strip(), "fleet.weights") for part in text.split(","))
    if len(weights) != count:
        raise ConfigError(f"fleet.weights has {len(weights)} weights for {count} instances.")
    return weights


def _parse(written: str, number: int, env: Mapping[str, str] | None) -> Upstream:
    parts = _split(written)
    # As everybody reads it, so that the same server is known as the same.
    shown = f"{parts.scheme}://{parts.netloc.lower().removesuffix(_PORTS[parts.scheme])}"
    said = dict(_fragment(parts.fragment, shown))
    name = said.get("name", f"upstream-{number}")
    if not _NAME.fullmatch(name) or _LOCAL_NAME.fullmatch(name):
        raise ConfigError(
            f"An upstream cannot be called {name!r}: use letters, digits, '.', '_' and '-', and not the name of an "
            "instance of this machine, such as asr-1."
        )
    if "dns" in said and parts.scheme == "https":
        raise ConfigError(
            f"The upstream {shown} has dns: each address is called by number, for which no certificate is."
        )
    if "dns" in said and _is_number(parts.hostname or ""):
        raise ConfigError(
            f"The upstream {shown} has dns, but {parts.hostname} is an address, not a name; leave #dns out."
        )
    slots = said.get("slots")
    return Upstream(
        name=name,
        url=shown + parts.path.rstrip("/").removesuffix("/v1").rstrip("/"),
        weight=_positive(said["weight"], f"weight of {shown}") if "weight" in said else 1.0,
        slots=None if slots is None else _count(slots, f"slots of {shown}"),
        model=said.get("model", ""),
        revision=said.get("revision", ""),
        key=_key(said["key_env"], shown, env) if "key_env" in said else "",
        key_env=said.get("key_env", ""),
        batches="serial" not in said,
        has_words="words" in said,
        is_dns="dns" in said,
    )


def _split(written: str) -> SplitResult:
    # A URL may hold a password by mistake: what is wrong with it is said without repeating it.
    try:
        parts = urlsplit(written)
        port = parts.port
        # What no resolver takes: without this it would fail at every look, in words that nobody expects.
        (parts.hostname or "").encode("idna")
    except ValueError as error:
        raise ConfigError(f"An upstream's URL cannot be read: {error}.") from error
    if parts.scheme not in ("http", "https") or not parts.hostname or port == 0:
        raise ConfigError("An upstream is a URL such as http://gpu-2:8000/v1, with http or https.")
    if parts.username is not None or parts.password is not None:
        raise ConfigError(
            f"The upstream {parts.hostname} has a user in its URL: put its key into a variable, #key_env=."
        )
    if parts.query:
        raise ConfigError(f"The upstream {parts.hostname} has a query in its URL; options go behind a '#'.")
    return parts


def _is_number(host: str) -> bool:
    """Whether a host is an address already, as the system reads them: 10.0.0.1, [::1], 127.1, 0x7f.1."""
    last = host.rstrip(".").rpartition(".")[2].lower()
    return ":" in host or last.isdecimal() or re.fullmatch(r"0x[0-9a-f]*", last) is not None


def _fragment(fragment: str, shown: str) -> Iterator[tuple[str, str]]:
    seen = set[str]()
    for part in filter(None, fragment.split("&")):
        key, equals, raw = part.partition("=")
        value = unquote(raw).strip()
        if key not in OPTIONS:
            close = difflib.get_close_matches(key, OPTIONS, n=1, cutoff=0.5)
            hint = f"did you mean {close[0]!r}?" if close else f"known are: {', '.join(OPTIONS)}."
            raise ConfigError(f"Unknown option {key!r} of the upstream {shown}; {hint}")
        if key in seen:
            raise ConfigError(f"The upstream {shown} has {key!r} twice.")
        seen.add(key)
        if key in _FLAGS:
            if equals and value not in ("true", "false"):
                raise ConfigError(f"{key} of {shown} must be true or false, not {value!r}.")
            if value == "false":
                continue
        elif not value:
            raise ConfigError(f"The upstream {shown} has no value for {key!r}.")
        yield key, value


def _key(variable: str, shown: str, env: Mapping[str, str] | None) -> str:
    if env is None:
        return ""
    key = env.get(variable, "").strip()
    if not key:
        raise ConfigError(f"The key of the upstream {shown} should be in {variable}, which is not set.")
    if not key.isascii() or not key.isprintable():
        raise ConfigError(f"The key in {variable} has characters that no header may have.")
    return key


def _positive(text: str, what: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not 0 < number < math.inf:
        raise ConfigError(f"{what} must be a number above 0, not {text!r}.")
    return number


def _count(text: str, what: str) -> int:
    # Python itself refuses to read a number of thousands of digits.
    if not text.isdecimal() or len(text) > _DIGITS_MAX or not 0 < int(text) <= _SLOTS_MAX:
        raise ConfigError(f"{what} must be a whole number from 1 to {_SLOTS_MAX}, not {text!r}.")
    return int(text)
