"""All targets together: choosing, claiming, news."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from harken.dispatch.lines.line import DeadLine
from harken.dispatch.targets.candidate import Work
from harken.dispatch.targets.capacity import START
from harken.dispatch.targets.choice import Policy, policy_named
from harken.dispatch.targets.health import Answered, Failed, Outcome, Proved, Succeeded, TurnedAway, Unanswered
from harken.dispatch.targets.pool import Pool
from harken.dispatch.targets.state import Event, State
from harken.dispatch.targets.target import Claim, Target
from harken.dispatch.targets.vitals import Patience
from harken.testing.clock import FakeClock
from harken.types import ModelInfo
from harken.wire import ALONE, Crowd

READY = Answered(state="ready")


def make_pool(*names: str, slots: int = 2) -> Pool:
    """A pool of ready targets."""
    return make_pool_and_clock(*names, slots=slots)[0]


def make_pool_and_clock(*names: str, slots: int = 2) -> tuple[Pool, FakeClock]:
    """A pool of ready targets, and its time."""
    clock = FakeClock()
    pool = Pool(Patience(missed_looks=3, failures=5, rest_s=10.0), clock=clock, on_change=lambda: None)
    for name in names:
        bring_up(pool, name, slots=slots)
    return pool, clock


def bring_up(pool: Pool, name: str, *, slots: int = 2, weight: float = 1.0) -> Target:
    """Add a target and have it say that it is ready."""
    target = pool.add(name, f"http://{name}", weight=weight)
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
    pool.on_unresponsive = lambda name, _why: told.append(name)
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
    pool.on_unresponsive = lambda name, _why: pool.remove(name)
    for _ in range(3):
        pool.report(target, Unanswered())
    assert (list(pool), target.state) == ([], State.GONE)


def test_after_a_rest_it_gets_one_segment_at_a_time_until_one_is_recognised() -> None:
    """Then all its slots are used again."""
    pool, clock, told = *make_pool_and_clock("a"), list[str]()
    pool.on_unresponsive = lambda name, _why: told.append(name)
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


def test_the_owner_is_told_of_a_target_whose_canary_fails_after_its_trial_and_why() -> None:
    """It answers all looks, and only a new process can help; a segment that fails alone may be its client's fault."""
    pool, clock, told = *make_pool_and_clock("a"), list[tuple[str, str]]()
    pool.on_unresponsive = lambda name, why: told.append((name, why))
    for _ in range(6):
        pool.report(named(pool, "a"), Failed(is_lost=False))
    clock.advance(10.0)
    pool.report(named(pool, "a"), READY)
    pool.report(named(pool, "a"), Failed(is_lost=False))
    assert (told, named(pool, "a").state) == ([], State.RESTING)
    named(pool, "a").detail = "The engine failed."
    pool.report(named(pool, "a"), Failed(is_lost=False, is_proof=True))
    assert (told, named(pool, "a").state) == ([("a", "It failed its canary (The engine failed)")], State.RESTING)


def test_silence_while_it_starts_is_no_reason_to_replace_it() -> None:
    """Loading a model may keep a process busy for long."""
    pool, told = make_pool(), list[str]()
    pool.on_unresponsive = lambda name, _why: told.append(name)
    target = pool.add("a", "http://a")
    for _ in range(20):
        pool.report(target, Unanswered())
    assert (told, target.state) == ([], State.STARTING)


def test_no_look_and_no_canary_changes_a_counter_of_segments() -> None:
    """Counters are about work that somebody sent."""
    pool = make_pool("a")
    target = named(pool, "a")
    pool.report(target, Succeeded())
    pool.report(target, Failed(is_lost=False))
    pool.report(target, READY)
    pool.report(target, Proved())
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


def work_off(pool: Pool, clock: FakeClock, speeds: dict[str, float], *, segments: int = 60) -> None:
    """Keep everybody busy with segments of 6 s; a speed is in audio-seconds per second, 0 for failing all."""
    for _ in range(segments):
        clock.advance(0.3)
        for name, speed in speeds.items():
            target = named(pool, name)
            if target.free_slots == 0:
                continue
            with target.claim(lambda: None):
                took_s = 6.0 / speed if speed else 0.0
                outcome = Succeeded(audio_s=6.0, took_s=took_s, in_flight=1.0) if speed else Failed(is_lost=False)
                pool.report(target, outcome)


def test_a_target_at_half_speed_goes_on_and_one_at_a_sixth_is_set_aside() -> None:
    """Half still helps; the other comes back on trial after its rest."""
    pool, clock = make_pool_and_clock("a", "b", "c", "d")
    work_off(pool, clock, {"a": 4.0, "b": 4.0, "c": 4.0, "d": 2.0})
    assert pool.ready == 4
    work_off(pool, clock, {"a": 4.0, "b": 4.0, "c": 4.0, "d": 0.66})
    d = named(pool, "d")
    assert (d.state, d.health().ejected) == (State.RESTING, "worse")
    assert "times slower than the others" in d.detail
    clock.advance(10.0)
    pool.report(d, READY)
    assert (d.state, d.free_slots) == (State.ON_TRIAL, 1)


def test_a_target_that_is_slow_by_its_weight_is_not_set_aside_for_it() -> None:
    """Who gives a CPU a twentieth of a GPU's weight knows what it is."""
    pool, clock = make_pool_and_clock()
    bring_up(pool, "gpu", weight=20.0)
    bring_up(pool, "cpu", weight=1.0)
    work_off(pool, clock, {"gpu": 80.0, "cpu": 4.0})
    assert pool.ready == 2


