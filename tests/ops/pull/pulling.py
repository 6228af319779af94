"""A pull as the tests run it: impatient, in small parts, remembering what it was told."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from harken.models.names import wanted_spec
from harken.models.store import ModelStore
from harken.ops.pull.events import Event
from harken.ops.pull.pull import Pulled, Wish, pull
from harken.ops.pull.sources.choose import parse_origin
from harken.ops.pull.tries import Patience
from tests.ops.pull.hubs import NAME
from tests.ops.pull.servers import FileServer, running

PART = 256 * 1024

IMPATIENT = Patience(attempts=3, first_s=0.01, most_s=0.02, busy_s=5.0, rounds=3)


@contextmanager
def server() -> Iterator[FileServer]:
    """A new server."""
    with running(FileServer()) as found:
        yield found


def do_pull(
    folder: Path,
    source: str,
    *,
    model: str = NAME,
    env: dict[str, str] | None = None,
    token_env: str = "",
    told: list[Event] | None = None,
    **more: Any,
) -> Pulled:
    """Pull into a folder of models."""
    wish = Wish(
        spec=wanted_spec(model),
        origin=parse_origin(source, token_env, env or {}),
        part_bytes=more.pop("part_bytes", PART),
        patience=more.pop("patience", IMPATIENT),
        **more,
    )
    events = told if told is not None else []

    async def run() -> Pulled:
        async with asyncio.timeout(60):
            return await pull(wish, ModelStore(folder), events.append)

    return asyncio.run(run())


def contents(folder: Path) -> dict[str, bytes]:
    """The files of a model's folder, without its manifest."""
    found = {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    found.pop("harken-manifest.json")
    return found
