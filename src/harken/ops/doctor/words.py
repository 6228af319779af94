"""Numbers as people read them. Pure."""

from __future__ import annotations


def gigabytes(count: int | None) -> str:
    """Bytes as "23.4 GB" (10^9) or "3.3 MB"; "an unknown size" where nobody knows."""
    if count is None:
        return "an unknown size"
    if abs(count) < 100_000_000:
        return f"{count / 1e6:.1f} MB"
    return f"{count / 1e9:.1f} GB" if abs(count) >= 1_000_000_000 else f"{count / 1e9:.2f} GB"


def counted(count: int, word: str) -> str:
    """Write "1 instance", "2 instances"."""
    return f"{count} {word}" if count == 1 else f"{count} {word}s"


def version(parts: tuple[int, ...] | None) -> str:
    """Write "13.0"; "unknown" for None."""
    return "unknown" if parts is None else ".".join(str(part) for part in parts)
