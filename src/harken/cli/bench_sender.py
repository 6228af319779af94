"""One numbered request of a load test: which recording, to whom, and what became of it.

It knows neither when requests go out nor what the figures are. The invariants: the same number of two steps is the same
recording; no upload is the same as another unless a cache may answer; and the text is compared after the clock stopped.
"""

from __future__ import annotations

import asyncio
import dataclasses
import io
import secrets
from collections.abc import Mapping, Sequence

import aiohttp

from harken.bench.load.deck import Deck
from harken.bench.load.outcomes import Outcome
from harken.bench.load.takes import Take
from harken.bench.load.texts import errors_of
from harken.cli.bench_asked import ROUTES, AskedBench
from harken.cli.bench_client import BenchAnswer, Served, post
from harken.clock import Clock
from harken.ops.address import without_user

_LONG_S = 60.0
"""Longer recordings are made in a thread, so that others need not wait."""

_REASONS_MOST = 20

_LONG_TEXT = 20_000
"""Characters of a text that is compared in a thread."""


class Sender:
    """Sends requests.

    Args:
        asked: what is sent, and how.
        deck: the recordings.
        servers: their addresses, which take turns.
        clock: tells the time.

    Attributes:
        reasons: why the first request of each code failed.
    """

    def __init__(self, asked: AskedBench, deck: Deck, servers: Sequence[str], clock: Clock) -> None:
        self.reasons: dict[str, str] = {}
        self._asked = asked
        self._deck = deck
        self._servers = servers
        self._clock = clock
        self._served: Mapping[str, Served] = {}
        self._base = secrets.randbits(32)  # nothing that an earlier run sent
        self._sent = 0

    def meet(self, served: Mapping[str, Served]) -> None:
        """Hear what each server serves, before the first request."""
        self._served = served

    async def send(self, session: aiohttp.ClientSession, number: int, due: float) -> Outcome:
        """Send the request of a number and wait for its answer; its `due_s` is left to whoever knows the beginning.

        Args:
            session: carries the key.
            number: from 0.
            due: when it was meant to go out, by the clock.
        """
        turn, place = divmod(number, len(self._servers))
        server, take = self._servers[place], self._deck[turn]  # each server gets every recording
        path, _ = ROUTES[self._asked.route]
        form = await self._form(take, self._served.get(server, Served()))
        sent = self._clock.now()
        answer = await post(session, f"{server}{path}", form, self._asked.timeout_s, self._clock)
        self._note(server, answer)
        # In a closed loop nobody meant it to go out before it did: making it is not the server's time.
        late_s = max(0.0, sent - due) if self._asked.is_open else 0.0
        first = answer.first_text_at
        outcome = Outcome(
            server=without_user(server),
            kind=take.kind,
            took_s=self._clock.now() - sent + late_s,
            late_s=late_s,
            audio_s=take.audio_s,
            first_text_s=None if first is None else first - sent + late_s,
            status=answer.status,
            code=answer.code,
            instance=answer.instance,
            is_cached=answer.cache == "hit",
        )
        return await self._compared(outcome, take, answer, self._served.get(server, Served()))

    def _note(self, server: str, answer: BenchAnswer) -> None:
        if not answer.code or answer.code in self.reasons or len(self.reasons) >= _REASONS_MOST:
            return
        where = f"{without_user(server)}: " if len(self._servers) > 1 else ""
        reason = without_user(answer.reason)
        if key := self._asked.api_key:  # some servers say which key they do not know
            reason = reason.replace(key, "…")
        self.reasons[answer.code] = where + reason

    async def _form(self, take: Take, served: Served) -> aiohttp.FormData:
        asked = self._asked
        number, self._sent = self._base + self._sent, self._sent + 1
        if asked.allows_cache:
            name, data = take.file()
        elif take.audio_s > _LONG_S:
            name, data = "take.wav", await asyncio.to_thread(take.wav, number)
        else:
            name, data = "take.wav", take.wav(number)
        form = aiohttp.FormData()
        form.add_field(ROUTES[asked.route][1], io.BytesIO(data), filename=name)
        model = asked.model or (served.model if served.must_be_named and asked.route == "openai" else "")
        fields = {"model": model, "language": asked.language, "response_format": asked.answers}
        for field, value in (fields | {"stream": "true" if asked.streams else ""}).items():
            if value:
                form.add_field(field, value)
        return form

    async def _compared(self, outcome: Outcome, take: Take, answer: BenchAnswer, served: Served) -> Outcome:
        if answer.code or take.text is None:
            return outcome
        is_long = len(take.text) + len(answer.text) > _LONG_TEXT
        errors = (
            await asyncio.to_thread(errors_of, take.text, answer.text) if is_long else errors_of(take.text, answer.text)
        )
        is_right = None
        if take.is_packaged and served.knows_packaged and not self._asked.language:
            # Only an answer in JSON says the language.
            says_language = answer.language != "" or not (self._asked.streams or self._asked.answers == "text")
            is_right = answer.text == take.text and (not says_language or answer.language == take.language)
        return dataclasses.replace(outcome, errors=errors, is_right=is_right)
