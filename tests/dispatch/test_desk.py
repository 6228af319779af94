"""The desk: a slot, a place or a refusal, with a real pool and the time as an argument."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import pytest

from harken.config import LimitsConfig
from harken.dispatch.desk import Desk, Guest
from harken.dispatch.order.pace import Pace
from harken.dispatch.targets.health import Answered
from harken.dispatch.targets.pool import Pool
from harken.dispatch.targets.target import Claim, Target
from harken.dispatch.targets.vitals import Patience
from harken.errors import DeadlineExceeded, Draining, HarkenError, NoReadyInstance, QueueFull, TimedOut
from harken.testing.clock import FakeClock
from harken.types import ANYBODY, ModelInfo, Priority, Requester


@dataclass(kw_only=True, slots=True, eq=False)
class Visitor(Guest):
    """Remembers what it was told."""

    has_left: bool = False
    claims: list[Claim] = field(default_factory=list)
    errors: list[HarkenError] = field(default_factory=list)

    @property
    def is_waiting(self) -> bool:
        """Until it leaves."""
        return not self.has_left

    def hand(self, claim: Claim) -> None:
        """Remember the claim."""
        self.claims.append(claim)

    def refuse(self, error: HarkenError) -> None:
        """Remember the error."""
        self.errors.append(error)


class House:
    """A desk with its pool and time."""

    def __init__(self, *slots: int, queue_audio_s: float = 100.0) -> None:
        self.clock = FakeClock()
        self.pool = Pool(Patience(), clock=self.clock, on_change=self.look_around)
        self.limits = LimitsConfig(queue_audio_s=queue_audio_s)
        self.pace = Pace()
        self.desk: Desk[Visitor] = Desk(limits=self.limits, pool=self.pool, pace=self.pace)
        self.targets = [self.add(f"target-{number}", count) for number, count in enumerate(slots)]

    def look_around(self) -> None:
        """As the dispatcher does when a slot may be free."""
        self.desk.assign(self.clock.now())

    def add(self, name: str, slots: int) -> Target:
        """Bring up a target."""
        target = self.pool.add(name, f"http://{name}")
        target.model = ModelInfo(name="m", revision="1", max_segment_s=30.0, languages=(), slots=slots)
        self.pool.report(target, Answered(state="ready"))
        return target

    def widen(self) -> None:
        """Let every target have found that all its slots are good."""
        for target in self.targets:
            target.capacity.limit = target.slots
            self.pool.report(target, Answered(state="ready"))

    def works(self, *, rtfx: float) -> None:
        """Let the pace have measured so many audio-seconds per second, with one segment at a time."""
        self.pace.start(self.clock.now())
        self.wait(1.0)
        self.pace.end(self.clock.now(), rtfx)

    def visitor(
        self,
        audio_s: float = 1.0,
        requester: Requester = ANYBODY,
        *,
        recording_s: float = 0.0,
        is_accepted: bool = False,
    ) -> Visitor:
        """Somebody who asks now."""
        now = self.clock.now()
        visitor = Visitor(
            audio_s=audio_s,
            recording_s=recording_s,
            requester=requester,
            arrival=now,
            deadline=now + self.limits.queue_timeout_s,
            is_accepted=is_accepted,
        )
        self.desk.ask(visitor, now)
        return visitor

    def wait(self, seconds: float) -> None:
        """Let time pass, and the desk notice."""
        self.clock.advance(seconds)
        self.desk.expire(self.clock.now())


def codes(visitor: Visitor) -> list[str]:
    """The codes of the errors it got."""
    return [each.code for each in visitor.errors]


def test_a_free_slot_is_handed_over_at_once() -> None:
    """And nobody waits."""
    house = House(1)
    visitor = house.visitor()
    assert [claim.target for claim in visitor.claims] == house.targets
    assert len(house.desk) == 0


def test_who_finds_no_slot_waits_until_one_is_given_back() -> None:
    """The claim's release is enough."""
    house = House(1)
    first, second = house.visitor(), house.visitor(audio_s=4.0)
    assert (second.claims, house.desk.queued_audio_s) == ([], 4.0)
    first.claims[0].release()
    assert (len(second.claims), house.desk.queued_audio_s) == (1, 0.0)


def test_requests_are_held_while_there_is_no_target_at_all() -> None:
    """Scaled to zero, or all starting: they wait, and the first target gets them."""
    house = House()
    visitors = [house.visitor() for _ in range(3)]
    assert all(not visitor.claims and not visitor.errors for visitor in visitors)
    house.add("late", slots=3)
    assert all(len(visitor.claims) == 1 for visitor in visitors)


def test_held_requests_are_bounded_in_audio_and_in_time() -> None:
    """As any others; who waited in vain hears that no instance became ready."""
    house = House(queue_audio_s=10.0)
    held, refused = house.visitor(10.0), house.visitor(1.0)
    assert (codes(held), codes(refused)) == ([], [QueueFull.code])
    house.wait(house.limits.queue_timeout_s)
    assert codes(held) == [NoReadyInstance.code]


