"""Delivers the messages about ended jobs to their webhooks.

Owns the HTTP request and its bounds: time, no redirects, no proxy, only addresses that were checked in the moment of
connecting. A message stays in the outbox until its receiver answers 2xx, or 410 (it does not want any), or all tries
are used up. The invariant: a message is never lost by a crash; it may come twice, with the same id.
"""

from __future__ import annotations

import asyncio
import errno
import random
import socket
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import aiohttp

import harken
from harken.errors import ClientError, Unavailable
from harken.jobs.addresses import check_url, is_public
from harken.jobs.signing import retry_wait_s, sign
from harken.jobs.threads import Threads
from harken.log import get_log

if TYPE_CHECKING:
    from harken.jobs.outbox import Message, Outbox

TIMEOUT_S = 15.0
"""The longest that one delivery may take."""

POLL_S = 2.0
_AT_ONCE = 8
_GONE = 410

_log = get_log("jobs.courier")


class Courier:
    """Delivers until it is cancelled.

    Args:
        outbox: the messages.
        secret: signs them.
        threads: for the outbox.
        attempts: tries that a message may have.
        allows_private: whether it may go to addresses that are not public.
        now: seconds since 1970.
        roll: by chance in [0, 1).
        timeout_s: the longest that one delivery may take.
    """

    def __init__(
        self,
        *,
        outbox: Outbox,
        secret: str,
        threads: Threads,
        attempts: int,
        allows_private: bool,
        now: Callable[[], float] = time.time,
        roll: Callable[[], float] = random.random,
        timeout_s: float = TIMEOUT_S,
    ) -> None:
        self._outbox = outbox
        self._secret = secret
        self._threads = threads
        self._attempts = attempts
        self._allows_private = allows_private
        self._now = now
        self._roll = roll
        self._timeout_s = timeout_s
        self._wake = asyncio.Event()

    def wake(self) -> None:
        """There may be a message."""
        self._wake.set()

    async def run(self) -> None:
        """Deliver what is due, a few messages at a time."""
        to_where_it_may = None if self._allows_private else public_socket
        # No cookies, no proxy of the environment: the request is this one and goes where it was checked to go.
        async with (
            aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(socket_factory=to_where_it_may, use_dns_cache=False, force_close=True),
                cookie_jar=aiohttp.DummyCookieJar(),
                trust_env=False,
            ) as session,
            asyncio.TaskGroup() as group,
        ):
            room = asyncio.Semaphore(_AT_ONCE)
            while True:
                self._wake.clear()
                await room.acquire()
                message = await self._take()
                if message is None:
                    room.release()
                    await self._wait()
                    continue
                task = group.create_task(self._deliver(session, message))
                task.add_done_callback(lambda _: room.release())

    async def _take(self) -> Message | None:
        now = self._now()
        try:
            return await self._threads.run(self._outbox.take, now=now, again_at=now + 2 * self._timeout_s)
        except Unavailable as error:
            _log.debug("jobs.outbox_unavailable", detail=error.message)
            return None

    async def _deliver(self, session: aiohttp.ClientSession, message: Message) -> None:
        status, problem = await self._post(session, message)
        try:
            await self._note(message, status, problem)
        except Unavailable as error:
            # It is due again by itself; the receiver knows the id.
            _log.warning("webhook.not_noted", job_id=message.job_id, detail=error.message)

    async def _post(self, session: aiohttp.ClientSession, message: Message) -> tuple[int, str]:
        """Return the answer's status, and what was wrong ("" for nothing)."""
        timestamp = int(self._now())
        headers = {
            "Content-Type": "application/json",
            "User-Agent": f"harken/{harken.__version__}",
            "webhook-id": message.id,
            "webhook-timestamp": str(timestamp),
            "webhook-signature": sign(self._secret, message.id, timestamp, message.body),
        }
        try:
            check_url(message.url, allows_private=self._allows_private)
            async with session.post(
                message.url,
                data=message.body.encode(),
                headers=headers,
                allow_redirects=False,
                timeout=aiohttp.ClientTimeout(total=self._timeout_s),
            ) as answer:
                is_taken = 200 <= answer.status < 300
                return answer.status, "" if is_taken else f"The receiver answered {answer.status}."
        except TimeoutError:
            return 0, f"No answer within {self._timeout_s:g} s."
        except (aiohttp.ClientError, OSError, ValueError, ClientError) as error:
            return 0, str(error) or type(error).__name__

    async def _note(self, message: Message, status: int, problem: str) -> None:
        if not problem:
            await self._threads.run(self._outbox.delivered, message, now=self._now())
            _log.info("webhook.delivered", job_id=message.job_id, message_id=message.id, attempt=message.attempts)
            return
        is_over = message.attempts >= self._attempts or status == _GONE
        again_at = None if is_over else self._now() + retry_wait_s(message.attempts, self._roll())
        await self._threads.run(self._outbox.failed, message, problem, again_at=again_at)
        tell = _log.warning if is_over else _log.info
        event = "webhook.given_up" if is_over else "webhook.failed"
        tell(event, job_id=message.job_id, message_id=message.id, attempt=message.attempts, problem=problem)

    async def _wait(self) -> None:
        try:
            async with asyncio.timeout(POLL_S):
                await self._wake.wait()
        except TimeoutError:
            return


def public_socket(target: tuple[Any, ...]) -> socket.socket:
    """Make the socket for a connection to a public address, and for no other.

    A resolver could not do this: it is not asked where a URL holds an address already, in whatever script.

    Args:
        target: where it will be connected to, as `socket.getaddrinfo` tells it.

    Raises:
        OSError: the address is not public.
    """
    family, kind, protocol, _, address = target
    if not is_public(str(address[0])):
        raise PermissionError(errno.EACCES, f"{address[0]} is not public; webhooks may not go to private addresses")
    return socket.socket(family, kind, protocol)
