"""What is told while a model is fetched: plain data, for a progress bar or for lines of JSON."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class Found:
    """The list of files is known.

    Attributes:
        name: of the model.
        revision: of it.
        source: where it comes from.
        files: how many files it has.
        bytes: all of them together, as far as the source says.
        here: how many of these bytes are here already.
    """

    name: str
    revision: str
    source: str
    files: int
    bytes: int
    here: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Arrived:
    """Bytes of a file were written; fewer than none where some were thrown away."""

    file: str
    bytes: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Verified:
    """A file is whole.

    Attributes:
        file: its name.
        checked: "sha256", "git", or "none" where its source told no digest.
    """

    file: str
    checked: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Retrying:
    """Something did not work and is tried again.

    Attributes:
        file: what was being fetched; "" for the list of files.
        reason: one sentence.
        wait_s: until then.
    """

    file: str
    reason: str
    wait_s: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Waiting:
    """Another pull of the same model is at work."""

    reason: str


Event = Found | Arrived | Verified | Retrying | Waiting
Tell = Callable[[Event], None]
