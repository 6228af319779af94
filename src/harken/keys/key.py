"""A key as everybody but its bearer may see it. The secret itself is in no object of ours after it was made."""

from __future__ import annotations

from dataclasses import dataclass

from harken.types import Priority


@dataclass(frozen=True, kw_only=True, slots=True)
class Key:
    """What is known of a key.

    Attributes:
        id: "key_" and 16 characters; logs and jobs name it by this.
        name: what its maker called it; no two keys that are in use share one.
        prefix: the first characters of its secret, to recognise it by.
        created_at: seconds since 1970.
        last_used_at: about when it was last used (to a minute); None for never.
        revoked_at: when it was revoked; None while it is in use.
        is_admin: may call the admin routes, and see everybody's jobs.
        requests_per_minute: its own limit; 0 for none, None for what the configuration says.
        audio_s_per_minute: audio-seconds, likewise.
        priority: the highest class that it may ask for; where it asks for none, it gets the route's own, or this one
            where that is lower.
    """

    id: str
    name: str
    prefix: str
    created_at: float
    last_used_at: float | None = None
    revoked_at: float | None = None
    is_admin: bool = False
    requests_per_minute: int | None = None
    audio_s_per_minute: float | None = None
    priority: Priority = Priority.INTERACTIVE
