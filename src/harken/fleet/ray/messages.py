"""What is said between a gateway, its bridge into a Ray cluster, and the hosts on the nodes. Plain data, pure.

Gateway and bridge write one JSON object a line to each other: an `Order` in, a `Told` out. The invariant: a line that
is none of these is read as None, so nothing that a library prints can be taken for a message.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Do(StrEnum):
    """What a gateway orders."""

    PLACE = "place"
    """Have room made for an instance."""
    START = "start"
    """Start its process there, with `Order.variables`."""
    TERMINATE = "terminate"
    KILL = "kill"
    """End it, wherever it has got to, and give its room back."""


class Kind(StrEnum):
    """What is told of one."""

    CONNECTED = "connected"
    """Of the bridge itself: it is in the cluster."""
    BEAT = "beat"
    """Of the bridge itself: it lives."""
    WAITS = "waits"
    """There is no room yet; `text` says why."""
    PLACED = "placed"
    """`text` is a `Node`, as JSON."""
    REFUSED = "refused"
    """It was placed nowhere, and is not going to be; `text` says why."""
    STARTED = "started"
    """`text` is the number of its process."""
    NEWS = "news"
    """An announcement of the process."""
    LINE = "line"
    """A line of its output."""
    ENDED = "ended"
    """`text` is its exit code."""
    LOST = "lost"
    """It ended with its node or its actor, wherever it had got to; `text` says what happened."""
    CUT = "cut"
    """The bridge itself is gone, and it with all others; told by the gateway's end of it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Order:
    """One order.

    Attributes:
        do: what.
        number: of the life that it is about; each try of an instance is one.
        name: of the instance.
        variables: of its process.
    """

    do: Do
    number: int
    name: str = ""
    variables: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class Told:
    """One thing told.

    Attributes:
        kind: what.
        number: of the life that it is about; 0: of none.
        text: see `Kind`.
    """

    kind: Kind
    number: int = 0
    text: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Heard:
    """One thing that a host heard of its process.

    Attributes:
        number: its place, from 1 on.
        kind: NEWS, LINE or ENDED.
        text: see `Kind`.
    """

    number: int
    kind: Kind
    text: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Node:
    """Where an instance was placed.

    Attributes:
        address: at which other nodes reach it.
        node: Ray's name for it.
        gpus: that Ray gave the instance.
        version: of the Harken that is installed there.
    """

    address: str
    node: str
    gpus: tuple[str, ...] = ()
    version: str = ""


def as_line(message: Order | Told | Node) -> str:
    """Write one as JSON, without the line's end."""
    return json.dumps(dataclasses.asdict(message))


def parse_order(line: str) -> Order | None:
    """Read what `as_line` wrote of an order."""
    try:
        fields = json.loads(line)
        return Order(
            do=Do(fields["do"]),
            number=int(fields["number"]),
            name=str(fields["name"]),
            variables={str(name): str(value) for name, value in fields["variables"].items()},
        )
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None


def parse_told(line: str) -> Told | None:
    """Read what `as_line` wrote of something told."""
    try:
        fields = json.loads(line)
        return Told(kind=Kind(fields["kind"]), number=int(fields["number"]), text=str(fields["text"]))
    except (ValueError, KeyError, TypeError, RecursionError):
        return None


def parse_node(text: str) -> Node:
    """Read what `as_line` wrote of a node."""
    fields = json.loads(text)
    return Node(**{**fields, "gpus": tuple(fields["gpus"])})
