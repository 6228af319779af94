"""A session's work goes home while it may, and else where the policy sends it: the choice alone, under every policy."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harken.dispatch.targets.candidate import Work
from harken.dispatch.targets.choice import POLICY_NAMES, policy_named
from harken.dispatch.targets.health import Answered, Failed, Outcome, TurnedAway, Unanswered
from harken.dispatch.targets.pool import Pool
from harken.dispatch.targets.state import Event, State
from harken.dispatch.targets.target import Claim
from harken.dispatch.targets.vitals import Patience
from harken.testing.clock import FakeClock
from harken.types import ModelInfo
from tests.dispatch.targets.test_pool import make_pool, named

_NEWS: dict[str, Outcome] = {
    "ready": Answered(state="ready"),
    "full": TurnedAway(event=Event.SAID_FULL),
    "draining": TurnedAway(event=Event.SAID_DRAINING),
    "fails": Failed(is_lost=False),
    "silent": Unanswered(),
}
_STEPS = st.lists(
    st.tuples(
        st.sampled_from(["ask", "ask", "ask", "release", *_NEWS]), st.integers(0, 4), st.booleans(), st.booleans()
    ),
    max_size=40,
)


class Twin:
    """A pool whose chance comes from a seed, so that two of them are told and choose the same."""

    def __init__(self, policy: str, slots: list[int]) -> None:
        self.clock = FakeClock()
        self.pool = Pool(
            Patience(missed_looks=2, failures=2),
            clock=self.clock,
            on_change=lambda: None,
            policy=policy_named(policy, Random(1)),
            bulk_policy=policy_named(policy, Random(1)),
        )
        self.claims: list[Claim] = []
        for number, count in enumerate(slots):
            target = self.pool.add(f"t{number}", f"http://t{number}")
            target.model = ModelInfo(name="m", revision="1", max_segment_s=30.0, languages=(), slots=count)
            self.pool.report(target, _NEWS["ready"])

    def claim(self, work: Work, avoid: set[str]) -> str | None:
        """Claim a slot; the name of the target that has it."""
        claim = self.pool.claim({target for target in self.pool if target.name in avoid}, work)
        if claim is None:
            return None
        self.claims.append(claim)
        return claim.target.name


@pytest.mark.parametrize("policy", POLICY_NAMES)
@settings(deadline=None, max_examples=40)  # a busy machine is no defect
@given(st.lists(st.integers(1, 6), min_size=1, max_size=5), _STEPS)
def test_home_is_where_it_is_ready_with_room_and_else_the_policy_chooses_as_ever(
    policy: str, slots: list[int], steps: list[tuple[str, int, bool, bool]]
) -> None:
    """A twin that is never asked for a home it cannot have chooses the same, whatever has happened to both before."""
    one, other = Twin(policy, slots), Twin(policy, slots)
    for step, number, is_bulk, is_avoided in steps:
        name = f"t{number}"
        home = one.pool.get(name)
        if step == "release" and one.claims:
            for twin in (one, other):
                twin.claims.pop(number % len(twin.claims)).release()
        elif step in _NEWS and home is not None:
            for twin in (one, other):
                twin.pool.report(named(twin.pool, name), _NEWS[step])
        elif step == "ask":
            avoid = {name} if is_avoided else set()
            room = 0 if home is None else one.pool._roster._sides[home].free_slots if is_bulk else home.free_slots
            may = home is not None and home.state is State.READY and room > 0 and not is_avoided
            got = one.claim(Work(home=name, is_bulk=is_bulk), avoid)
            if may:
                assert got == name
                assert other.claim(Work(home=name, is_bulk=is_bulk), avoid) == name
            else:
                assert got == other.claim(Work(is_bulk=is_bulk), avoid)
        for target in one.pool:
            assert target.in_flight <= target.slots


def test_who_is_on_trial_or_unknown_is_nobodys_home() -> None:
    """One that has to prove itself gets what the policy gives it; a name that nobody has is passed over."""
    pool = make_pool("a", "b")
    a = named(pool, "a")
    a.state = State.ON_TRIAL
    pool._roster.refresh_state(a)
    for home in ("nobody", "", "b/c"):
        claim = pool.claim(work=Work(home=home))
        assert claim is not None
        claim.release()
    held = [pool.claim(work=Work(home="a")) for _ in range(2)]
    assert {claim.target.name for claim in held if claim is not None} == {"a", "b"}


def test_a_home_that_is_to_be_avoided_is_not_gone_to_while_another_is_ready() -> None:
    """Where all are to be avoided it may come again, as any of them."""
    pool = make_pool("a", "b")
    a, b = named(pool, "a"), named(pool, "b")
    for _ in range(10):
        claim = pool.claim({a}, Work(home="a"))
        assert claim is not None
        assert claim.target is b
        claim.release()
    claim = pool.claim({a, b}, Work(home="a"))
    assert claim is not None
    assert pool.claim({a}, Work(home="a"), only_elsewhere=True) is not None


def test_home_is_also_the_name_that_a_target_gives_itself_while_no_other_has_it() -> None:
    """Transcripts bear that one. If two had it, all their sessions would run to one of them."""
    pool = make_pool("a:1", "b:1", "c:1", slots=8)
    a, b, c = (named(pool, name) for name in ("a:1", "b:1", "c:1"))

    def homes(name: str) -> set[str]:
        found = [claim for _ in range(3) if (claim := pool.claim(work=Work(home=name))) is not None]
        for claim in found:
            claim.release()
        return {claim.target.name for claim in found}

    assert len(homes("one")) == 3
    pool.know_name(a, "one")
    pool.know_name(b, "two")
    assert (homes("one"), homes("two"), homes("c:1")) == ({"a:1"}, {"b:1"}, {"c:1"})
    pool.know_name(c, "one")
    assert len(homes("one")) == 3
    pool.know_name(a, "three")
    assert (homes("one"), homes("three")) == ({"c:1"}, {"a:1"})
    pool.remove("c:1")
    pool.know_name(c, "three")
    assert (homes("three"), len(homes("one"))) == ({"a:1"}, 2)
    assert set(pool._roster._called) == {"three", "two"}
