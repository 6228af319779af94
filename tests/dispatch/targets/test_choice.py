"""Which target is chosen, by policy."""

from __future__ import annotations

import dataclasses
import itertools
import re
from collections import Counter
from pathlib import Path
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harken.config import DispatchConfig
from harken.dispatch.targets.candidate import NO_WORK, Work
from harken.dispatch.targets.choice import POLICY_NAMES, Policy, PowerOfTwo, policy_named
from harken.errors import ConfigError
from tests.dispatch.candidates import Fleet, Shown, told


def named(name: str) -> Policy[Shown]:
    """A policy whose chance is always the same."""
    policy: Policy[Shown] = policy_named(name, Random(7))
    return policy


def chosen_of(policy: Policy[Shown], *candidates: Shown, work: Work = NO_WORK) -> str | None:
    """The name of the one that is chosen."""
    got = told(policy, *candidates).choose(work)
    return None if got is None else got.name


@pytest.mark.parametrize(
    ("policy", "candidates", "chosen"),
    [
        ("fewest_in_flight", [], None),
        ("fewest_in_flight", [Shown(name="a", free_slots=0), Shown(name="b", load=7)], "b"),
        ("fewest_in_flight", [Shown(name="a", load=2), Shown(name="b", load=1)], "b"),
        ("fewest_in_flight", [Shown(name="a", load=1), Shown(name="b", load=2, free_slots=9)], "a"),
        ("fewest_in_flight", [Shown(name="a", turn=8), Shown(name="b", turn=5)], "b"),
        ("fewest_in_flight", [Shown(name="a", audio_left_s=90.0), Shown(name="b", audio_left_s=1.0, turn=1)], "a"),
        ("weighted_fewest_in_flight", [Shown(name="a", load=2, weight=3.0), Shown(name="b", load=1)], "a"),
        ("weighted_fewest_in_flight", [Shown(name="a", load=3, weight=3.0), Shown(name="b")], "b"),
        ("least_audio_left", [Shown(name="a", audio_left_s=9.0), Shown(name="b", load=3, audio_left_s=6.0)], "b"),
        ("round_robin", [Shown(name="a", turn=3), Shown(name="b", load=9, turn=2)], "b"),
        ("power_of_two", [Shown(name="a", load=2), Shown(name="b", load=1)], "b"),
        ("power_of_two", [Shown(name="a", load=2), Shown(name="b", free_slots=0)], "a"),
        ("auto", [Shown(name="a", load=2), Shown(name="b", load=1, audio_left_s=99.0)], "b"),
        ("auto", [Shown(name="a", slowness=10.0), Shown(name="b", load=8, turn=1)], "b"),
        ("auto", [Shown(name="a", slowness=10.0), Shown(name="b", load=10, turn=1)], "a"),
        ("auto", [Shown(name="a", slowness=2.0, load=1), Shown(name="b", load=2)], "b"),
        ("fewest_in_flight", [Shown(name="a", slowness=10.0), Shown(name="b", load=1)], "a"),
        ("auto", [Shown(name="a", batches=False, audio_left_s=9.0), Shown(name="b", batches=False, load=1)], "b"),
        ("auto", [Shown(name="a", batches=False), Shown(name="b", load=1)], "a"),
        ("auto", [Shown(name="a", batches=False, load=1), Shown(name="b", turn=4)], "b"),
    ],
)
def test_each_policy_has_its_own_idea_of_the_best(policy: str, candidates: list[Shown], chosen: str | None) -> None:
    """One row per rule."""
    assert chosen_of(named(policy), *candidates) == chosen


def test_the_documented_default_is_a_policy_and_an_unknown_one_has_a_hint() -> None:
    """Whoever mistypes is told what was probably meant."""
    assert DispatchConfig().policy in POLICY_NAMES
    with pytest.raises(ConfigError, match="did you mean 'round_robin'"):
        policy_named("round-robin")
    with pytest.raises(ConfigError, match="known are: auto"):
        policy_named("?")


@pytest.mark.parametrize(("name", "share"), [("weighted_round_robin", (3, 3, 2, 2)), ("round_robin", (1, 1, 1, 1))])
def test_turns_follow_the_weights_exactly(name: str, share: tuple[int, ...]) -> None:
    """The deployment guide's 3, 3, 2, 2: in every ten turns exactly these, and nobody twice in a row."""
    fleet = Fleet(named(name), *(Shown(weight=weight, free_slots=10_000) for weight in (3.0, 3.0, 2.0, 2.0)))
    order = [serve(fleet) for _ in range(10 * sum(share))]
    counts = Counter(order)
    assert [counts[index] for index in range(4)] == [10 * each for each in share]
    assert all(one != other for one, other in itertools.pairwise(order))


def serve(fleet: Fleet) -> int:
    """Choose, occupy, give back; which one it was."""
    chosen = fleet.policy.choose(NO_WORK)
    assert chosen is not None
    fleet.take(chosen)
    fleet.free(chosen)
    return fleet.candidates.index(chosen)


WEIGHTS = st.lists(st.integers(1, 9), min_size=1, max_size=6)


