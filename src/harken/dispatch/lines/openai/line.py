"""The line to an upstream: any server with OpenAI's `/v1/audio/transcriptions`.

It owns what was learnt of one server: which options it refuses, whether it has proved itself, is full or in trouble.
What is sent and what an answer means is in the pure modules beside it, the exchange itself in `openai_exchange`. There
are no beats on this line, so only the attempt's own time, and looks that find nobody, end a silence. Invariant: what a
server refuses together with its options is learnt only from an answer without them.
"""

from __future__ import annotations

import math
import time
from dataclasses import replace
from typing import TYPE_CHECKING

from harken.clock import Clock, SystemClock
from harken.dispatch.lines.failures import ConnectionLost, Refused
from harken.dispatch.lines.line import Missed
from harken.dispatch.lines.openai.answer import read_json, transcript_of
from harken.dispatch.lines.openai.exchange import follow, is_stream, post, read_answer, read_reply
from harken.dispatch.lines.openai.look import Found, OpenAILook
from harken.dispatch.lines.openai.refusal import NoWordsThere, Verdict, judge_reply
from harken.dispatch.lines.openai.request import OF_ONE_REQUEST, Abilities, Option, fields_of, options_of
from harken.dispatch.lines.openai.standing import Standing
from harken.dispatch.lines.patience import patiently
from harken.dispatch.lines.proof import Proof
from harken.dispatch.lines.upstream import Upstream
from harken.errors import CanaryFailed, HarkenError, InstanceFailed, Unavailable
from harken.log import get_log
from harken.types import Send, Transcript
from harken.wire import ALONE, InstanceState, Job

if TYPE_CHECKING:
    from aiohttp import ClientResponse, ClientSession

_PROOF_S = 60.0

_log = get_log("dispatch.openai_line")


