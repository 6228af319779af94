"""The secret that signs webhooks: configured, or made at first use and kept in the state folder.

Blocking. The file is readable for its owner alone. The invariant: two servers that make it at the same moment end up
with the same one.
"""

from __future__ import annotations

import base64
import os
import secrets
from pathlib import Path

from harken.errors import StateUnavailable
from harken.jobs.signing import PREFIX
from harken.state import make_folder

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
        if not path.exists():
            _make(path)
        return path.read_text().strip()
    except OSError as error:
        raise StateUnavailable(f"The webhooks' secret {path} cannot be kept: {error.strerror}.") from error


def _make(path: Path) -> None:
    made = PREFIX + base64.b64encode(secrets.token_bytes(32)).decode()
    draft = path.with_name(f".{NAME}.{os.getpid()}")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(made + "\n")
        file.flush()
        os.fsync(file.fileno())
    try:
        os.link(draft, path)  # whole or not at all, and never over another server's
    except FileExistsError:
        pass
    finally:
        draft.unlink()
