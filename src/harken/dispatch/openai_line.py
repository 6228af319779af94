"""The line to an upstream: any server with OpenAI's `/v1/audio/transcriptions`.

It owns what was learnt of one server: which options it refuses, whether it is full or in trouble. What is sent and what
an answer means is in the pure modules beside it. There are no beats on this line, so only the attempt's own time, and a
look that finds nobody, end a silence. Invariant: a client is never told the server's address, its key or its words; and
nothing is sent anywhere but to the configured address.
"""

from __future__ import annotations

import asyncio
import io
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from harken.clock import Clock, SystemClock
from harken.dispatch.health import ConnectionLost, Unreached
from harken.dispatch.line import Missed
from harken.dispatch.openai_answer import read_json, transcript_of
from harken.dispatch.openai_events import Events
from harken.dispatch.openai_look import OpenAILook
from harken.dispatch.openai_refusal import NoWordsThere, Reply, Verdict, judge_reply
from harken.dispatch.openai_request import Abilities, Option, fields_of, options_of, wav_of
from harken.dispatch.openai_standing import Standing
from harken.dispatch.patience import patiently
from harken.dispatch.proof import Proof
from harken.dispatch.upstream import Upstream
from harken.errors import InstanceFailed
from harken.log import get_log
from harken.types import Priority, Send, Transcript
from harken.wire import InstanceState, Job, WireError

if TYPE_CHECKING:
    from aiohttp import ClientResponse, ClientSession

PATH = "/v1/audio/transcriptions"

_CONNECT_S = 5.0
_END_S = 0.25
_PROOF_S = 60.0
_ANSWER_BYTES_MAX = 4 << 20
_REFUSAL_BYTES_MAX = 1 << 14

_log = get_log("dispatch.openai_line")


class OpenAILine:
    """Talks to one upstream.

    Args:
        upstream: where it is, and what is known of it.
        session: from `session.open_session`.
        proof: what it has to recognise to prove itself.
        clock: seconds, for how long it stays full or in trouble.
    """

    def __init__(self, upstream: Upstream, session: ClientSession, proof: Proof, *, clock: Clock | None = None) -> None:
        self._upstream = upstream
        self._session = session
        self._proof = proof
        self._clock = clock or SystemClock()
        self._looking = OpenAILook(upstream, session)
        self._standing = Standing()
        self._abilities = Abilities()
        self._model = upstream.model

    async def recognize(self, job: Job, send: Send) -> Transcript:
        """Have the server recognise one segment, without what it refuses, if need be.

        Raises:
            Unreached: no connection came about.
            ConnectionLost: it broke.
            QueueFull: it wants nothing now.
            Unavailable: nobody can use it until it is mended: a wrong key or model.
            InstanceFailed: it failed, or what it sent is no transcript.
            NoWordTimes: it times no words; another target may.
            UnknownLanguage: it does not know the forced language; another target may.
        """
        if job.options.wants_words and Option.WORDS in self._abilities.refused:
            raise NoWordsThere
        abilities = self._abilities
        while True:
            asked = options_of(job, abilities)
            response = await self._post(job, asked)
            try:
                if 200 <= response.status < 300:
                    return self._accept(job, abilities, await self._follow(response, job, send))
                verdict = await self._judge(response, job, asked)
            finally:
                # After the end was read this does nothing: the connection is back in the pool already.
                response.close()
            if verdict.error is not None:
                self._count(verdict)
                raise verdict.error
            assert verdict.leave_out is not None, "a verdict is an error or something to leave out"
            abilities = abilities.without(verdict.leave_out)

    async def look(self, timeout_s: float) -> InstanceState | Missed:
        """Ask the server how it is; never raises for its faults."""
        try:
            found = await patiently(self._looking.ask(), timeout_s)
        except TimeoutError:
            found = Missed(reason=f"It did not answer within {timeout_s:g} s.")
        if isinstance(found, Missed):
            self._looking.forget()
            self._abilities = Abilities()
            return found
        self._abilities = Abilities(refused=self._abilities.refused, is_terse=found.is_terse)
        if found.model is not None:
            self._model = found.model.name
        now = self._clock.now()
        if found.state == "ready" and (trouble := self._standing.trouble_at(now)):
            return Missed(reason=trouble)
        is_full = found.state == "ready" and self._standing.is_full(now)
        return InstanceState(
            name=self._upstream.name,
            state="full" if is_full else found.state,
            model=found.model,
            in_flight=0,
            detail=found.detail,
        )

    async def prove(self) -> None:
        """Have it recognise a packaged recording; any plausible text will do, see `Proof`."""
        try:
            transcript = await patiently(self.recognize(self._proof.job(time.time()), lambda _: None), _PROOF_S)
        except TimeoutError as error:
            raise InstanceFailed(f"The upstream did not recognise a short recording within {_PROOF_S:g} s.") from error
        self._proof.check(transcript)

    async def _post(self, job: Job, asked: frozenset[Option]) -> ClientResponse:
        import aiohttp

        form = aiohttp.FormData(default_to_multipart=True)
        for name, value in fields_of(job, self._model, asked):
            form.add_field(name, value)
        # A file object, because the library warns of bytes of such a size.
        form.add_field(
            "file", io.BytesIO(wav_of(job.segment.samples)), filename="segment.wav", content_type="audio/wav"
        )
        with _blaming():
            return await self._session.post(
                self._upstream.url + PATH,
                data=form,
                headers={**self._upstream.headers, **_headers(job)},
                allow_redirects=False,
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=_CONNECT_S),
            )

    async def _follow(self, response: ClientResponse, job: Job, send: Send) -> Transcript:
        if response.content_type != "text/event-stream":
            body = await _read(response, _ANSWER_BYTES_MAX)
            if len(body) > _ANSWER_BYTES_MAX:
                raise InstanceFailed("The upstream's answer is too long.")
            return self._with_words(read_json(body).get("words"), transcript_of(read_json(body), job), job)
        events = Events(job)
        while not events.is_over:
            with _blaming():
                chunk = await response.content.readany()
                texts = list(events.feed(chunk)) if chunk else [events.close()]
            for text in texts:
                if text and job.wants_deltas:
                    send(text)
            if not chunk:
                break
        await _finish(response)
        return events.transcript()

    def _with_words(self, words: object, transcript: Transcript, job: Job) -> Transcript:
        """Some servers take the wish for words and then say nothing of it."""
        if job.options.wants_words and transcript.text and not isinstance(words, list):
            self._abilities = self._abilities.without(Option.WORDS)
            raise NoWordsThere
        return transcript

    async def _judge(self, response: ClientResponse, job: Job, asked: frozenset[Option]) -> Verdict:
        body = await _read(response, _REFUSAL_BYTES_MAX)
        reply = Reply(status=response.status, retry_after=response.headers.get("Retry-After", ""), body=body)
        verdict = judge_reply(reply, job, asked, time.time())
        _log.info(
            "upstream.refused",
            target=self._upstream.name,
            request_id=job.segment.request_id,
            status=response.status,
            said=verdict.said,
            leaves_out=verdict.leave_out,
        )
        return verdict

    def _accept(self, job: Job, abilities: Abilities, transcript: Transcript) -> Transcript:
        # Only now is it sure that what was left out was to blame, and not the segment.
        learnt = abilities.refused - self._abilities.refused
        if learnt:
            self._abilities = Abilities(refused=self._abilities.refused | learnt, is_terse=self._abilities.is_terse)
            _log.warning("upstream.lacks", target=self._upstream.name, options=sorted(learnt))
        self._standing = Standing()
        return transcript

    def _count(self, verdict: Verdict) -> None:
        if verdict.leave_out is not None:
            self._abilities = self._abilities.without(verdict.leave_out)
        self._standing = self._standing.after(verdict, self._clock.now())
        if verdict.trouble:
            self._looking.forget()
            _log.error("upstream.trouble", target=self._upstream.name, reason=verdict.trouble, said=verdict.said)


