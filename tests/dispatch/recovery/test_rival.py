"""Two tries of one segment: who wins, and that nothing is left of the other."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from harken.dispatch.outlet import Outlet
from harken.dispatch.recovery.rival import Rival
from harken.dispatch.targets.target import Claim
from harken.errors import EngineFailed
from harken.types import Transcript
from tests.dispatch.house import run
from tests.dispatch.ready import ready_target

ANSWER = Transcript(text="second", language="English", audio_s=1.0)


class Race:
    """A first try that is under way, and a rival that may begin at once."""

    def __init__(self, attempt: Callable[[Claim], Awaitable[Transcript]], *, after_s: float = 0.0) -> None:
        self.here, self.elsewhere = ready_target("here"), ready_target("elsewhere")
        self.first = self.here.claim(lambda: None)
        self.begun = asyncio.Event()
        self.attempt = attempt
        self.asked = 0
        self.has_slot = True
        self.rival = Rival(first=self.first, after_s=after_s, enter=self.enter, attempt=self.run)

    def enter(self) -> Claim | None:
        """A slot elsewhere, if there is one."""
        self.asked += 1
        return self.elsewhere.claim(lambda: None) if self.has_slot else None

    async def run(self, claim: Claim) -> Transcript:
        """The second try."""
        self.begun.set()
        return await self.attempt(claim)

    def check(self) -> None:
        """Its slot is back."""
        assert self.elsewhere.in_flight == 0


async def answer(_claim: Claim) -> Transcript:
    """Succeed."""
    return ANSWER


async def fail(_claim: Claim) -> Transcript:
    """Fail."""
    raise EngineFailed


async def hang(_claim: Claim) -> Transcript:
    """Never end."""
    await asyncio.Event().wait()
    raise AssertionError


def test_a_first_try_that_is_in_time_has_no_rival() -> None:
    """Nobody is asked for a slot."""

    async def story() -> None:
        race = Race(answer, after_s=60.0)
        async with race.rival:
            await asyncio.sleep(0)
        assert race.asked == 0

    run(story())


def test_the_second_wins_by_succeeding_and_the_first_is_cut() -> None:
    """Its result is there for whoever asks."""

    async def story() -> None:
        race, cut = Race(answer), asyncio.Event()
        async with race.rival as rival:
            race.first.on_cut(cut.set)
            await cut.wait()
            assert rival.has_won
            assert await rival.result() is ANSWER
        race.check()

    run(story())


def test_the_first_wins_and_the_second_is_ended_down_to_its_slot() -> None:
    """Its task is cancelled, which closes its connection."""

    async def story() -> None:
        race = Race(hang)
        async with race.rival as rival:
            await race.begun.wait()
            assert race.elsewhere.in_flight == 1
        race.check()
        assert (rival.has_won, rival.error, race.first.cut_reason) == (False, None, "")

    run(story())


def test_a_second_that_fails_leaves_the_first_alone() -> None:
    """Its error is kept, and its slot is back at once."""

    async def story() -> None:
        race = Race(fail)
        async with race.rival as rival:
            await race.begun.wait()
            assert await rival.result() is None
            race.check()
            assert isinstance(rival.error, EngineFailed)
            assert race.first.cut_reason == ""

    run(story())


def test_where_no_slot_is_free_it_asks_again() -> None:
    """The first may still be running when one is."""

    async def story() -> None:
        race = Race(answer)
        race.has_slot = False
        async with race.rival:
            while race.asked < 2:
                await asyncio.sleep(0.01)
            race.has_slot = True
            await race.begun.wait()
        race.check()

    run(story())


def test_who_asks_for_the_result_of_one_that_has_not_begun_need_not_wait() -> None:
    """The first failed early: an ordinary further try is better than waiting until it would have been late."""

    async def story() -> None:
        race = Race(answer, after_s=60.0)
        async with race.rival as rival:
            assert await rival.result() is None
        assert race.asked == 0

    run(story())


def test_a_slot_is_given_back_though_its_task_never_took_a_step() -> None:
    """It was cancelled in the moment in which it was made."""

    async def story() -> None:
        race = Race(answer)
        async with race.rival as rival:
            rival._consider()
            assert race.elsewhere.in_flight == 1
        race.check()
        assert not race.begun.is_set()

    run(story())


def test_a_client_that_leaves_ends_both() -> None:
    """While the first is awaited, and while the second is."""

    async def story(*, is_first_over: bool) -> None:
        race = Race(hang)

        async def request() -> None:
            async with race.rival as rival:
                if is_first_over:
                    await race.begun.wait()
                    await rival.result()
                await asyncio.Event().wait()

        asking = asyncio.create_task(request())
        await race.begun.wait()
        asking.cancel()
        await asyncio.wait([asking])
        assert asking.cancelled()
        race.check()

    for is_first_over in (False, True):
        run(story(is_first_over=is_first_over))


def test_a_defect_in_the_second_comes_out() -> None:
    """It is not taken for a failure of the instance."""

    async def broken(_claim: Claim) -> Transcript:
        raise ZeroDivisionError

    async def story() -> None:
        race = Race(broken)
        try:
            async with race.rival:
                await race.begun.wait()
                await asyncio.sleep(0)
        finally:
            race.check()

    with pytest.raises(ZeroDivisionError):
        run(story())


@pytest.mark.parametrize("speaker", ["first", "second"])
def test_the_first_text_decides(speaker: str) -> None:
    """From then on the client hears one of them, and the other ends."""

    async def story() -> None:
        said: list[str] = []
        outlet, race = Outlet(said.append), Race(hang)
        outlet.on_first = race.rival.on_first_text
        async with race.rival as rival:
            await race.begun.wait()
            second = next(iter(race.elsewhere._claims))
            outlet.say(race.first if speaker == "first" else second, speaker)
            outlet.say(second if speaker == "first" else race.first, "the other")
            assert said == [speaker]
            assert rival.has_won == bool(race.first.cut_reason) == (speaker == "second")
            if speaker == "first":
                assert await rival.result() is None
        race.check()

    run(story())