def test_what_cannot_be_worked_off_in_time_is_refused_at_once() -> None:
    """One slot that takes ten seconds for ten: of an hour's room 300 s are of use, and nobody waits to learn it."""
    house = House(1, queue_audio_s=3600.0)
    visitors = [house.visitor(10.0) for _ in range(50)]
    for visitor in visitors[:20]:
        assert not visitor.errors
        house.pace.start(house.clock.now())
        house.wait(10.0)
        house.pace.end(house.clock.now(), 10.0)
        visitor.claims[0].release()
        house.desk.assign(house.clock.now())
    assert house.desk.queued_audio_s == 290.0
    within, beyond = house.visitor(9.0), house.visitor(10.0)
    assert (codes(within), codes(beyond)) == ([], [QueueFull.code])
    assert house.desk.refusal(Requester(key="other"), house.clock.now()) is None
    house.pool.drain("target-0")
    assert not house.visitor(10.0).errors, "nobody knows how fast the next one will be"


def test_waiting_in_vain_for_a_slot_is_a_time_out() -> None:
    """Some target was ready all the time."""
    house = House(1)
    house.visitor()
    waiting = house.visitor()
    house.wait(house.limits.queue_timeout_s)
    assert codes(waiting) == [TimedOut.code]


def test_a_refusal_says_when_the_fleet_will_have_worked_off_what_waits() -> None:
    """Queued audio-seconds by the measured pace."""
    house = House(1, queue_audio_s=600.0)
    house.pace.start(0.0)
    house.clock.advance(10.0)
    house.pace.end(10.0, 200.0)
    for _ in range(21):
        house.visitor(30.0)
    refused = house.visitor(30.0)
    [error], rtfx = refused.errors, house.pace.rtfx(10.0)
    assert rtfx is not None
    assert error.retry_after_s == math.ceil(600.0 / rtfx)


def test_a_job_is_told_to_wait_for_everybody_and_others_not_for_jobs() -> None:
    """Retry-After counts what goes before."""
    house, batch = House(1, queue_audio_s=100.0), Requester(priority=Priority.BATCH)
    for audio_s, requester in [(1.0, ANYBODY), (25.0, batch), (100.0, ANYBODY)]:
        house.visitor(audio_s, requester)
    assert [house.visitor(5.0, each).errors[0].retry_after_s for each in (ANYBODY, batch)] == [10, 13]


def test_a_passed_deadline_is_the_clients_own_error() -> None:
    """On arrival, while it waits, and in the moment of its turn."""
    house = House(1)
    holder = house.visitor()
    late = house.visitor(requester=Requester(deadline=0.0))
    waiting = house.visitor(requester=Requester(deadline=5.0))
    called = house.visitor(requester=Requester(deadline=6.0))
    house.wait(5.0)
    house.clock.advance(1.0)
    holder.claims[0].release()
    assert [codes(each) for each in (late, waiting, called)] == [[DeadlineExceeded.code]] * 3
    assert not called.claims


def test_a_deadline_that_the_queue_would_break_is_kept_by_going_before_it() -> None:
    """Clips without one are due a moment after they came; that is a wish, and the deadline is none."""
    house = House(1, queue_audio_s=1e4)
    house.works(rtfx=2.0)
    running, *crowd = [house.visitor(1.0) for _ in range(31)]
    relaxed = house.visitor(1.0, Requester(deadline=house.clock.now() + 60.0))
    hurried = house.visitor(1.0, Requester(deadline=house.clock.now() + 3.0))
    running.claims.pop().release()
    assert hurried.claims, "what waits takes fifteen seconds"
    hurried.claims.pop().release()
    assert crowd[0].claims, "sixty seconds are enough for everybody"
    assert not relaxed.claims


def test_an_accepted_recording_is_never_refused_for_want_of_room() -> None:
    """Its later segments wait beyond the bound."""
    house = House(1, queue_audio_s=10.0)
    house.visitor()
    house.visitor(10.0)
    later, new = house.visitor(30.0, is_accepted=True), house.visitor(1.0)
    assert (codes(later), codes(new)) == ([], [QueueFull.code])


def test_who_lost_its_slot_is_the_next() -> None:
    """It asks again, and goes before those who came in between."""
    house = House(1)
    first, second = house.visitor(30.0), house.visitor(1.0)
    first.claims.pop().release()
    house.desk.ask(first, house.clock.now())
    third = house.visitor(1.0)
    second.claims[0].release()
    assert (len(first.claims), len(third.claims)) == (1, 0)


def test_one_that_avoids_the_free_target_lets_others_pass() -> None:
    """It keeps its place meanwhile."""
    house = House(1, 1)
    claims = {claim.target: claim for _ in range(2) for claim in house.visitor().claims}
    bad, good = house.targets
    picky = Visitor(audio_s=1.0, avoid={bad})
    house.desk.ask(picky, 0.0)
    other = house.visitor(5.0)
    claims[bad].release()
    assert (len(picky.claims), [claim.target for claim in other.claims]) == (0, [bad])
    last = house.visitor(5.0)
    claims[good].release()
    assert ([claim.target for claim in picky.claims], last.claims) == ([good], [])


