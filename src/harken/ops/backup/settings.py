"""The effective configuration as a TOML file, without what may be a secret. Pure.

A file, variables and flags make one configuration together; a backup of the file alone would not say what a server
really did. The invariant: what is written can be read as a harken.toml again and means the same, but for the keys that
are left out, each of which is named in a comment.
"""

from __future__ import annotations

import dataclasses
import json
import re

from harken.config import SECTIONS, Config

_SECRETS = frozenset({("jobs", "webhook_secret")})
_ADDRESSES = frozenset({("state", "database"), ("cache", "url"), ("auth", "storage")})
_LOOKS_SECRET = re.compile(r"://[^/@]*:.*@|pass|pwd|secret|token", re.IGNORECASE)
_UPSTREAMS = ("fleet", "upstreams")
_UPSTREAM = re.compile(r"https?://(\[[\da-f:.]+\]|[^\s/?#@:]+)(:\d*)?(/[^\s?#@]*)?(#\S*)?", re.IGNORECASE)
"""A URL without a user and a query; what is behind its "#" names the variable of its key, never the key."""

_HEAD = """\
# What the server's configuration came to, from its file, variables and flags, when the backup was made.
# Keys that are left out because they may hold a secret are named in a comment.
"""


def effective_toml(config: Config) -> str:
    """Write a configuration as TOML."""
    lines = [_HEAD]
    for section in SECTIONS:
        values = getattr(config, section)
        lines.append(f"[{section}]")
        lines.extend(_line(section, part.name, getattr(values, part.name)) for part in dataclasses.fields(values))
        lines.append("")
    return "\n".join(lines)


def _line(section: str, key: str, value: object) -> str:
    if _is_secret(section, key, value):
        return f"# {key} is left out: it may hold a secret"
    return f"{key} = {_toml(value)}"


def _is_secret(section: str, key: str, value: object) -> bool:
    if not value or not isinstance(value, str):
        return False
    if (section, key) == _UPSTREAMS:
        return not all(_UPSTREAM.fullmatch(url) for url in value.split())
    is_telling = (section, key) in _ADDRESSES and _LOOKS_SECRET.search(value) is not None
    return is_telling or (section, key) in _SECRETS


def _toml(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        # JSON's escapes are TOML's too; only DEL stands bare in one and not in the other.
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    return repr(value)
