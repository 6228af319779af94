"""Rules of harken.engine.tickets."""

from __future__ import annotations

import asyncio

import pytest

from harken.engine.messages import Ended, Failed, Times, Wrote
from harken.engine.tickets import Tickets
from harken.errors import Draining, EngineFailed, UnsupportedOption
from harken.testing import FakeModel, segment
from harken.testing.model import encode
from harken.types import Finish, Options

_ANY = Options()
_TOKENS = encode("language English<asr_text>one two")


_TIMES = Times(began=1.0, read=2.0, ended=3.0)


def _ended(key: int, *, finish: Finish = Finish.STOP) -> Ended:
    return Ended(key=key, tokens=_TOKENS, finish=finish, times=_TIMES)


def test_a_ticket_is_settled_once_and_then_gone() -> None:
    """With the transcript; what comes later is passed over."""

    async def main() -> None:
        tickets = Tickets(FakeModel(), "asr-1")
        ticket = tickets.issue(segment(1), _ANY, None, 0.0)
        tickets.settle(_ended(ticket.key, finish=Finish.LENGTH))
        tickets.settle(Failed(key=ticket.key, error=EngineFailed()))
        transcript = await ticket.ended
        assert (transcript.text, transcript.finish, transcript.instance) == ("one two", Finish.LENGTH, "asr-1")
        assert transcript.tokens == len(_TOKENS)
        assert len(tickets) == 0
        assert not tickets.withdraw(ticket)

    asyncio.run(main())


def test_a_withdrawn_ticket_is_not_settled() -> None:
    """Withdrawing tells whether the model's thread must hear of it."""

    async def main() -> None:
        tickets = Tickets(FakeModel(), "")
        ticket = tickets.issue(segment(1), _ANY, None, 0.0)
        assert tickets.withdraw(ticket)
        tickets.settle(_ended(ticket.key))
        assert not ticket.ended.done()

    asyncio.run(main())


def test_pieces_reach_their_own_caller() -> None:
    """Two stream at the same time, token by token."""

    async def main() -> None:
        tickets = Tickets(FakeModel(), "")
        heard: list[list[str]] = [[], []]
        opened = [tickets.issue(segment(1), _ANY, pieces.append, 0.0) for pieces in heard]
        for token in _TOKENS[:-1]:
            for ticket in opened:
                tickets.settle(Wrote(key=ticket.key, token=token))
        tickets.settle(_ended(opened[0].key))
        assert heard == [["o", "n", "e", " t", "w", "o"], ["o", "n", "e", " t", "w"]]

    asyncio.run(main())


def test_only_failures_of_the_model_are_counted() -> None:
    """A client's mistake is none."""

    async def main() -> None:
        tickets = Tickets(FakeModel(), "")
        first, second = (tickets.issue(segment(1), _ANY, None, 0.0) for _ in range(2))
        tickets.settle(Failed(key=first.key, error=UnsupportedOption("too long")))
        tickets.settle(Failed(key=second.key, error=EngineFailed("broken")))
        assert tickets.failures == 1
        with pytest.raises(UnsupportedOption):
            await first.ended
        with pytest.raises(EngineFailed):
            await second.ended

    asyncio.run(main())


def test_when_all_fail_each_gets_an_error_of_his_own() -> None:
    """One exception raised in several tasks would collect their tracebacks."""

    async def main() -> None:
        tickets = Tickets(FakeModel(), "")
        opened = [tickets.issue(segment(1), _ANY, None, 0.0) for _ in range(2)]
        tickets.fail_all(Draining("closing"))
        errors = [ticket.ended.exception() for ticket in opened]
        assert [str(error) for error in errors] == ["closing", "closing"]
        assert errors[0] is not errors[1]

    asyncio.run(main())