@settings(deadline=None, max_examples=50)  # a busy machine is no defect
@given(WEIGHTS, st.integers(1, 200))
def test_after_any_number_of_turns_nobody_is_far_from_its_share(weights: list[int], turns: int) -> None:
    """Never as much as two turns off, and exact after each full round."""
    fleet = Fleet(named("weighted_round_robin"), *(Shown(weight=float(weight), free_slots=9) for weight in weights))
    counts = Counter(serve(fleet) for _ in range(turns))
    for index, weight in enumerate(weights):
        share = turns * weight / sum(weights)
        assert abs(counts[index] - share) < (1e-9 if turns % sum(weights) == 0 else 2.0)


@settings(deadline=None, max_examples=50)  # a busy machine is no defect
@given(WEIGHTS, st.integers(1, 5))
def test_load_that_stays_is_held_in_proportion_to_the_weights(weights: list[int], rounds: int) -> None:
    """Who has three times the weight has three times as many in flight."""
    fleet = Fleet(
        named("weighted_fewest_in_flight"), *(Shown(weight=float(weight), free_slots=99) for weight in weights)
    )
    for _ in range(rounds * sum(weights)):
        chosen = fleet.policy.choose(NO_WORK)
        assert chosen is not None
        fleet.take(chosen)
    assert [each.load for each in fleet.candidates] == [rounds * weight for weight in weights]


def test_a_heavy_weight_is_spread_and_not_served_in_a_row() -> None:
    """5:1:1 interleaves, as nginx's smooth weighted round robin does."""
    fleet = Fleet(named("weighted_round_robin"), *(Shown(weight=weight) for weight in (5.0, 1.0, 1.0)))
    order = "".join("abc"[serve(fleet)] for _ in range(7))
    assert order.count("a") == 5
    assert "aaaa" not in order


def test_who_was_full_for_long_catches_nothing_up() -> None:
    """Its turns have passed; it goes on from now."""
    a, b = Shown(name="a", free_slots=0), Shown(name="b", free_slots=1000)
    fleet = Fleet(named("weighted_round_robin"), a, b)
    for _ in range(100):
        serve(fleet)
    a.free_slots = 1000
    fleet.policy.update(a)
    assert Counter(serve(fleet) for _ in range(10)) == {0: 5, 1: 5}


def test_two_random_choices_are_almost_even() -> None:
    """400 segments on 20 targets: nobody has far more than 20 (one random choice alone would give some 30 and more)."""
    fleet = Fleet(PowerOfTwo(Random(1)), *(Shown(free_slots=1000) for _ in range(20)))
    for _ in range(400):
        chosen = fleet.policy.choose(NO_WORK)
        assert chosen is not None
        fleet.take(chosen)
    assert max(each.load for each in fleet.candidates) <= 23


SHOWN = st.builds(
    Shown,
    free_slots=st.integers(0, 3),
    load=st.integers(0, 5),
    audio_left_s=st.floats(0, 90),
    weight=st.sampled_from([0.5, 1.0, 3.0]),
    batches=st.booleans(),
)
STEPS = st.lists(st.tuples(st.sampled_from(["ask", "avoid", "free", "lose", "gone"]), st.integers(0, 9)), max_size=40)


@pytest.mark.parametrize("name", POLICY_NAMES)
@settings(deadline=None, max_examples=40)  # a busy machine is no defect
@given(st.lists(SHOWN, max_size=6), STEPS)
def test_nobody_without_a_free_slot_is_chosen_and_nobody_goes_away_empty_while_one_is_free(
    name: str, candidates: list[Shown], steps: list[tuple[str, int]]
) -> None:
    """Whatever happened to the candidates before, and whoever is avoided."""
    for index, candidate in enumerate(candidates):
        candidate.name = f"c{index}"
    fleet = Fleet(named(name), *candidates)
    for step, number in steps:
        if not fleet.candidates:
            return
        one = fleet.candidates[number % len(fleet.candidates)]
        if step in ("ask", "avoid"):
            avoid = {one} if step == "avoid" else set()
            free = [each for each in fleet.candidates if each.free_slots > 0 and each not in avoid]
            got = fleet.policy.choose(Work(affinity=str(number)), avoid)
            assert (got is None) == (not free)
            if got is not None:
                assert got in free
                fleet.take(got)
        elif step == "free" and one.load > 0:
            fleet.free(one)
        elif step == "lose":
            one.free_slots = 0
            fleet.policy.update(one)
        elif step == "gone":
            fleet.candidates.remove(one)
            fleet.policy.forget(one)


@settings(deadline=None)  # a busy machine is no defect
@given(st.lists(SHOWN, max_size=8))
def test_by_default_nobody_free_has_less_to_do(candidates: list[Shown]) -> None:
    """Of those that batch."""
    for candidate in candidates:
        candidate.batches = True
    got = told(named("auto"), *candidates).choose(NO_WORK)
    assert got is None or got.load == min(each.load for each in candidates if each.free_slots)


def test_every_policy_is_documented() -> None:
    """docs/reference/balancing.md has a row for each, and for no other; and one for each key of [dispatch]."""
    page = (Path(__file__).parents[3] / "docs" / "reference" / "balancing.md").read_text(encoding="utf-8")
    row = re.compile(r"^\| `(\w+)` \|", flags=re.MULTILINE)
    policies, keys = page.split("## How many at once")[0], page.split("## The keys")[1]
    assert set(row.findall(policies)) == set(POLICY_NAMES)
    assert set(row.findall(keys)) == {field.name for field in dataclasses.fields(DispatchConfig)}