def _headers(job: Job) -> dict[str, str]:
    """Another Harken logs the segment under our name for it, and lets work wait for which nobody waits."""
    is_batch = job.segment.requester.priority is Priority.BATCH
    return {"X-Request-Id": job.segment.id, **({"X-Harken-Priority": "batch"} if is_batch else {})}


async def _read(response: ClientResponse, bytes_max: int) -> bytes:
    """Read a body; one that is longer comes back longer than the bound, but not whole."""
    body = bytearray()
    with _blaming():
        while len(body) <= bytes_max and (chunk := await response.content.readany()):
            body += chunk
    return bytes(body)


async def _finish(response: ClientResponse) -> None:
    """Read what little may follow the last event, so that the connection can carry the next segment."""
    import aiohttp

    with suppress(TimeoutError, aiohttp.ClientError, ConnectionError):
        async with asyncio.timeout(_END_S):
            while await response.content.readany():
                pass


@contextmanager
def _blaming() -> Iterator[None]:
    """Say in our own words what went wrong between us and the server; the library's may name its address."""
    import aiohttp

    try:
        yield
    except aiohttp.ClientConnectorError as cause:
        raise Unreached("The upstream cannot be reached.") from cause
    except aiohttp.ConnectionTimeoutError as cause:
        raise Unreached(f"The upstream could not be reached within {_CONNECT_S:g} s.") from cause
    except (aiohttp.ClientConnectionError, aiohttp.ClientPayloadError, ConnectionError) as cause:
        raise ConnectionLost("The connection to the upstream was lost.") from cause
    except aiohttp.ClientError as cause:
        raise InstanceFailed("The upstream does not speak HTTP as expected.") from cause
    except WireError as cause:
        raise InstanceFailed("The upstream sent an event that is too long.") from cause
