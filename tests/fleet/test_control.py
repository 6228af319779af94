"""The control socket, asked by real connections."""

from __future__ import annotations

import asyncio
import json
import stat
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from harken.errors import ClientError
from harken.fleet.control import Control, Handler
from harken.state.control_socket import NAME, socket_address

TIMEOUT_S = 10.0


@asynccontextmanager
async def listening(folder: Path, handlers: Mapping[str, Handler]) -> AsyncIterator[None]:
    """A control socket; afterwards its file is gone."""
    async with Control(folder, handlers):
        yield
    assert not (folder / NAME).exists()


async def ask(folder: Path, line: bytes) -> list[dict[str, Any]]:
    """Send one line; return all that comes."""
    with socket_address(folder) as address:
        reader, writer = await asyncio.open_unix_connection(address)
    writer.write(line)
    answers = await asyncio.wait_for(reader.read(), TIMEOUT_S)
    writer.close()
    return [json.loads(one) for one in answers.splitlines()]


async def count(request: Mapping[str, Any], tell: Any) -> dict[str, Any]:
    """Say each number up to the one that is asked for."""
    if request["to"] > 9:
        raise ClientError("Too far.")
    for number in range(request["to"]):
        tell(str(number))
    return {"counted": request["to"]}


def test_progress_comes_first_and_then_one_last_line(tmp_path: Path) -> None:
    """A request, its sentences, its result."""

    async def story() -> None:
        async with listening(tmp_path, {"count": count}):
            assert await ask(tmp_path, b'{"do": "count", "to": 2}\n') == [
                {"progress": "0"},
                {"progress": "1"},
                {"done": {"counted": 2}},
            ]

    asyncio.run(story())


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (b'{"do": "count", "to": 10}\n', "Too far."),
        (b'{"do": "fly"}\n', "Unknown request 'fly'; known are: count."),
        (b"{}\n", "Unknown request None; known are: count."),
        (b"what?\n", "A request is one line of JSON, sent at once."),
        (b"[1]\n", "A request is one line of JSON, sent at once."),
        (b"\xff\n", "A request is one line of JSON, sent at once."),
        (b"[" * 50_000 + b"\n", "A request is one line of JSON, sent at once."),
        (b"x" * 200_000 + b"\n", "A request is one line of JSON, sent at once."),
    ],
)
def test_what_cannot_be_done_is_refused_in_one_line(tmp_path: Path, line: bytes, said: str) -> None:
    """With a stable code; and the socket serves on."""

    async def story() -> None:
        async with listening(tmp_path, {"count": count}):
            assert await ask(tmp_path, line) == [{"error": {"code": "bad_request", "message": said}}]
            assert (await ask(tmp_path, b'{"do": "count", "to": 0}\n'))[-1] == {"done": {"counted": 0}}

    asyncio.run(story())


def test_only_its_owner_may_use_the_socket(tmp_path: Path) -> None:
    """The file says so."""

    async def story() -> None:
        async with listening(tmp_path, {}):
            mode = (tmp_path / NAME).stat().st_mode
            assert stat.S_ISSOCK(mode)
            assert stat.S_IMODE(mode) == 0o600

    asyncio.run(story())


def test_whoever_hangs_up_ends_nothing_but_his_watching(tmp_path: Path) -> None:
    """What he asked for goes on, and what is said to him is said to nobody."""

    async def story() -> None:
        begun, may_end, ended = asyncio.Event(), asyncio.Event(), asyncio.Event()

        async def slow(_: Mapping[str, Any], tell: Any) -> dict[str, Any]:
            begun.set()
            await may_end.wait()
            for number in range(100):
                tell(str(number))
                await asyncio.sleep(0)
            ended.set()
            return {}

        async with listening(tmp_path, {"work": slow}):
            _, writer = await asyncio.open_unix_connection(tmp_path / NAME)
            writer.write(b'{"do": "work"}\n')
            await asyncio.wait_for(begun.wait(), TIMEOUT_S)
            writer.close()
            may_end.set()
            await asyncio.wait_for(ended.wait(), TIMEOUT_S)

    asyncio.run(story())


def test_who_has_said_all_still_gets_the_last_line(tmp_path: Path) -> None:
    """As socat and nc do, which close their side at the end of their input."""

    async def story() -> None:
        async with listening(tmp_path, {"count": count}):
            reader, writer = await asyncio.open_unix_connection(tmp_path / NAME)
            writer.write(b'{"do": "count", "to": 1}\n')
            writer.write_eof()
            answers = await asyncio.wait_for(reader.read(), TIMEOUT_S)
            assert [json.loads(one) for one in answers.splitlines()][-1] == {"done": {"counted": 1}}
            writer.close()

    asyncio.run(story())


def test_a_socket_that_somebody_listens_on_is_not_taken_away(tmp_path: Path) -> None:
    """A gateway on the same port of another address does without, and the first one keeps its own to the end."""

    async def story() -> None:
        async with listening(tmp_path, {"count": count}):
            async with Control(tmp_path, {}):
                pass
            assert (await ask(tmp_path, b'{"do": "count", "to": 0}\n'))[-1] == {"done": {"counted": 0}}

    asyncio.run(story())


def test_those_who_wait_are_told_that_the_gateway_leaves(tmp_path: Path) -> None:
    """A last line also then."""

    async def story() -> None:
        begun = asyncio.Event()

        async def endless(_: Mapping[str, Any], __: Any) -> dict[str, Any]:
            begun.set()
            await asyncio.Event().wait()
            return {}

        async with listening(tmp_path, {"wait": endless}):
            asking = asyncio.ensure_future(ask(tmp_path, b'{"do": "wait"}\n'))
            await asyncio.wait_for(begun.wait(), TIMEOUT_S)
        assert await asking == [{"error": {"code": "draining", "message": "The gateway is leaving."}}]

    asyncio.run(story())


def test_a_socket_that_a_killed_gateway_left_is_replaced(tmp_path: Path) -> None:
    """Nobody listens there any more."""

    async def story() -> None:
        import socket

        with socket.socket(socket.AF_UNIX) as left:
            left.bind(str(tmp_path / NAME))
        async with listening(tmp_path, {"count": count}):
            assert (await ask(tmp_path, b'{"do": "count", "to": 0}\n'))[-1] == {"done": {"counted": 0}}

    asyncio.run(story())


def test_a_file_that_is_no_socket_is_left_alone_and_the_gateway_does_without(tmp_path: Path) -> None:
    """Somebody keeps something there."""

    async def story() -> None:
        (tmp_path / NAME).write_text("mine")
        async with Control(tmp_path, {}):
            pass
        assert (tmp_path / NAME).read_text() == "mine"

    asyncio.run(story())


def test_a_folder_whose_path_is_too_long_for_a_socket_works_too(tmp_path: Path) -> None:
    """Linux is asked for it in another way."""
    deep = tmp_path / ("d" * 100) / ("e" * 100)
    deep.mkdir(parents=True)

    async def story() -> None:
        async with listening(deep, {"count": count}):
            assert (await ask(deep, b'{"do": "count", "to": 0}\n'))[-1] == {"done": {"counted": 0}}

    asyncio.run(story())
