"""Whether a server needs keys: what `auth.keys` says."""

from __future__ import annotations

from enum import StrEnum

from harken.errors import ConfigError


class Mode(StrEnum):
    """Whether a key is needed: `auth.keys`."""

    AUTO = "auto"
    """As soon as there is one, and from then on for ever."""
    REQUIRED = "required"
    OFF = "off"


def mode_of(word: str) -> Mode:
    """Read `auth.keys`.

    Raises:
        ConfigError: another word.
    """
    try:
        return Mode(word)
    except ValueError:
        raise ConfigError(f"auth.keys must be one of {', '.join(Mode)}, not {word!r}.") from None
