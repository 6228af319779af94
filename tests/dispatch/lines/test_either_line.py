"""Finding out how an upstream is talked to."""

from __future__ import annotations

import pytest

from harken.dispatch.lines.either_line import EitherLine
from harken.dispatch.lines.failures import Unreached
from harken.dispatch.lines.line import DeadLine, Missed
from harken.dispatch.lines.openai.line import OpenAILine
from harken.dispatch.lines.proof import Proof
from harken.dispatch.lines.session import open_session
from harken.dispatch.lines.upstream import Upstream
from harken.dispatch.lines.wire_line import WireLine
from harken.types import Options
from harken.wire import InstanceState, Job
from tests.dispatch.house import run
from tests.dispatch.instances import Instance, make_segment, running
from tests.dispatch.instances import expected_text as expected_by_wire
from tests.dispatch.openai_server import OpenAIServer, serving
from tests.dispatch.openai_server import expected_text as expected_by_openai

JOB = Job(segment=make_segment(), options=Options(), wants_deltas=False)


async def text_of(url: str) -> str:
    """What a server at an address recognises, once it has been looked at."""
    async with open_session() as session:
        openai = OpenAILine(Upstream(name="up", url=url), session, Proof(samples=make_segment().samples))
        line = EitherLine(WireLine(url, session), openai)
        assert isinstance(await line.look(2.0), InstanceState)
        return (await line.recognize(JOB, lambda _: None)).text


def test_an_instance_of_ours_gets_the_wire_and_anybody_else_openais_words() -> None:
    """With exact samples there, and sixteen bits here."""

    async def story() -> None:
        one, other = Instance("one"), OpenAIServer()
        async with running(one), serving(other):
            assert await text_of(one.url) == expected_by_wire(JOB.segment)
            assert await text_of(other.url) == expected_by_openai(JOB.segment)
            assert "/health" not in other.looks[2:]

    run(story())


def test_after_it_was_away_both_ways_are_tried_again() -> None:
    """Another program may have its address."""

    async def story() -> None:
        one = Instance("one")
        await one.listen()
        other = OpenAIServer()
        other.port = one.port
        async with open_session() as session:
            openai = OpenAILine(Upstream(name="up", url=one.url), session, Proof(samples=make_segment().samples))
            line = EitherLine(WireLine(one.url, session), openai)
            assert isinstance(await line.look(2.0), InstanceState)
            await one.vanish()
            assert isinstance(await line.look(2.0), Missed)
            async with serving(other):
                assert isinstance(await line.look(2.0), InstanceState)
                assert (await line.recognize(JOB, lambda _: None)).text == expected_by_openai(JOB.segment)

    run(story())


def test_before_the_first_answer_nobody_is_there() -> None:
    """And the reason is the second line's, which speaks to everybody."""

    async def story() -> None:
        line = EitherLine(DeadLine(), DeadLine())
        assert isinstance(await line.look(1.0), Missed)
        with pytest.raises(Unreached, match="has not answered"):
            await line.recognize(JOB, lambda _: None)
        with pytest.raises(Unreached, match="has not answered"):
            await line.prove()

    run(story())
