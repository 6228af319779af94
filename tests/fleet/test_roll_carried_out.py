"""A roll carried out with real processes that stand in for instances: what goes wrong in the judging, or at once."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from harken.errors import ClientError
from harken.fleet.changes import Changes
from harken.fleet.local import LocalFleet
from harken.fleet.roll import wish_of
from harken.fleet.roll_actions import Action, Outcome
from harken.fleet.rolling import Judge, Rolling, RollJudges, RollTimes
from harken.fleet.rollout import Plan
from tests.fleet.test_changes import changing
from tests.fleet.test_local import Owner

TIMES = RollTimes(start_s=20.0, shadow_s=20.0, admit_s=20.0, watch_s=20.0, drain_s=20.0)


async def fine(_: str) -> str:
    """Nothing is wrong."""
    return ""


async def defect(_: str) -> str:
    """Something that nobody thought of."""
    raise ZeroDivisionError("oh")


async def roll(
    local: LocalFleet, owner: Owner, *, shadow: Judge = fine, watch: Judge = fine, surge: bool = True
) -> Action:
    """Roll two instances."""
    judges = RollJudges(prepare=defect, shadow=shadow, watch=watch)
    rolling = Rolling(
        local,
        owner,
        Plan(old=("asr-1", "asr-2"), new=local.free_names(2), surge=surge),
        model="",
        judges=judges,
        times=TIMES,
        tell=lambda _: None,
    )
    return await rolling.run()


def ready(local: LocalFleet) -> list[str]:
    """Names of the ready instances."""
    return [line.name for line in local.instances() if line.state == "ready"]


@pytest.mark.parametrize("surge", [True, False])
def test_a_roll_that_goes_well_ends_with_the_new_ones(surge: bool) -> None:
    """Whatever the sample's collector does: there is still the canary."""

    async def story() -> None:
        async with changing() as (_, local, owner):
            end = await roll(local, owner, surge=surge)
            assert end.outcome is Outcome.DONE
            assert ready(local) == ["asr-3", "asr-4"]
            assert set(owner.targets) == {"asr-3", "asr-4"}

    asyncio.run(story())


@pytest.mark.parametrize("surge", [True, False])
@pytest.mark.parametrize("judges", [{"shadow": defect}, {"watch": defect}])
def test_a_defect_in_the_judging_brings_the_old_model_back(judges: dict[str, Judge], surge: bool) -> None:
    """Nobody knows then whether the new one will do."""

    async def story() -> None:
        async with changing() as (_, local, owner):
            end = await roll(local, owner, surge=surge, **judges)
            assert end.outcome is Outcome.ROLLED_BACK
            assert "ZeroDivisionError: oh" in end.reason
            assert ready(local) == ["asr-1", "asr-2"]
            assert set(owner.targets) == {"asr-1", "asr-2"}

    asyncio.run(story())


def test_a_new_instance_is_not_shown_as_ready_before_it_gets_work() -> None:
    """Else the gateway would be healthy while nobody can transcribe."""

    async def story() -> None:
        seen: list[str] = []

        async def look(name: str) -> str:
            seen.extend(line.state for line in local.instances() if line.name == name)
            return ""

        async with changing() as (_, local, owner):
            await roll(local, owner, shadow=look)
            assert seen == ["starting"]

    asyncio.run(story())


def test_drained_instances_come_back_with_the_new_model(tmp_path: Path) -> None:
    """They were not there when the others changed."""

    async def story() -> None:
        async with changing(folder=tmp_path) as (changes, local, _):
            await changes.drain(("asr-1",), lambda _: None)
            changes.adopt("another")
            assert local.laid("asr-1").model == "another"
            assert isinstance(changes, Changes)
            assert changes.wanted.model == "another"

    asyncio.run(story())


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"model": ""},
        {"model": "a\0b"},
        {"model": 7},
        {"model": "x", "shadow": 1.5},
        {"model": "x", "shadow": True},
        {"model": "x", "watch_s": float("nan")},
        {"model": "x", "slowdown": 0.5},
        {"model": "x", "is_replacing": 1},
        {"model": "x", "speed": 1},
    ],
)
def test_a_wish_that_makes_no_sense_is_refused(fields: dict[str, object]) -> None:
    """Before anything is done."""
    with pytest.raises(ClientError, match=r"roll (wants|cannot do)|Unknown field"):
        wish_of(fields)
