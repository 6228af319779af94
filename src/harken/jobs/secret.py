"""The secret that signs webhooks: configured, or made at first use and kept in the state folder.

Blocking. Owns which of the two it is, and how a new one looks; how it is kept is `harken.state.once`'s. The invariant:
it does not change by itself.
"""

from __future__ import annotations

import base64
import secrets
from pathlib import Path

from harken.errors import StateUnavailable
from harken.jobs.signing import PREFIX
from harken.state import kept_once, make_folder

NAME = "webhook-secret"


def webhook_secret(configured: str, folder: Path) -> str:
    """Return the secret.

    Raises:
        StateUnavailable: it cannot be read or kept.
    """
    if configured:
        return configured
    path = make_folder(folder) / NAME
    try:
        return kept_once(path, _new_secret)
    except OSError as error:
        raise StateUnavailable(f"The webhooks' secret {path} cannot be kept: {error.strerror}.") from error


def _new_secret() -> str:
    return PREFIX + base64.b64encode(secrets.token_bytes(32)).decode()
