"""A compose file as data: services with their variables filled in, in the order in which they are started.

Pure. Owns the part of the language that ours uses. The invariant: a variable that has to be set and is not is an error,
as with `docker compose`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, kw_only=True, slots=True)
class Service:
    """One service.

    Attributes:
        name: by which others look it up.
        image: without its tag.
        env: its own variables.
        entrypoint: in place of the image's; empty for that.
        command: in place of the image's; empty for that.
        health: the command that says whether it is healthy; empty for the image's.
        replicas: how many of them.
        volumes: (source, place, is read-only); a source without a slash is a named volume, "" an anonymous one.
        after: service → condition.
        has_network: it is in a network at all.
    """

    name: str
    image: str
    env: Mapping[str, str]
    entrypoint: tuple[str, ...]
    command: tuple[str, ...]
    health: tuple[str, ...]
    replicas: int
    volumes: tuple[tuple[str, str, bool], ...]
    after: Mapping[str, str]
    has_network: bool


def services(document: Mapping[str, Any], env: Mapping[str, str]) -> list[Service]:
    """Read what `docker compose up` would start, each after those that it waits for.

    Args:
        document: the parsed file.
        env: the variables of .env.

    Raises:
        ValueError: a variable that has to be set is not.
    """
    said = {name: one for name, one in document["services"].items() if not one.get("profiles")}
    found = {name: _service(name, filled(one, env)) for name, one in said.items()}
    order: list[Service] = []

    def visit(name: str) -> None:
        if found[name] in order:
            return
        for other in found[name].after:
            visit(other)
        order.append(found[name])

    for name in found:
        visit(name)
    return order


def filled(value: Any, env: Mapping[str, str]) -> Any:
    """Fill `${NAME}`, `${NAME:-default}` and `${NAME:?message}` into all texts of a document."""
    if isinstance(value, dict):
        return {key: filled(inner, env) for key, inner in value.items()}
    if isinstance(value, list):
        return [filled(inner, env) for inner in value]
    return re.sub(r"\$\{(\w+)(?::([-?])([^}]*))?\}", lambda at: _variable(at, env), value) if _is_text(value) else value


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _variable(at: re.Match[str], env: Mapping[str, str]) -> str:
    name, kind, rest = at.groups()
    if env.get(name):
        return env[name]
    if kind == "?":
        raise ValueError(f"{name} is not set: {rest}")
    return rest if kind == "-" else ""


def _service(name: str, said: Mapping[str, Any]) -> Service:
    return Service(
        name=name,
        image=said["image"].rpartition(":")[0],
        env={key: str(value) for key, value in said.get("environment", {}).items()},
        entrypoint=tuple(said.get("entrypoint", ())),
        command=tuple(str(word) for word in said.get("command", ())),
        health=tuple(str(word) for word in said.get("healthcheck", {}).get("test", ())[1:]),
        replicas=said.get("deploy", {}).get("replicas", 1),
        volumes=tuple(_volume(line) for line in said.get("volumes", ())),
        after={other: one["condition"] for other, one in said.get("depends_on", {}).items()},
        has_network=said.get("network_mode") != "none",
    )


def _volume(line: str) -> tuple[str, str, bool]:
    parts = line.split(":")
    if len(parts) == 1:
        return "", parts[0], False
    return parts[0], parts[1], parts[2:] == ["ro"]
