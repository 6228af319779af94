"""All targets together: choosing, claiming, news."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from harken.dispatch.health import Answered, Failed, Outcome, Policy, Succeeded, Unanswered
from harken.dispatch.pool import Pool
from harken.dispatch.state import State
from harken.dispatch.target import Claim, Target
from harken.testing.clock import FakeClock
from harken.types import ModelInfo

READY = Answered(state="ready")


def make_pool(*names: str, slots: int = 2) -> Pool:
    """A pool of ready targets."""
    return make_pool_and_clock(*names, slots=slots)[0]


def make_pool_and_clock(*names: str, slots: int = 2) -> tuple[Pool, FakeClock]:
    """A pool of ready targets, and its time."""
    clock = FakeClock()
    pool = Pool(policy=Policy(missed_looks=3, failures=5, rest_s=10.0), clock=clock, on_change=lambda: None)
    for name in names:
        bring_up(pool, name, slots=slots)
    return pool, clock


def bring_up(pool: Pool, name: str, *, slots: int = 2) -> Target:
    """Add a target and have it say that it is ready."""
    target = pool.add(name, f"http://{name}")
    target.model = ModelInfo(name="m", revision="1", max_segment_s=30.0, languages=(), slots=slots)
    pool.report(target, READY)
    return target


def named(pool: Pool, name: str) -> Target:
    """The target of that name."""
    target = pool.get(name)
    assert target is not None
    return target


def test_work_is_spread_evenly_when_it_comes_one_by_one() -> None:
    """Idle targets take turns, so that each proves itself and none stays cold."""
    pool, chosen = make_pool("a", "b", "c"), []
    for _ in range(300):
        claim = pool.claim(())
        assert claim is not None
        chosen.append(claim.target.name)
        claim.release()
    assert {name: chosen.count(name) for name in "abc"} == {"a": 100, "b": 100, "c": 100}


def test_a_target_that_failed_a_segment_does_not_get_it_again_while_another_is_ready() -> None:
    """Even when the other has no free slot just now."""
    pool = make_pool("a", "b", slots=1)
    a, b = named(pool, "a"), named(pool, "b")
    claim = pool.claim({b})
    assert claim is not None
    assert claim.target is a
    assert pool.claim({b}) is None
    claim.release()


def test_a_target_that_failed_a_segment_gets_it_again_when_it_is_the_only_one() -> None:
    """Better the same than none."""
    pool = make_pool("a", "b")
    pool.report(named(pool, "b"), Failed(is_lost=True))
    claim = pool.claim({named(pool, "a")})
    assert claim is not None
    claim.release()


def test_an_unresponsive_targets_owner_is_told_once() -> None:
    """And its segments are cut, again and again, until it is gone."""
    pool, told, cut = make_pool("a"), list[str](), list[str]()
    pool.on_unresponsive = told.append
    claim = pool.claim(())
    assert claim is not None
    claim.on_cut(lambda: cut.append("cut"))
    for _ in range(5):
        pool.report(named(pool, "a"), Unanswered())
    assert (told, cut[:1]) == (["a"], ["cut"])
    claim.release()


def test_an_owner_may_take_the_target_away_while_it_is_told() -> None:
    """A supervisor replaces at once."""
    pool = make_pool("a")
    target = named(pool, "a")
    pool.on_unresponsive = pool.remove
    for _ in range(3):
        pool.report(target, Unanswered())
    assert (list(pool), target.state) == ([], State.GONE)


def test_after_a_rest_it_gets_one_segment_at_a_time_until_one_is_recognised() -> None:
    """Then all its slots are used again."""
    pool, clock, told = *make_pool_and_clock("a"), list[str]()
    pool.on_unresponsive = told.append
    a = named(pool, "a")
    for _ in range(5):
        pool.report(a, Failed(is_lost=False))
    clock.advance(10.0)
    pool.report(a, READY)
    assert (a.state, a.free_slots, pool.ready) == (State.ON_TRIAL, 1, 0)
    claim = pool.claim({a})
    assert claim is not None
    assert not pool.has_free_slot
    pool.report(a, Succeeded())
    claim.release()
    pool.report(a, READY)
    assert (a.state, a.free_slots, told) == (State.READY, 2, [])


def test_the_owner_is_told_of_a_target_whose_trial_fails() -> None:
    """It answers all looks, and only a new process can help."""
    pool, clock, told = *make_pool_and_clock("a"), list[str]()
    pool.on_unresponsive = told.append
    for _ in range(6):
        pool.report(named(pool, "a"), Failed(is_lost=False))
    assert told == []
    clock.advance(10.0)
    pool.report(named(pool, "a"), READY)
    pool.report(named(pool, "a"), Failed(is_lost=False))
    assert (told, named(pool, "a").state) == (["a"], State.RESTING)


def test_silence_while_it_starts_is_no_reason_to_replace_it() -> None:
    """Loading a model may keep a process busy for long."""
    pool, told = make_pool(), list[str]()
    pool.on_unresponsive = told.append
    target = pool.add("a", "http://a")
    for _ in range(20):
        pool.report(target, Unanswered())
    assert (told, target.state) == ([], State.STARTING)


def test_a_look_changes_no_counter_of_segments() -> None:
    """Counters are about work."""
    pool = make_pool("a")
    target = named(pool, "a")
    pool.report(target, Succeeded())
    pool.report(target, Failed(is_lost=False))
    pool.report(target, READY)
    assert (target.successes, target.failures, target.vitals.failures, target.last_success) == (1, 1, 1, 0.0)


def test_a_second_target_of_one_name_takes_the_place_of_the_first() -> None:
    """A restarted process inherits nothing."""
    pool = make_pool("a")
    old = named(pool, "a")
    new = pool.add("a", "http://elsewhere")
    assert old.state is State.GONE
    assert (list(pool), new.state) == ([new], State.STARTING)


def test_names_that_nobody_knows_are_no_error() -> None:
    """Owner and pool may notice the same death."""
    pool = make_pool("a")
    pool.remove("x")
    pool.drain("x")
    assert pool.ready == 1


ACTIONS = st.lists(
    st.tuples(
        st.sampled_from(["claim", "release", "ok", "bad", "lost", "look", "miss", "drain", "add"]), st.integers(0, 9)
    ),
    max_size=80,
)


@settings(deadline=None)  # a busy machine is no defect
@given(ACTIONS)
def test_slots_are_never_exceeded_and_all_come_back(actions: list[tuple[str, int]]) -> None:
    """Whatever happens to the targets meanwhile."""
    pool = make_pool("a", "b", "c")
    held: list[Claim] = []
    bad, lost = Failed(is_lost=False), Failed(is_lost=True)
    news: dict[str, Outcome] = {"ok": Succeeded(), "bad": bad, "lost": lost, "look": READY}
    for action, number in actions:
        targets = list(pool)
        target = targets[number % len(targets)]
        if action == "claim":
            claim = pool.claim({target} if number > 6 else ())
            assert claim is not None or not any(each.free_slots for each in targets) or number > 6
            held += [claim] if claim else []
        elif action == "release" and held:
            held.pop(number % len(held)).release()
        elif action == "drain" and number == 0:
            pool.drain(target.name)
        elif action == "add":
            bring_up(pool, target.name)
        elif action == "miss":
            pool.report(target, Unanswered())
        elif action in news:
            pool.report(target, news[action])
        assert all(each.in_flight <= each.slots for each in pool)
        assert pool.in_flight == sum(claim.target in set(pool) for claim in held)
    for claim in held:
        claim.release()
    assert pool.in_flight == 0
