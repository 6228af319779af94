"""Looking at instances: one question, and the loop that asks it again and again.

It judges nothing. What a look found goes to `report`; what that means is decided in `health`. Each target has its own
loop, so that one that hangs delays no other.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from harken.dispatch.lines.line import Missed
from harken.dispatch.lines.patience import patiently
from harken.log import get_log
from harken.wire import STATE_PATH, InstanceState, WireError, unpack_state

if TYPE_CHECKING:
    from aiohttp import ClientResponse, ClientSession

_STATE_BYTES_MAX = 1 << 16

_log = get_log("dispatch.probe")

Look = Callable[[float], Awaitable[InstanceState | Missed]]
"""Looks once, with patience in seconds: `Line.look`."""


async def look(session: ClientSession, url: str, timeout_s: float) -> InstanceState | Missed:
    """Ask the instance at an address how it is; never raises for its faults.

    Args:
        session: from `session.open_session`.
        url: of the instance.
        timeout_s: patience in seconds in which this process ran; see `patience`.
    """
    try:
        return await patiently(_ask(session, url), timeout_s)
    except TimeoutError:
        return Missed(reason=f"It did not answer within {timeout_s:g} s.")


async def _ask(session: ClientSession, url: str) -> InstanceState | Missed:
    import aiohttp

    try:
        async with session.get(url + STATE_PATH, allow_redirects=False) as response:
            return unpack_state(await _read(response))
    except (aiohttp.ClientError, ConnectionError) as error:
        return Missed(reason=f"It cannot be reached: {error or type(error).__name__}.")
    except WireError as error:
        return Missed(reason=error.message)


async def _read(response: ClientResponse) -> bytes:
    body = bytearray()
    async for chunk in response.content.iter_any():
        body += chunk
        if len(body) > _STATE_BYTES_MAX:
            raise WireError("The state is too long.")
    return bytes(body)


class Watch:
    """The loop that looks at one instance for as long as it is a target.

    Args:
        look: looks at it once.
        interval_s: from the start of one look to the start of the next.
        timeout_s: of one look.
        report: gets each finding.
    """

    def __init__(
        self, look: Look, *, interval_s: float, timeout_s: float, report: Callable[[InstanceState | Missed], None]
    ) -> None:
        self._look = look
        self._interval_s = interval_s
        self._timeout_s = timeout_s
        self._report = report
        self._hurry = asyncio.Event()

    def hurry(self) -> None:
        """Look again now: something happened that only a look can explain."""
        self._hurry.set()

    async def _look_once(self) -> InstanceState | Missed:
        try:
            return await self._look(self._timeout_s)
        except Exception:  # noqa: BLE001 - the edge of a target's own task: what it answers must never end the others
            _log.exception("look.defect")
            return Missed(reason="It answered something that cannot be understood.")

    async def run(self) -> None:
        """Look until cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            self._hurry.clear()
            begin = loop.time()
            self._report(await self._look_once())
            # The report may have led to this very loop's end. Such a cancellation must arrive outside of the timeout:
            # one whose deadline has passed already would take it for its own and swallow it.
            await asyncio.sleep(0)
            try:
                async with asyncio.timeout_at(begin + self._interval_s):
                    await self._hurry.wait()
            except TimeoutError:
                continue
