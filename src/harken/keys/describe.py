"""A key as JSON, for the admin routes and the command line."""

from __future__ import annotations

from typing import Any

from harken.keys.key import Key


def key_fields(key: Key) -> dict[str, Any]:
    """Everything but the secret, which nobody knows any more; times are whole seconds since 1970."""
    return {
        "id": key.id,
        "object": "api_key",
        "name": key.name,
        "prefix": key.prefix,
        "is_admin": key.is_admin,
        "requests_per_minute": key.requests_per_minute,
        "audio_s_per_minute": key.audio_s_per_minute,
        "priority": key.priority.value,
        "created_at": int(key.created_at),
        "last_used_at": _whole(key.last_used_at),
        "revoked_at": _whole(key.revoked_at),
    }


def _whole(time_s: float | None) -> int | None:
    return None if time_s is None else int(time_s)