def test_a_round_of_handing_out_passes_over_a_bounded_number() -> None:
    """Those who avoid the free target do not make each round cost as many steps as they are, and none is lost."""
    house = House(1, 1)
    claims = {claim.target: claim for _ in range(2) for claim in house.visitor().claims}
    bad, good = house.targets
    crowd = [Visitor(audio_s=0.01, avoid={bad}) for _ in range(300)]
    for visitor in crowd:
        house.desk.ask(visitor, 0.0)
    claims[bad].release()
    assert sum(visitor.had_turn for visitor in crowd) == 64
    claims[good].release()
    served = 0
    while (holder := next((visitor for visitor in crowd if visitor.claims), None)) is not None:
        assert holder.claims[0].target is good
        holder.claims.pop().release()
        served += 1
    assert (served, len(house.desk)) == (300, 0)


def test_short_clips_find_slots_that_long_files_leave_to_them() -> None:
    """One target in four keeps two thirds of its slots; after a while the long files may have them too."""
    house = House(8, 8, 8, 8, queue_audio_s=1e4)
    house.widen()
    house.works(rtfx=100.0)
    house.visitor(1.0).claims.pop().release()
    files = [house.visitor(30.0, recording_s=600.0) for _ in range(40)]
    assert [target.in_flight for target in house.targets] == [4, 8, 8, 8]
    clips = [house.visitor(5.0) for _ in range(4)]
    assert [visitor.claims[0].target for visitor in clips] == [house.targets[0]] * 4
    for visitor in clips:
        visitor.claims.pop().release()
    assert house.targets[0].in_flight == 4, "nobody else takes what they give back"
    house.wait(5.1)
    assert house.targets[0].in_flight == 8
    assert sum(len(visitor.claims) for visitor in files) == 32


@pytest.mark.parametrize(("rtfx", "hold_s"), [(100.0, 5.0), (20.0, 12.0), (1.0, 30.0)])
def test_how_long_they_leave_them_depends_on_how_long_a_segment_runs(rtfx: float, hold_s: float) -> None:
    """Eight runs of a full segment at the measured pace, within bounds: one rule for fast and slow machines."""
    house = House(8, 8, 8, 8, queue_audio_s=1e4)
    house.widen()
    house.works(rtfx=rtfx)
    house.visitor(1.0).claims.pop().release()
    for _ in range(40):
        house.visitor(30.0, recording_s=600.0)
    for at_s in range(5, math.ceil(hold_s), 5):
        house.wait(5.0)
        house.visitor(1.0).claims.pop().release()
        assert house.targets[0].in_flight == 4, f"after {at_s} s"
    house.wait(5.1)
    assert house.targets[0].in_flight == 8


def test_nothing_is_kept_where_only_long_files_come() -> None:
    """Ten seconds after the last short clip they have the whole fleet."""
    house = House(8, 8, 8, 8, queue_audio_s=1e4)
    house.widen()
    house.visitor(1.0).claims.pop().release()
    files = [house.visitor(30.0, recording_s=600.0) for _ in range(30)]
    assert sum(len(visitor.claims) for visitor in files) == 28
    house.clock.advance(4.0)
    house.look_around()
    assert house.pool.in_flight == 28
    house.clock.advance(6.0)
    house.look_around()
    assert house.pool.in_flight == 30
    assert house.visitor(30.0, recording_s=600.0).claims


def test_who_leaves_gets_nothing() -> None:
    """Neither a claim nor an error; nor one that has left without telling."""
    house = House(1)
    holder, leaver, gone = house.visitor(), house.visitor(), house.visitor()
    assert house.desk.leave(leaver)
    assert not house.desk.leave(leaver)
    gone.has_left = True
    holder.claims[0].release()
    assert not (leaver.claims or leaver.errors or gone.claims or gone.errors)
    assert house.pool.in_flight == 0


def test_a_closed_desk_sends_everybody_away() -> None:
    """Those who wait, and those who come."""
    house = House(1)
    _, waiting = house.visitor(), house.visitor()
    house.desk.close(0.0)
    assert [codes(each) for each in (waiting, house.visitor())] == [[Draining.code]] * 2
    assert isinstance(house.desk.refusal(ANYBODY, 0.0), Draining)


@pytest.mark.parametrize(
    ("requester", "kind"),
    [
        (Requester(key="busy"), QueueFull),
        (Requester(key="quiet"), type(None)),
        (Requester(key="busy", priority=Priority.BATCH), type(None)),
        (Requester(key="quiet", deadline=-1.0), DeadlineExceeded),
    ],
)
def test_a_refusal_is_foretold(requester: Requester, kind: type[HarkenError]) -> None:
    """What a new recording would get, without asking for it; and nothing changes by that."""
    house = House(1)
    for _ in range(2):
        house.visitor(100.0, Requester(key="busy"))
    assert isinstance(house.desk.refusal(requester, 0.0), kind)
    assert isinstance(next(iter(house.visitor(0.1, requester).errors), None), kind)


def test_nobody_is_refused_beforehand_while_nobody_waits() -> None:
    """However small the bound: there may be a free slot."""
    assert House(1, queue_audio_s=0.0).desk.refusal(ANYBODY, 0.0) is None
