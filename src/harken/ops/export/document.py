"""What an export is: files by name, and what their reader has to know that no file can do."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from harken.errors import ConfigError
from harken.ops.export.launch import Launch

HEADING = "Written by `harken export {tool}`. Change harken.toml and write it again."


@dataclass(frozen=True, kw_only=True, slots=True)
class Document:
    """Files for one tool.

    Attributes:
        files: name → text.
        notes: sentences for whoever installs them.
    """

    files: dict[str, str]
    notes: tuple[str, ...] = field(default=())


def notes_on(launches: Iterable[Launch]) -> tuple[str, ...]:
    """Say what was left out of the processes' surroundings."""
    withheld = dict.fromkeys(name for launch in launches for name in launch.withheld)
    return tuple(
        f"{name} may hold a password and is not written: put it into the file that --config names." for name in withheld
    )


def check_plain(text: str, what: str, *, never: str = "") -> str:
    """Return a text that a line of a configuration can hold.

    Args:
        text: any.
        what: names it in the error.
        never: characters that this tool cannot be given in any quotes.

    Raises:
        ConfigError: it has a line's end, another control character, or one of `never`.
    """
    wrong = next((character for character in text if not character.isprintable() or character in never), None)
    if wrong is not None:
        raise ConfigError(f"{what} has {wrong!r}, which cannot be written there: {text!r}.")
    return text
