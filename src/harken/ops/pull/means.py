"""What all files of one pull share, and what a server says of one file: plain data."""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass

from harken.ops.pull.events import Tell
from harken.ops.pull.tries import Patience
from harken.ops.pull.web import Web


@dataclass(frozen=True, kw_only=True, slots=True)
class Facts:
    """What a server says of a file.

    Attributes:
        has_ranges: whether it sends parts.
        size: of the whole; None where it does not say.
        version: for `If-Range`; "" where there is nothing to say.
    """

    has_ranges: bool
    size: int | None
    version: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Means:
    """What all files of a pull share.

    Attributes:
        web: sends the requests.
        gate: lets so many of them be open at once.
        connections: how many parts of one file are fetched beside each other.
        patience: how often things are tried.
        chance: spreads the waits.
        tell: who wants to know.
    """

    web: Web
    gate: asyncio.Semaphore
    connections: int
    patience: Patience
    chance: random.Random
    tell: Tell
