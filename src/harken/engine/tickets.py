"""Who waits for which sequence, and how a report of the model's thread becomes what he waits for.

Used on the event loop only. The invariant: a ticket is settled once, with a transcript or an error; a report for a
ticket that was withdrawn is passed over.
"""

from __future__ import annotations

import asyncio
import itertools
from dataclasses import dataclass

from harken.engine.deltas import Writer, without_half_character
from harken.engine.messages import Ended, Failed, Wrote
from harken.engine.model import Model
from harken.engine.stages import tell_stage
from harken.engine.sureness import sureness
from harken.errors import EngineFailed, HarkenError
from harken.events import Stage, Tell, nobody
from harken.log import get_log
from harken.types import Options, Segment, Send, Transcript

_log = get_log("engine.tickets")


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Ticket:
    """One segment that the model's thread has.

    Attributes:
        key: its number in this engine.
        segment: what is recognised.
        options: how.
        writer: sends its text as it comes; None where nobody reads before the end.
        accepted: when its caller came, on the engine's clock.
        prefix: tokens of its answer that were given.
        ended: what its caller waits for.
    """

    key: int
    segment: Segment
    options: Options
    writer: Writer | None
    accepted: float
    prefix: tuple[int, ...]
    ended: asyncio.Future[Transcript]


class Tickets:
    """All segments that the model's thread has.

    Args:
        model: for what it says of its tokens and raw texts.
        name: of the instance, for the transcripts.

    Attributes:
        tell: takes the stages of each segment that is recognised.
    """

    def __init__(self, model: Model, name: str) -> None:
        self.tell: Tell = nobody
        self._model = model
        self._name = name
        self._keys = itertools.count()
        self._open: dict[int, Ticket] = {}
        self.failures = 0
        """Segments that the model failed on so far."""

    def __len__(self) -> int:
        return len(self._open)

    def issue(
        self,
        segment: Segment,
        options: Options,
        send: Send | None,
        accepted: float,
        prefix: tuple[int, ...] = (),
    ) -> Ticket:
        """Open a ticket for a segment that is about to be submitted.

        Args:
            segment: what is recognised.
            options: how.
            send: takes its text as it comes.
            accepted: when its caller came.
            prefix: tokens of its answer that were given.
        """
        ticket = Ticket(
            key=next(self._keys),
            segment=segment,
            options=options,
            writer=Writer(self._model, options, send, prefix) if send is not None else None,
            accepted=accepted,
            prefix=prefix,
            ended=asyncio.get_running_loop().create_future(),
        )
        self._open[ticket.key] = ticket
        return ticket

    def of(self, segment: Segment) -> Ticket | None:
        """The ticket of this very segment object, while it has one."""
        return next((ticket for ticket in self._open.values() if ticket.segment is segment), None)

    def withdraw(self, ticket: Ticket) -> bool:
        """Nobody waits any more; True if the model's thread may still be working on it."""
        return self._open.pop(ticket.key, None) is not None

    def settle(self, report: Wrote | Ended | Failed) -> None:
        """Bring one report to the one who waits for it, unless he has left."""
        ticket = self._open.get(report.key)
        if ticket is None or ticket.ended.done():
            return
        try:
            match report:
                case Wrote(token=token):
                    if ticket.writer is not None:
                        ticket.writer.write(token)
                    return
                case Ended():
                    ticket.ended.set_result(self._transcript(ticket, report))
                    self._tell_stages(ticket, report)
                case Failed(error=error):
                    self.failures += isinstance(error, EngineFailed)
                    ticket.ended.set_exception(error)
            del self._open[report.key]
        except Exception as error:  # noqa: BLE001 - `send`, or a tokenizer: it is this caller's matter, not the engine's
            ticket.ended.set_exception(error)

    def fail_all(self, error: HarkenError) -> None:
        """Everybody who waits gets an error of this kind (each his own: tracebacks are written into it)."""
        for ticket in self._open.values():
            if not ticket.ended.done():
                ticket.ended.set_exception(type(error)(error.message))

    def _tell_stages(self, ticket: Ticket, report: Ended) -> None:
        segment, times, name = ticket.segment, report.times, self._name
        tell_stage(self.tell, segment, Stage.WAIT, ticket.accepted, times.began, target=name)
        tell_stage(self.tell, segment, Stage.PREFILL, times.began, times.read, target=name)
        tell_stage(self.tell, segment, Stage.GENERATE, times.read, times.ended, target=name, tokens=len(report.tokens))

    def _transcript(self, ticket: Ticket, report: Ended) -> Transcript:
        raw = without_half_character(self._model.detokenize((*ticket.prefix, *report.tokens)))
        text, language = self._model.parse(raw, ticket.options)
        if ticket.writer is not None and not ticket.writer.close(text, report.finish):
            _log.error("engine.deltas_differ", segment=ticket.segment.id)
        sure = sureness(self._model, report, text=text, is_forced=ticket.options.language is not None)
        return Transcript(
            text=text,
            language=language,
            audio_s=ticket.segment.audio_s,
            tokens=len(report.tokens),
            finish=report.finish,
            instance=self._name,
            logprobs=sure.logprobs,
            avg_logprob=sure.avg_logprob,
            no_speech_prob=sure.no_speech_prob,
        )
