"""One segment to one instance over HTTP: send it, pass its text on, return how it ended.

It knows an address, never a target's state, and it decides nothing about retries. A proof is followed in the same way:
there the segment is the instance's own. Invariant: it returns the transcript
of a `Done`, or raises one `HarkenError`; whichever way it is left, by cancellation too, the connection is either fit
for the next segment or closed, and a closed one tells the instance to free the slot.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, assert_never

from harken.dispatch.lines.failures import ConnectionLost, Silent, Stalled, Unreached
from harken.dispatch.lines.text_lines import Lines
from harken.dispatch.lines.watchdog import Watchdog
from harken.errors import InstanceFailed
from harken.turns import Turns
from harken.types import Send, Transcript
from harken.wire import (
    PROVE_PATH,
    RECOGNIZE_PATH,
    SEGMENT_TYPE,
    Beat,
    Crowd,
    Delta,
    Done,
    Failed,
    Job,
    WireError,
    pack_job,
    unpack_message,
)

if TYPE_CHECKING:
    from aiohttp import ClientResponse, ClientSession

_END_TIMEOUT_S = 0.25


class Relay:
    """Carries segments to instances.

    Args:
        session: from `session.open_session`.
        silence_s: an instance that says nothing for so long counts as failed. Instances send a beat at least every
            two seconds, so three missed beats are a good value.
        stall_s: an instance on which the segment makes no progress for so long, once it has begun, has failed too.
        on_crowd: hears who else uses the instance.
    """

    def __init__(
        self,
        session: ClientSession,
        *,
        silence_s: float = 6.0,
        stall_s: float = 20.0,
        on_crowd: Callable[[Crowd], None] = lambda _: None,
    ) -> None:
        self._session = session
        self._silence_s = silence_s
        self._stall_s = stall_s
        self._on_crowd = on_crowd
        self._turns = Turns()

    async def recognize(self, url: str, job: Job, send: Send) -> Transcript:
        """Have one instance recognise one segment.

        Args:
            url: the instance's address.
            job: the segment and its options.
            send: gets the text as it comes. What it raises goes through; it is not the instance's fault.

        Raises:
            ConnectionLost: nobody listens there, or the connection broke.
            Silent: nothing came for too long, not even a beat.
            Stalled: beats came, and told of no progress.
            InstanceFailed: a broken protocol, a stream without an end, or a failure that no segment should end with.
            HarkenError: what the instance itself answered; see `Failed.error`.
        """
        await self._turns.take()
        return await self._exchange(url + RECOGNIZE_PATH, pack_job(job), send)

    async def prove(self, url: str) -> Transcript:
        """Have one instance recognise its canary.

        Raises:
            CanaryFailed: it recognised something else.
            HarkenError: as `recognize`.
        """
        return await self._exchange(url + PROVE_PATH, b"", _nobody, is_proof=True)

    async def _exchange(self, url: str, body: bytes, send: Send, *, is_proof: bool = False) -> Transcript:
        response = await self._post(url, body)
        try:
            return await self._follow(response, send, is_proof=is_proof)
        finally:
            # After the end was read this does nothing: the connection is back in the pool already.
            response.close()

    async def _post(self, url: str, body: bytes) -> ClientResponse:
        from harken.dispatch.lines.body import (
            Body,  # here and not above: it needs aiohttp, and a gateway starts without
        )

        with _blaming(self._silence_s):
            async with asyncio.timeout(self._silence_s):
                return await self._session.post(url, data=Body(body, content_type=SEGMENT_TYPE), allow_redirects=False)

    async def _follow(self, response: ClientResponse, send: Send, *, is_proof: bool) -> Transcript:
        lines, watchdog = Lines(), Watchdog(self._stall_s)
        while chunk := await self._read(response):
            with _blaming(self._silence_s):
                messages = [unpack_message(line) for line in lines.feed(chunk)]
            for message in messages:
                if not isinstance(message, Delta):
                    self._on_crowd(message.crowd)
                match message:
                    case Delta(text=text):
                        watchdog.hear_text()
                        if text:
                            send(text)
                    case Beat(progress=progress):
                        self._watch(watchdog, progress)
                    case Done(transcript=transcript):
                        await _finish(response)
                        return transcript
                    case Failed():
                        await _finish(response)
                        raise message.error(is_proof=is_proof)
                    case _:
                        assert_never(message)
        raise InstanceFailed(f"The instance ended its answer (HTTP {response.status}) without a result.")

    def _watch(self, watchdog: Watchdog, progress: int) -> None:
        watchdog.hear_beat(progress, asyncio.get_running_loop().time())
        if watchdog.is_stalled:
            raise Stalled(f"The segment made no progress for {self._stall_s:g} s.")

    async def _read(self, response: ClientResponse) -> bytes:
        with _blaming(self._silence_s):
            async with asyncio.timeout(self._silence_s):
                return await response.content.readany()


def _nobody(_text: str) -> None:
    """Nobody reads what an instance says to its canary."""


@contextmanager
def _blaming(silence_s: float) -> Iterator[None]:
    """Say in our own words what went wrong between us and the instance.

    A client may read them: addresses, and what a library or the other side wrote, stay in the cause, which is logged.
    """
    import aiohttp

    try:
        yield
    except TimeoutError as error:
        raise Silent(f"The instance was silent for {silence_s:g} s.") from error
    except aiohttp.ClientConnectorError as error:
        raise Unreached("The instance cannot be reached.") from error
    except (aiohttp.ClientConnectionError, aiohttp.ClientPayloadError, ConnectionError) as error:
        raise ConnectionLost("The connection to the instance was lost.") from error
    except aiohttp.ClientError as error:
        raise InstanceFailed("The instance does not speak HTTP as expected.") from error
    except WireError as error:
        raise InstanceFailed("The instance broke the protocol.") from error


async def _finish(response: ClientResponse) -> None:
    """Read to the end of the stream, which follows at once, so that the connection can carry the next segment."""
    import aiohttp

    try:
        async with asyncio.timeout(_END_TIMEOUT_S):
            await response.content.readany()
    except (TimeoutError, aiohttp.ClientError, ConnectionError):
        response.close()  # the result is here; only the connection is spoilt
