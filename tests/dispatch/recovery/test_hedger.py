"""Second tries with a real pool and queue: when they get a slot, and who pays."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from structlog.testing import capture_logs

from harken.config import LimitsConfig
from harken.dispatch.attempt import Pending
from harken.dispatch.order.pace import Pace
from harken.dispatch.outlet import Outlet
from harken.dispatch.recovery.hedge import HedgeRule
from harken.dispatch.recovery.hedger import Hedger
from harken.dispatch.recovery.rival import Rival
from harken.dispatch.stats import Stats
from harken.dispatch.targets.pool import Pool
from harken.dispatch.targets.state import Event
from harken.dispatch.targets.target import Claim
from harken.dispatch.targets.vitals import Patience
from harken.dispatch.waiting import WaitingRoom
from harken.testing.clock import FakeClock
from harken.types import ModelInfo, Transcript
from tests.dispatch.house import run
from tests.dispatch.instances import make_segment

CLIP = make_segment(seconds=6.0)


async def hang(_claim: Claim) -> Transcript:
    """Never end."""
    await asyncio.Event().wait()
    raise AssertionError


@dataclass
class Room:
    """Two ready targets, of which the first has the segment."""

    pool: Pool
    waiting: WaitingRoom
    hedger: Hedger
    stats: Stats
    first: Claim
    clock: FakeClock
    pending: Pending = field(default_factory=lambda: Pending(audio_s=6.0))
    outlet: Outlet = field(default_factory=lambda: Outlet(None))

    def rival(self) -> Rival | None:
        """The second try of the segment that the first target has."""
        return self.hedger.rival(self.pending, CLIP, self.first, self.outlet, hang)

    async def begins(self, elapsed_s: float) -> bool:
        """Whether a second try begins when the first takes so long; it is ended at once."""
        rival = self.rival()
        assert rival is not None
        self.clock.advance(elapsed_s)
        before, running = self.stats.hedges, self.pool.in_flight
        async with rival:
            rival._consider()
            assert self.pool.in_flight == running + self.stats.hedges - before
        return self.stats.hedges > before


def make_room(*, share: float = 1.0, targets: int = 2, successes: int = 40) -> Room:
    """Build it; segments have taken a second so far."""
    clock, stats = FakeClock(), Stats()
    pool = Pool(Patience(), clock=clock, on_change=lambda: None)
    for n in range(targets):
        target = pool.add(f"asr-{n}", "http://nobody")
        target.model = ModelInfo(name="m", revision="1", max_segment_s=30.0, languages=(), slots=1)
        pool._happen(target, Event.SAID_READY)
    waiting = WaitingRoom(limits=LimitsConfig(), pool=pool, pace=Pace(), clock=clock)
    hedger = Hedger(share=share, rule=HedgeRule(), pool=pool, clock=clock, stats=stats)
    for _ in range(successes):
        hedger.recognized(6.0, 1.0)
    first = pool.claim()
    assert first is not None
    return Room(pool=pool, waiting=waiting, hedger=hedger, stats=stats, first=first, clock=clock)


def check(room: Room, *, begins: bool, elapsed_s: float = 1.0) -> None:
    """Assert whether a second try begins."""

    async def story() -> None:
        assert await room.begins(elapsed_s) is begins

    run(story())


def test_a_second_try_is_a_line_of_the_log() -> None:
    """With both targets: a summary counts them."""
    room = make_room()
    with capture_logs() as log:
        check(room, begins=True)
    (line,) = [line for line in log if line["event"] == "segment.hedged"]
    assert (line["request_id"], line["first"]) == (CLIP.request_id, room.first.target.name)
    assert line["target"] != line["first"]


def test_a_late_clip_gets_an_idle_slot_elsewhere() -> None:
    """The plain case."""
    check(make_room(), begins=True)


def test_never_on_the_same_target() -> None:
    """Though it is the only one, and has more room."""
    room = make_room(targets=1)
    assert room.first.target.model is not None
    room.first.target.model = ModelInfo(name="m", revision="1", max_segment_s=30.0, languages=(), slots=8)
    check(room, begins=False)


def test_never_where_it_failed_before() -> None:
    """There it would fail again."""
    room = make_room()
    room.pending.avoid |= {target for target in room.pool if target is not room.first.target}
    check(room, begins=False)


def test_half_of_the_budget_is_kept_for_those_that_take_twice_as_long() -> None:
    """Eighty successes pay for four: two for who is a little late, the others for who is probably stuck."""
    room = make_room(share=0.05, successes=80)
    for begins in (True, True, False):
        check(room, begins=begins)
    for begins in (True, True, False):
        check(room, begins=begins, elapsed_s=2.0)


def test_without_a_share_nothing_is_prepared() -> None:
    """That is how second tries are switched off."""
    assert make_room(share=0.0).rival() is None


def test_before_enough_was_seen_nothing_is_prepared() -> None:
    """Nobody knows what is late."""
    assert make_room(successes=29).rival() is None


def test_a_target_that_missed_a_look_gives_its_clips_up_for_free() -> None:
    """They are probably lost; the budget is for those that are not."""
    room = make_room(share=0.001)
    check(room, begins=False)
    room.pool._happen(room.first.target, Event.MISSED)
    check(room, begins=True)


def test_no_slot_is_taken_from_those_who_wait() -> None:
    """Whoever waits is handed a free slot at once, so there is none left for a second try until nobody waits."""

    async def story() -> None:
        room = make_room()
        others = [asyncio.create_task(room.waiting.claim(Pending(audio_s=1.0))) for _ in range(2)]
        await asyncio.sleep(0)
        assert len(room.waiting) == 1
        assert not await room.begins(1.0)
        for each in others:
            each.cancel()
        await asyncio.wait(others)

    run(story())