class OpenAILine:
    """Talks to one upstream.

    Args:
        upstream: where it is, and what is known of it.
        session: from `session.open_session`.
        proof: what it has to recognise to prove itself.
        clock: seconds, for how long it stays full or in trouble.
        logs_text: a refusal is logged in the server's own words, which may repeat a prompt, or speech.
    """

    def __init__(
        self,
        upstream: Upstream,
        session: ClientSession,
        proof: Proof,
        *,
        clock: Clock | None = None,
        logs_text: bool = False,
    ) -> None:
        self._upstream = upstream
        self._session = session
        self._proof = proof
        self._logs_text = logs_text
        self._clock = clock or SystemClock()
        self._looking = OpenAILook(upstream, session)
        self._standing = Standing()
        self._abilities = Abilities()
        self._model = upstream.model
        self._is_proven = False
        self.crowd = ALONE  # nobody told by OpenAI's API who else there is

    async def recognize(self, job: Job, send: Send) -> Transcript:
        """Have the server recognise one segment, without what it refuses, if need be.

        Raises:
            Unreached: no connection came about.
            ConnectionLost: it broke.
            QueueFull: it wants nothing now.
            Unavailable: nobody can use it until it is mended: a wrong key or model.
            Refused: it does not take this segment.
            InstanceFailed: it failed, or what it sent is no transcript.
            NoWordTimes: it times no words; another target may.
            UnknownLanguage: it does not know the forced language; another target may.
        """
        if job.options.wants_words and Option.WORDS in self._abilities.refused:
            raise NoWordsThere
        abilities, left_out = self._abilities, None
        while True:
            asked = options_of(job, abilities)
            response = await post(self._session, self._upstream, job, fields_of(job, self._model, asked))
            try:
                if 200 <= response.status < 300:
                    return self._accept(left_out, await self._follow(response, job, send))
                verdict = await self._judge(response, job, asked)
            finally:
                # After the end was read this does nothing: the connection is back in the pool already.
                response.close()
            if verdict.error is not None:
                self._count(verdict)
                raise verdict.error
            assert verdict.leave_out is not None, "a verdict is an error or something to leave out"
            left_out = verdict.leave_out
            abilities = abilities.without(left_out)

    async def look(self, timeout_s: float) -> InstanceState | Missed:
        """Ask the server how it is; never raises for its faults.

        The first answered look after it was away lasts longer: before it is called ready it has to prove itself, for
        many a server answers looks while its model is still loading, or the key is wrong.
        """
        try:
            found = await patiently(self._looking.ask(), timeout_s)
        except TimeoutError:
            return Missed(reason=f"It did not answer within {timeout_s:g} s.")
        if isinstance(found, Missed):
            self._forget()
            return found
        self._abilities = Abilities(refused=self._abilities.refused, is_terse=found.is_terse)
        if found.model is None or found.state != "ready":
            return self._state(found, found.state)
        self._model = found.model.name
        if trouble := self._standing.trouble_at(self._clock.now()):
            return Missed(reason=trouble)
        if full_s := self._standing.full_s(self._clock.now()):
            detail = f"It takes nothing for another {math.ceil(full_s)} s."
            return replace(self._state(found, "full"), full_s=full_s, detail=detail)
        return await self._proven(found)

    async def _proven(self, found: Found) -> InstanceState | Missed:
        if not self._is_proven and not found.proves_itself:
            try:
                await self.prove()
            except HarkenError as error:
                # Asked again soon if it was away, else when trouble is looked into: a canary twice a second is no help.
                if not isinstance(error, ConnectionLost | Unavailable):
                    self._standing = self._standing.after(Verdict(trouble=error.message), self._clock.now())
                return Missed(reason=error.message)
        self._is_proven = True
        return self._state(found, "ready")

    def _state(self, found: Found, state: str) -> InstanceState:
        return InstanceState(name=self._upstream.name, state=state, model=found.model, in_flight=0, detail=found.detail)

    def _forget(self) -> None:
        """It is away: what comes back may be another version, or another server."""
        self._looking.forget()
        self._abilities = Abilities()
        self._is_proven = False

    async def prove(self) -> None:
        """Have it recognise a packaged recording; any plausible text will do, see `Proof`."""
        try:
            transcript = await patiently(self.recognize(self._proof.job(time.time()), lambda _: None), _PROOF_S)
        except TimeoutError as error:
            raise InstanceFailed(f"The upstream did not recognise a short recording within {_PROOF_S:g} s.") from error
        except Refused as error:
            # Nothing is wrong with the recording, so it is the server that is to blame.
            raise CanaryFailed(error.message) from error
        self._proof.check(transcript)

    async def _follow(self, response: ClientResponse, job: Job, send: Send) -> Transcript:
        if is_stream(response):
            return await follow(response, job, send)
        body = read_json(await read_answer(response))
        return self._with_words(body.get("words"), transcript_of(body, job), job)

    def _with_words(self, words: object, transcript: Transcript, job: Job) -> Transcript:
        """Some servers take the wish for words and then say nothing of it."""
        if job.options.wants_words and transcript.text and not isinstance(words, list):
            self._abilities = self._abilities.without(Option.WORDS)
            raise NoWordsThere
        return transcript

    async def _judge(self, response: ClientResponse, job: Job, asked: frozenset[Option]) -> Verdict:
        verdict = judge_reply(await read_reply(response), job, asked, time.time())
        _log.info(
            "upstream.refused",
            target=self._upstream.name,
            request_id=job.segment.request_id,
            status=response.status,
            leaves_out=verdict.leave_out,
            **({"said": self._hushed(verdict.said)} if self._logs_text else {}),
        )
        return verdict

    def _accept(self, left_out: Option | None, transcript: Transcript) -> Transcript:
        # Only now is it sure that what was left out last was to blame, and neither the segment nor what went before.
        if left_out is not None and left_out not in self._abilities.refused | OF_ONE_REQUEST:
            self._abilities = self._abilities.without(left_out)
            _log.warning("upstream.lacks", target=self._upstream.name, option=left_out)
        self._standing = self._standing.after_success()
        return transcript

    def _count(self, verdict: Verdict) -> None:
        if verdict.leave_out is not None:
            self._abilities = self._abilities.without(verdict.leave_out)
        self._standing = self._standing.after(verdict, self._clock.now())
        if verdict.trouble:
            self._looking.forget()
            _log.error("upstream.trouble", target=self._upstream.name, reason=verdict.trouble)

    def _hushed(self, said: str) -> str:
        """Some servers repeat the key that they refuse; a log is no place for it."""
        return said.replace(self._upstream.key, "***") if self._upstream.key else said
