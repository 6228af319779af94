"""Consistent hashing."""

from __future__ import annotations

from collections import Counter

import pytest

from harken.dispatch.targets.candidate import NO_WORK, Work
from harken.dispatch.targets.hashing import ConsistentHash
from tests.dispatch.candidates import Fleet, Shown, told


def ring(count: int, *, first: int = 0) -> list[Shown]:
    """Candidates with all the room in the world."""
    return [Shown(name=f"asr-{number}", free_slots=10_000) for number in range(first, first + count)]


def homes(policy: ConsistentHash[Shown], keys: int) -> dict[str, str]:
    """Key → the name of its target."""
    found = {}
    for key in map(str, range(keys)):
        chosen = policy.choose(Work(affinity=key))
        assert chosen is not None
        found[key] = chosen.name
    return found


def test_the_same_content_meets_the_same_target() -> None:
    """In another process too: nothing of it is random."""
    assert homes(_told(*ring(5)), 200) == homes(_told(*reversed(ring(5))), 200)


@pytest.mark.parametrize("count", [4, 16])
def test_a_further_target_takes_about_its_share_of_the_keys_and_no_other_key_moves(count: int) -> None:
    """One in n + 1 moves, and only to the new one; when it goes, they come back."""
    policy = _told(*ring(count))
    before = homes(policy, 1000)
    (new,) = ring(1, first=count)
    policy.update(new)
    after = homes(policy, 1000)
    moved = {key for key in before if before[key] != after[key]}
    assert {after[key] for key in moved} == {new.name}
    assert 0.5 / (count + 1) < len(moved) / 1000 < 1.6 / (count + 1)
    policy.forget(new)
    assert homes(policy, 1000) == before


def test_who_is_full_is_passed_over_and_gets_its_keys_back() -> None:
    """The next on the ring stands in."""
    targets = ring(4)
    policy = _told(*targets)
    home = policy.choose(Work(affinity="x"))
    assert home is not None
    home.free_slots = 0
    policy.update(home)
    assert policy.choose(Work(affinity="x")) not in (home, None)
    home.free_slots = 1
    policy.update(home)
    assert policy.choose(Work(affinity="x")) is home


def test_one_popular_key_does_not_make_one_target_hot() -> None:
    """Nobody has more than a quarter more than its share."""
    fleet = Fleet(ConsistentHash(), *ring(4))
    for _ in range(400):
        chosen = fleet.policy.choose(Work(affinity="the song everybody sends"))
        assert chosen is not None
        fleet.take(chosen)
    assert max(each.load for each in fleet.candidates) <= 126


def test_shares_follow_the_weights() -> None:
    """A target of weight 3 has about three times the keys."""
    light, heavy = Shown(name="light", free_slots=1), Shown(name="heavy", free_slots=1, weight=3.0)
    found = Counter(homes(_told(light, heavy), 2000).values())
    assert 2.0 < found["heavy"] / found["light"] < 4.5


def test_without_affinity_work_is_spread() -> None:
    """Nothing to remember: anybody will do."""
    policy = _told(*ring(4))
    chosen = {policy.choose(NO_WORK) for _ in range(100)}
    assert len(chosen) == 4


def _told(*candidates: Shown) -> ConsistentHash[Shown]:
    policy: ConsistentHash[Shown] = ConsistentHash()
    told(policy, *candidates)
    return policy
