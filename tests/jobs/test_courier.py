"""Webhooks on the wire: signed, tried again, never to where they may not go."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import Callable
from pathlib import Path

import aiohttp
import pytest

from harken.config import StateConfig
from harken.jobs.courier import Courier, public_socket
from harken.jobs.signing import sign
from harken.jobs.threads import Threads
from harken.jobs.types import WebhookState
from harken.state import Database
from tests.jobs.house import RESULT, House
from tests.jobs.receiver import receiving

SECRET = "whsec_c2VjcmV0"


@pytest.fixture
def house(tmp_path: Path) -> House:
    """Empty tables."""
    return House(Database(StateConfig(folder=str(tmp_path)), {}))


def deliver(house: House, until: Callable[[], bool], *, attempts: int = 3, allows_private: bool = True) -> None:
    """Run a courier until something is so; what it puts off is due at once, because then its clock goes on."""

    async def run() -> None:
        def roll() -> float:
            house.now += 1000.0
            return 0.5

        threads = Threads()
        courier = Courier(
            outbox=house.outbox,
            secret=SECRET,
            threads=threads,
            attempts=attempts,
            allows_private=allows_private,
            now=lambda: house.now,
            roll=roll,
            timeout_s=2.0,
        )
        async with asyncio.timeout(20), asyncio.TaskGroup() as group:
            running = group.create_task(courier.run())
            while not until():
                courier.wake()
                await asyncio.sleep(0.01)
            running.cancel()
        await threads.close()

    asyncio.run(run())


def end_a_job(house: House, url: str) -> str:
    """End a job with a webhook; return its id."""
    job = house.create(webhook=url)
    assert house.leases.finish(house.claim(), RESULT, now=house.now)
    return job.id


def state(house: House, job_id: str) -> WebhookState | None:
    """How far the message is."""
    return house.store.get(job_id, None).webhook_state


def test_a_message_is_signed_and_tried_until_it_is_taken(house: House) -> None:
    """500, a redirect (which is not followed), then 200: three calls with one id, each signed for its own time."""
    with receiving() as receiver:
        receiver.statuses = [500, 302]
        job_id = end_a_job(house, receiver.url)
        deliver(house, lambda: state(house, job_id) is WebhookState.DELIVERED)
    assert len(receiver.calls) == 3
    assert len({headers["webhook-id"] for headers, _ in receiver.calls}) == 1
    for headers, body in receiver.calls:
        expected = sign(SECRET, headers["webhook-id"], int(headers["webhook-timestamp"]), body)
        assert headers["webhook-signature"] == expected
        assert headers["content-type"] == "application/json"
        assert json.loads(body)["data"]["id"] == job_id


@pytest.mark.parametrize(("statuses", "calls"), [([500, 500, 500], 3), ([410], 1)])
def test_a_message_is_given_up(house: House, statuses: list[int], calls: int) -> None:
    """After all tries; at once, where the receiver says that it is gone."""
    with receiving() as receiver:
        receiver.statuses = statuses
        job_id = end_a_job(house, receiver.url)
        deliver(house, lambda: state(house, job_id) is WebhookState.GIVEN_UP)
    assert len(receiver.calls) == calls


def test_nobody_listening_is_a_failed_try(house: House) -> None:
    """And no defect."""
    job_id = end_a_job(house, "http://127.0.0.1:9/")
    deliver(house, lambda: state(house, job_id) is WebhookState.GIVEN_UP, attempts=1)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "localhost.", "2130706433", "127。0。0。1", "１２７.0.0.1"])
def test_private_addresses_are_not_called(house: House, host: str) -> None:
    """Neither as a number, in whatever script, nor by a name, also of a job that was accepted earlier."""
    with receiving() as receiver:
        job_id = end_a_job(house, receiver.url.replace("127.0.0.1", host))
        deliver(house, lambda: state(house, job_id) is WebhookState.GIVEN_UP, attempts=1, allows_private=False)
    assert receiver.calls == []


@pytest.mark.parametrize("address", ["169.254.169.254", "127.0.0.1", "10.0.0.1", "::1", "::ffff:127.0.0.1"])
def test_no_socket_is_made_for_a_private_address(address: str) -> None:
    """Whatever led to it: this is the last thing before the connection."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with pytest.raises(OSError, match="not public"):
        public_socket((family, socket.SOCK_STREAM, 0, "", (address, 80)))
    with public_socket((socket.AF_INET, socket.SOCK_STREAM, 0, "", ("93.184.216.34", 80))) as made:
        assert made.family == socket.AF_INET


@pytest.mark.parametrize("host", ["127。0。0。1", "１２７.0.0.1", "①②⑦.0.0.①", "127.0.0.1"])
def test_the_connection_itself_is_refused(host: str) -> None:
    """Also where nobody looked at the URL's text before."""

    async def connect(url: str) -> None:
        connector = aiohttp.TCPConnector(socket_factory=public_socket)
        async with aiohttp.ClientSession(connector=connector) as session, session.post(url):
            raise AssertionError("it was connected")

    with receiving() as receiver, pytest.raises(aiohttp.ClientConnectorError, match="is not public"):
        asyncio.run(connect(receiver.url.replace("127.0.0.1", host)))
    assert receiver.calls == []