def test_no_more_targets_are_set_aside_for_being_slow_than_can_be_spared() -> None:
    """Of four one, the slowest; and none of two if the other is away already."""
    pool, clock = make_pool_and_clock("a", "b", "c", "d")
    work_off(pool, clock, {"a": 9.0, "b": 9.0, "c": 0.8, "d": 0.4})
    assert [target.state for target in pool].count(State.READY) == 3
    assert named(pool, "d").state is State.RESTING
    pool, clock = make_pool_and_clock("a", "b")
    pool.report(named(pool, "a"), TurnedAway(event=Event.SAID_DRAINING))
    work_off(pool, clock, {"a": 9.0, "b": 0.1})
    assert named(pool, "b").state is State.READY


def test_a_late_event_loop_sets_one_aside_but_never_all() -> None:
    """A machine on which all are late must go on working."""
    pool = make_pool("a", "b")
    late = Answered(state="ready", loop_lag_s=3.0)
    pool.report(named(pool, "a"), late)
    assert named(pool, "a").state is State.FULL
    assert "event loop was 3.0 s late" in named(pool, "a").detail
    pool.report(named(pool, "b"), late)
    assert named(pool, "b").state is State.READY
    pool.report(named(pool, "a"), late)
    assert named(pool, "a").state is State.FULL
    pool.report(named(pool, "a"), READY)
    assert named(pool, "a").state is State.READY


def test_an_event_loop_that_was_always_late_keeps_no_fleet_from_starting() -> None:
    """One, or the first of two, becomes ready all the same; the second waits for a better moment."""
    pool, late = make_pool(), Answered(state="ready", loop_lag_s=3.0)
    targets = [pool.add(name, f"http://{name}") for name in "ab"]
    for target in targets:
        pool.report(target, late)
    assert [target.state for target in targets] == [State.READY, State.STARTING]


def test_a_new_or_returning_target_begins_slowly() -> None:
    """Four at once, then one more for each success; after silence again."""
    pool = make_pool("a", slots=32)
    a = named(pool, "a")
    claims = [pool.claim() for _ in range(START + 1)]
    assert claims[-1] is None
    pool.report(a, Succeeded())
    assert a.limit == START + 1
    for claim in claims[:-1]:
        assert claim is not None
        claim.release()
    for _ in range(3):
        pool.report(a, Unanswered())
    pool.report(a, READY)
    assert (a.state, a.limit) == (State.READY, START)


def test_an_instance_that_turns_a_segment_away_is_not_given_as_many_again() -> None:
    """Somebody else uses it too."""
    pool = make_pool("a", slots=32)
    claims = [pool.claim() for _ in range(START)]
    pool.report(named(pool, "a"), TurnedAway(event=Event.SAID_FULL))
    assert named(pool, "a").limit == START - 1
    for claim in claims:
        assert claim is not None
        claim.release()


def test_a_claim_knows_how_its_segment_fared() -> None:
    """Its length, its time, and the mean load beside it, which came and went meanwhile."""
    pool, clock = make_pool_and_clock("a")
    with none_missing(pool.claim(work=Work(audio_s=6.0))) as claim:
        clock.advance(1.0)
        with none_missing(pool.claim(work=Work(audio_s=9.0))):
            assert claim.target.audio_left_s == 15.0
            clock.advance(1.0)
        clock.advance(2.0)
        assert claim.success() == Succeeded(audio_s=6.0, took_s=4.0, in_flight=1.25)
    assert claim.target.audio_left_s == 0.0


def none_missing(claim: Claim | None) -> Claim:
    """The claim that there must be."""
    assert claim is not None
    return claim


def test_the_policy_is_the_one_that_was_asked_for() -> None:
    """Here the weights decide; without a policy, who has the fewest."""
    clock = FakeClock()
    policy: Policy[Target] = policy_named("weighted_fewest_in_flight")
    pool = Pool(Patience(), clock=clock, on_change=lambda: None, policy=policy)
    for name, weight in (("a", 1.0), ("b", 3.0)):
        bring_up(pool, name, slots=8, weight=weight)
    claims = [none_missing(pool.claim()) for _ in range(4)]
    assert [claim.target.name for claim in claims].count("b") == 3
    for claim in claims:
        claim.release()


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


class Crowded(DeadLine):
    """A line that tells of others."""

    crowd = ALONE


def test_what_others_have_on_a_target_is_load_and_takes_slots() -> None:
    """A look tells it; who waits here is told when the others leave."""
    changes: list[int] = []
    pool = Pool(Patience(missed_looks=3), clock=FakeClock(), on_change=lambda: changes.append(1))
    line = Crowded()
    target = pool.add("a", "http://a", line)
    target.model = ModelInfo(name="m", revision="1", max_segment_s=30.0, languages=(), slots=4)
    line.crowd = Crowd(others=3, gateways=2)
    pool.report(target, READY)
    assert (target.load, target.free_slots) == (3, 2)
    with none_missing(pool.claim()), none_missing(pool.claim()):
        assert (target.load, target.free_slots, target.in_flight) == (5, 0, 2)
        assert pool.claim() is None
        changes.clear()
        pool.report(target, READY)
        assert not changes
        line.crowd = ALONE
        pool.report(target, READY)
        assert changes
        assert (target.load, target.free_slots) == (2, 2)


def test_the_emptiest_target_is_the_one_that_others_have_left() -> None:
    """Whatever we have there ourselves."""
    pool = make_pool("b")
    line = Crowded()
    bring_up(pool, "a")
    crowded = pool.add("c", "http://c", line)
    crowded.model = named(pool, "a").model
    line.crowd = Crowd(others=1, gateways=2)
    pool.report(crowded, READY)
    with none_missing(pool.claim()) as one, none_missing(pool.claim()) as two:
        assert {one.target.name, two.target.name} == {"a", "b"}
