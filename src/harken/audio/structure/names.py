"""Names of chunks and boxes as a message may show them. Uploads are strangers' bytes: only plain ASCII is repeated."""

from __future__ import annotations


def shown(name: bytes) -> str:
    """Return the name in quotes, or "unnamed" where it holds anything but printable ASCII."""
    return repr(name.decode("ascii")) if name and all(32 <= byte < 127 for byte in name) else "unnamed"
