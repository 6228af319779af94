"""Which engines are installed, by the metadata of the installed distributions alone: nothing of them is imported.

A gateway may ask here, since its process stays free of engines; an instance imports the one that it is told to serve.
The invariant: a name means one engine, or is refused.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from harken.errors import ConfigError

if TYPE_CHECKING:  # 40 ms of a gateway's start
    from importlib.metadata import EntryPoint, EntryPoints

GROUP = "harken.engines"
"""The entry points of engines."""

RESERVED = ("auto", "digits", "digits-aligner", "none", "stub")
"""Names that mean something else already."""

_NAME = re.compile(r"[A-Za-z0-9][\w.-]*")


@dataclass(frozen=True, kw_only=True, slots=True)
class Found:
    """An engine that is installed.

    Attributes:
        name: as `--model` has it.
        package: the distribution that brings it.
        version: of that distribution.
        argument: what stands behind the name and a colon.
        entry: where it is.
    """

    name: str
    package: str
    version: str
    argument: str
    entry: EntryPoint

    def __str__(self) -> str:
        return f"{self.name!r} of {self.package} {self.version}"


def names() -> tuple[str, ...]:
    """The names of all engines that can be used."""
    return tuple(sorted(_entries().names - set(RESERVED)))


def is_engine(spec: str) -> bool:
    """Whether what `--model` says begins with an installed engine's name, right or not."""
    name = spec.partition(":")[0]
    return name not in RESERVED and bool(_NAME.fullmatch(name)) and name in _entries().names


def find(spec: str) -> Found | None:
    """Find the engine that `--model name:argument` means; None where none has that name.

    Raises:
        ConfigError: two distributions have an engine of that name, or one took a name of Harken's own.
    """
    name, _, argument = spec.partition(":")
    if not _NAME.fullmatch(name):
        return None
    entries = tuple(_entries().select(name=name))
    owners = sorted({entry.dist.name if entry.dist else "an unknown package" for entry in entries})
    if not entries:
        return None
    if name in RESERVED:
        raise ConfigError(f"{', '.join(owners)} has an engine called {name!r}, which is Harken's own name; remove it.")
    if len(entries) > 1:
        raise ConfigError(
            f"Several installed engines are called {name!r}, from {', '.join(owners)}; remove all but one."
        )
    (entry,) = entries
    version = entry.dist.version if entry.dist else "0"
    return Found(name=name, package=owners[0], version=version, argument=argument, entry=entry)


def _entries() -> EntryPoints:
    from importlib.metadata import entry_points

    return entry_points(group=GROUP)
