"""What a server says of itself on /health, read with suspicion: anything may answer at an address.

Pure. The invariant: what is returned has the kinds that the classes say.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

WELL = frozenset({"ready", "full"})
"""States of an instance that does its work."""

COMING = frozenset({"starting", "warming"})
"""States of an instance that will do its work."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """One instance.

    Attributes:
        name: what the gateway calls it.
        state: a word.
        url: where it is; "" where that is not told to us.
        pid: of its process; None where there is none on that machine, or that is not told.
        detail: what is wrong with it.
        restarts: how often its process was started again.
    """

    name: str
    state: str
    url: str = ""
    pid: int | None = None
    detail: str = ""
    restarts: int = 0

    @property
    def shown_name(self) -> str:
        """Its name as `X-Harken-Instance` has it."""
        return "".join(letter if "!" <= letter <= "~" and letter != "," else "?" for letter in self.name)


@dataclass(frozen=True, kw_only=True, slots=True)
class Seen:
    """A server.

    Attributes:
        status: the word for monitors, such as "healthy".
        name: its own.
        model: "" while unknown.
        lines: its instances, or itself.
    """

    status: str
    name: str
    model: str
    lines: tuple[Line, ...]


def read_health(body: bytes) -> Seen | None:
    """Read an answer to /health; None where it is not a Harken's."""
    found = json_object(body)
    lines = found.get("instances")
    words = [found.get(key) for key in ("status", "instance", "model")]
    if not isinstance(lines, list) or not all(isinstance(word, str) for word in words):
        return None
    read = [_line(one) for one in lines]
    if None in read:
        return None
    status, name, model = (_clean(str(word)) for word in words)
    return Seen(status=status, name=name, model=model, lines=tuple(line for line in read if line is not None))


def json_object(body: bytes) -> dict[str, Any]:
    """Read a JSON object; {} where it is none."""
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _line(found: object) -> Line | None:
    if not isinstance(found, dict):
        return None
    words = {key: found.get(key, "") for key in ("name", "state", "url", "detail")}
    pid = found.get("pid")
    is_pid = pid is None or (isinstance(pid, int) and not isinstance(pid, bool) and 0 < pid < 1 << 31)
    if not is_pid or not all(isinstance(word, str) for word in words.values()):
        return None
    restarts = found.get("restarts", 0)
    if not isinstance(restarts, int):
        return None
    return Line(pid=pid, restarts=int(restarts), **{key: _clean(str(word)) for key, word in words.items()})


def _clean(text: str) -> str:
    """Text that is shown to a person: nothing in it can speak to the terminal."""
    return "".join(letter if letter.isprintable() else "?" for letter in text[:300])
