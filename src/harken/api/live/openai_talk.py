"""OpenAI's realtime API over one session: the client's events in, the server's out.

Knows what each event does; how they are written is elsewhere. The invariants: a wrong event is answered with an error
that names it and changes nothing, and the connection stays.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import assert_never

from harken.api.live.ear import Ear
from harken.api.live.openai_client import Append, Clear, Commit, Sent, Update, event_id_of, members_of, read_sent
from harken.api.live.openai_events import Form, Telling
from harken.api.live.openai_session import Wanted, shown, updated, where_of
from harken.api.live.outbox import Members
from harken.api.live.service import Session
from harken.audio.pcm import PcmStream
from harken.errors import ClientError, HarkenError
from harken.live.events import LiveEvent
from harken.types import ModelInfo


@dataclass(frozen=True, kw_only=True, slots=True)
class Kept:
    """What a session keeps for a client that comes back.

    Attributes:
        wanted: what is in force.
        form: of the API that was spoken last.
    """

    wanted: Wanted
    form: Form


Remember = Callable[[str, Kept], None]
"""Takes a session's ID and what is kept of it."""

_CREATED = {Form.TODAY: "session.created", Form.BETA: "transcription_session.created"}
_UPDATED = {Form.TODAY: "session.updated", Form.BETA: "transcription_session.updated"}


class OpenAITalk:
    """One client's.

    Args:
        session: its.
        ear: takes its bytes.
        telling: writes events.
        wanted: what is in force.
        served: the model.
        remember: keeps what is in force, for a resume.
    """

    def __init__(
        self, session: Session, ear: Ear, telling: Telling, *, wanted: Wanted, served: ModelInfo, remember: Remember
    ) -> None:
        self._session = session
        self._ear = ear
        self._telling = telling
        self._wanted = wanted
        self._served = served
        self._remember = remember

    def greet(self) -> Sequence[Members]:
        """Say which session it is; also how much of its audio has arrived, for one that was resumed."""
        self._remember(self._session.id, self._kept())
        received_s = round(self._session.received_s, 7)
        return [self._telling.aside(_CREATED[self._telling.form], session=self._shown(), received_s=received_s)]

    async def hear(self, message: str | bytes) -> Sequence[Members]:
        """Do what an event asks for."""
        event_id = None
        try:
            members = members_of(message)
            event_id = event_id_of(members)
            return await self._do(read_sent(members))
        except HarkenError as error:
            return [self._telling.error(error, event_id)]

    def tell(self, n: int, event: LiveEvent) -> Sequence[Members]:
        """Say what has happened."""
        return self._telling.tell(n, event)

    def stamped(self, answer: Members) -> Members:
        """Give an answer its ID, with the number that is the newest when it is sent."""
        return self._telling.stamped(answer)

    def complain(self, error: HarkenError) -> Members:
        """Say why the session ends."""
        return self._telling.error(error)

    async def _do(self, sent: Sent) -> Sequence[Members]:
        match sent:
            case Append():
                await self._ear.hear(sent.audio)
            case Commit():
                await self._ear.flush()
                await self._session.commit()
            case Clear():
                await self._ear.flush()
                await self._session.clear()
                return [self._telling.aside("input_audio_buffer.cleared")]
            case Update():
                return await self._update(sent)
            case _:
                assert_never(sent)
        return []

    async def _update(self, sent: Update) -> Sequence[Members]:
        wanted = updated(sent.form, sent.session, self._wanted)
        settings = wanted.settings(self._served, where_of(sent.form))
        pcm = _pcm(wanted, sent.form)
        try:
            await self._session.change(settings)
        except ClientError as error:
            error.field = error.field and f"{where_of(sent.form)}{error.field}"
            raise
        if (wanted.encoding, wanted.rate) != (self._wanted.encoding, self._wanted.rate):
            await self._ear.switch(pcm)
        self._wanted, self._telling.form = wanted, sent.form
        self._remember(self._session.id, self._kept())
        return [self._telling.aside(_UPDATED[sent.form], session=self._shown())]

    def _kept(self) -> Kept:
        return Kept(wanted=self._wanted, form=self._telling.form)

    def _shown(self) -> Members:
        return shown(self._telling.form, self._session.id, self._wanted, self._served)


def _pcm(wanted: Wanted, form: Form) -> PcmStream:
    try:
        return PcmStream(wanted.encoding, wanted.rate)
    except HarkenError as error:
        is_today = form is Form.TODAY
        error.field = "session.audio.input.format.rate" if is_today else "session.input_audio_format"
        raise
