"""Secrets of keys: how they are made, and what of them is kept.

A secret is 32 random bytes, so one SHA-256 is enough to keep it by. Slow hashes (argon2, bcrypt) protect what people
choose themselves and others can guess; 256 random bits cannot be tried out at any speed, and a slow hash would have to
be computed for every request.
"""

from __future__ import annotations

import base64
import hashlib
import re
import secrets

BYTES = 32
START = "hk_"
SHOWN = len(START) + 6
"""Characters of a secret that are kept: 36 of its 256 bits."""

_LIKE_ONE = re.compile(START + r"[A-Za-z0-9_-]{20}")
"""Also one of which the end was lost on its way."""


def new_secret() -> str:
    """Return a secret that nobody has, for example "hk_" and 43 characters that are safe in a URL."""
    return START + base64.urlsafe_b64encode(secrets.token_bytes(BYTES)).decode().rstrip("=")


def holds_secret(text: str) -> bool:
    """Tell whether there is something in a text that looks like one of ours."""
    return _LIKE_ONE.search(text) is not None


def new_id() -> str:
    """Return a name for a key that no other has."""
    return f"key_{secrets.token_hex(8)}"


def digest_of(secret: str) -> str:
    """What is kept of a secret: 64 hexadecimal digits.

    Keys are looked up by this. How long that takes tells nothing: whoever tries secrets does not choose their digests.
    """
    return hashlib.sha256(secret.encode()).hexdigest()
