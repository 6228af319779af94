"""More instances, fewer, restarts and taking out of service, with real processes that stand in for instances."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from harken.config import Config, FleetConfig, InstanceConfig
from harken.errors import ConfigError
from harken.fleet.changes import Changes
from harken.fleet.machine import Machine
from harken.fleet.one_change import OneChange
from harken.fleet.refusals import ChangeFailed, FleetBusy, InstanceNotFound
from harken.fleet.wanted import Wanted, configured, read_file
from tests.fleet.test_local import CHILD, Owner, Watched, all_ready, fleet, pid_of


def heard() -> tuple[list[str], Any]:
    """A list, and what adds to it."""
    told: list[str] = []
    return told, told.append


@asynccontextmanager
async def changing(
    wishes: str = "", *, instances: int = 2, folder: Path | None = None, **config: Any
) -> AsyncIterator[tuple[Changes, Watched, Owner]]:
    """A fleet of stand-ins whose instances are ready, and what changes it."""
    async with fleet(wishes, instances=instances, **config) as (local, owner):
        await local.until(all_ready)
        retries = config.get("start_retries", 2)
        settings = Config(
            fleet=FleetConfig(instances=instances, start_retries=retries), instance=InstanceConfig(model=wishes)
        )
        async with Changes(settings, local, owner, wanted=configured(settings), folder=folder) as changes:
            yield changes, local, owner


def test_scaling_up_and_down_starts_the_next_numbers_and_takes_the_newest_away(tmp_path: Path) -> None:
    """The old ones run on in their processes, and what was decided is remembered."""

    async def story() -> None:
        async with changing(folder=tmp_path) as (changes, local, owner):
            first = [line.pid for line in local.instances()]
            told, tell = heard()
            assert await changes.scale(4, tell) == {"before": 2, "now": 4}
            assert local.names() == ("asr-1", "asr-2", "asr-3", "asr-4")
            assert set(owner.targets) == set(local.names())
            assert told[0] == "asr-3, asr-4 start"
            assert sorted(told[1:]) == ["asr-3 is ready", "asr-4 is ready"]
            assert changes.wanted.instances == 4
            await changes.scale(1, tell)
            assert local.names() == ("asr-1",)
            await changes.scale(2, tell)
            assert local.names() == ("asr-1", "asr-2")
            assert local.instances()[0].pid == first[0]
        assert '"instances": 2' in read_file(tmp_path).partition("wanted")[2]

    asyncio.run(story())


def test_an_instance_gets_nothing_more_before_it_is_stopped() -> None:
    """Drained first, then out of service, never the other way round."""

    async def story() -> None:
        async with changing() as (changes, _, owner):
            _, tell = heard()
            await changes.scale(1, tell)
            assert [event for event in owner.events if event.endswith("asr-2")] == ["+asr-2", "~asr-2", "-asr-2"]

    asyncio.run(story())


def test_a_fleet_may_be_scaled_to_nothing_and_back() -> None:
    """An empty fleet is no broken one."""

    async def story() -> None:
        async with changing() as (changes, local, _):
            _, tell = heard()
            await changes.scale(0, tell)
            assert local.names() == ()
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(local.wait_broken(), 0.05)
            await changes.scale(2, tell)
            assert all_ready(local.instances())

    asyncio.run(story())


@pytest.mark.parametrize("count", [-1, 1001])
def test_a_count_that_cannot_be_is_refused(count: int) -> None:
    """Before anything is done."""

    async def story() -> None:
        async with changing() as (changes, local, _):
            with pytest.raises(ConfigError, match="0 to 1000"):
                await changes.scale(count, lambda _: None)
            assert len(local.names()) == 2

    asyncio.run(story())


def test_new_instances_that_cannot_start_are_taken_away_again(tmp_path: Path) -> None:
    """The old ones are not concerned, and the decision is taken back."""
    spoilt = tmp_path / "spoilt"

    async def story() -> None:
        async with changing(f"exit_while={spoilt}", folder=tmp_path) as (changes, local, owner):
            spoilt.touch()
            with pytest.raises(ChangeFailed, match=r"asr-3 cannot start\. It ended with exit code 3: not now"):
                await changes.scale(3, lambda _: None)
            assert local.names() == ("asr-1", "asr-2")
            assert set(owner.targets) == {"asr-1", "asr-2"}
            assert changes.wanted.instances == 2
            spoilt.unlink()

    asyncio.run(story())


def test_an_instance_that_is_not_wanted_any_more_before_it_is_ready_just_goes() -> None:
    """Up and down at once, as an autoscaler may; neither is an error."""

    async def story() -> None:
        async with changing() as (changes, local, _):
            coming = changes.resize(4, lambda _: None)
            leaving = changes.resize(2, lambda _: None)
            assert changes.in_service() == ("asr-1", "asr-2")
            assert await asyncio.gather(*coming, *leaving) == [""] * 4
            assert local.names() == ("asr-1", "asr-2")

    asyncio.run(story())


def test_what_does_not_work_goes_first() -> None:
    """Scaling down keeps those that are ready, whatever their number."""

    async def story() -> None:
        async with changing(instances=3, backoff_s=30.0, backoff_max_s=30.0) as (changes, local, _):
            os.kill(pid_of(local.instances(), "asr-1"), signal.SIGKILL)
            await local.until(lambda lines: lines[0].state == "waiting")
            await changes.scale(2, lambda _: None)
            assert local.names() == ("asr-2", "asr-3")

    asyncio.run(story())


def test_a_rolling_restart_brings_each_back_before_the_next_goes() -> None:
    """Two instances, never both away."""

    async def story() -> None:
        async with changing() as (changes, local, owner):
            before = {line.pid for line in local.instances()}
            done = await changes.restart((), lambda _: None)
            assert done == {"restarted": ["asr-1", "asr-2"]}
            assert before.isdisjoint(line.pid for line in local.instances())
            after = owner.events[owner.events.index("~asr-1") :]
            assert after == ["~asr-1", "-asr-1", "+asr-1", "~asr-2", "-asr-2", "+asr-2"]

    asyncio.run(story())


def test_a_restart_ends_where_one_does_not_come_back(tmp_path: Path) -> None:
    """After as many tries as a start may have; the others are left alone, and the supervisor tries on."""
    spoilt = tmp_path / "spoilt"

    async def story() -> None:
        async with changing(f"exit_asr-1_while={spoilt}", start_retries=1) as (changes, local, _):
            spoilt.touch()
            other = pid_of(local.instances(), "asr-2")
            with pytest.raises(ChangeFailed, match=r"asr-1 cannot start\. It ended with exit code 3"):
                await changes.restart((), lambda _: None)
            assert pid_of(local.instances(), "asr-2") == other
            spoilt.unlink()
            await local.until(all_ready)

    asyncio.run(story())


def test_the_first_of_an_empty_fleet_that_cannot_start_is_no_end_of_it(tmp_path: Path) -> None:
    """The model ran an hour ago: whoever scaled is told, and the gateway lives on."""
    spoilt = tmp_path / "spoilt"

    async def story() -> None:
        async with changing(f"exit_while={spoilt}") as (changes, local, _):
            await changes.scale(0, lambda _: None)
            spoilt.touch()
            with pytest.raises(ChangeFailed, match="cannot start"):
                await changes.scale(1, lambda _: None)
            assert local.names() == ()
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(local.wait_broken(), 0.05)
            spoilt.unlink()

    asyncio.run(story())


def test_one_that_is_broken_goes_before_one_that_comes_back(tmp_path: Path) -> None:
    """Else nobody would be left who can serve."""
    spoilt = tmp_path / "spoilt"

    async def story() -> None:
        spoilt.touch()
        async with fleet(f"exit_asr-1_while={spoilt}", instances=2, backoff_s=30.0, backoff_max_s=30.0) as (
            local,
            owner,
        ):
            await local.until(lambda lines: [line.state for line in lines] == ["broken_at_start", "ready"])
            os.kill(pid_of(local.instances(), "asr-2"), signal.SIGKILL)
            await local.until(lambda lines: lines[1].state == "waiting")
            config = Config(fleet=FleetConfig(instances=2))
            async with Changes(config, local, owner, wanted=configured(config), folder=None) as changes:
                await changes.scale(1, lambda _: None)
                assert local.names() == ("asr-2",)
                with pytest.raises(TimeoutError):
                    await asyncio.wait_for(local.wait_broken(), 0.05)

    asyncio.run(story())


def test_more_instances_than_there_are_ports_for_are_refused_and_not_remembered(tmp_path: Path) -> None:
    """Else no later start would come to its end."""

    async def story() -> None:
        async with changing(folder=tmp_path, first_port=65_534) as (changes, local, _):
            with pytest.raises(ConfigError, match="no port for asr-3"):
                await changes.scale(3, lambda _: None)
            assert local.names() == ("asr-1", "asr-2")
            assert changes.wanted.instances == 2
        assert read_file(tmp_path) == ""

    asyncio.run(story())


def test_an_operators_change_waits_for_what_an_autoscaler_has_begun() -> None:
    """It would meet instances that are about to go."""

    async def story() -> None:
        async with changing(instances=3) as (changes, local, _):
            changes.resize(2, lambda _: None)
            with pytest.raises(InstanceNotFound):
                await changes.drain(("asr-3",), lambda _: None)
            assert changes.wanted.stopped == ()
            assert local.names() == ("asr-1", "asr-2")

    asyncio.run(story())


def test_a_drained_instance_stays_away_until_it_is_restarted(tmp_path: Path) -> None:
    """Also over a scaling, and over a restart of the gateway: it is remembered."""

    async def story() -> None:
        async with changing(folder=tmp_path) as (changes, local, _):
            await changes.drain(("asr-1",), lambda _: None)
            assert changes.wanted == Wanted(instances=1, model="", stopped=("asr-1",))
            await changes.scale(2, lambda _: None)
            assert [(line.name, line.state) for line in local.instances()] == [
                ("asr-1", "stopped"),
                ("asr-2", "ready"),
                ("asr-3", "ready"),
            ]
            await changes.restart(("asr-1",), lambda _: None)
            assert changes.wanted == Wanted(instances=3, model="", stopped=())
            assert all_ready(local.instances())

    asyncio.run(story())


def test_instances_that_were_taken_out_of_service_are_not_started() -> None:
    """What was remembered, at the next start."""

    async def story() -> None:
        config = Config(fleet=FleetConfig(instances=2, first_port=0))
        owner = Owner()
        wanted = Wanted(instances=1, model="stub", stopped=("asr-1",))
        local = Watched(config, owner, wanted=wanted, machine=Machine(cores=2, has_gpu=False), command=CHILD)
        async with local:
            lines = await local.until(lambda now: now[-1].state == "ready")
            assert [(line.name, line.state) for line in lines] == [("asr-1", "stopped"), ("asr-2", "ready")]

    asyncio.run(story())


@pytest.mark.parametrize("do", ["restart", "drain"])
def test_an_unknown_instance_is_refused_before_anything_is_done(do: str) -> None:
    """Also where others are known."""

    async def story() -> None:
        async with changing() as (changes, _, owner):
            before = list(owner.events)
            with pytest.raises(InstanceNotFound, match="asr-1, asr-2"):
                await getattr(changes, do)(("asr-1", "asr-9"), lambda _: None)
            assert owner.events == before

    asyncio.run(story())


def test_a_second_change_is_refused_while_one_is_under_way() -> None:
    """With the name of the first; afterwards there is room again."""

    async def story() -> None:
        begun, may_end = asyncio.Event(), asyncio.Event()

        async def slow(_: Any) -> dict[str, Any]:
            begun.set()
            await may_end.wait()
            return {"done": 1}

        async with OneChange() as one:
            first = asyncio.ensure_future(one.make("the first", slow, lambda _: None))
            await begun.wait()
            with pytest.raises(FleetBusy, match="the first"):
                await one.make("the second", slow, lambda _: None)
            may_end.set()
            assert await first == {"done": 1}
            assert await one.make("the third", slow, lambda _: None) == {"done": 1}

    asyncio.run(story())


def test_a_change_goes_on_when_nobody_watches_any_more() -> None:
    """Whoever asked was cut off in the middle."""

    async def story() -> None:
        begun, may_end, ended = asyncio.Event(), asyncio.Event(), asyncio.Event()

        async def slow(tell: Any) -> dict[str, Any]:
            begun.set()
            await may_end.wait()
            tell("nobody hears this")
            ended.set()
            return {}

        async with OneChange() as one:
            told, tell = heard()
            asking = asyncio.ensure_future(one.make("slow", slow, tell))
            await begun.wait()
            asking.cancel()
            await asyncio.wait([asking])
            assert one.under_way == "slow"
            may_end.set()
            await asyncio.wait_for(ended.wait(), 5)
            assert told == []

    asyncio.run(story())


def test_a_defect_in_a_change_is_its_answer_and_ends_nothing_else() -> None:
    """The gateway serves on."""

    async def story() -> None:
        async def defect(_: Any) -> dict[str, Any]:
            raise ZeroDivisionError("oh")

        async with OneChange() as one:
            with pytest.raises(ChangeFailed, match="ZeroDivisionError: oh"):
                await one.make("x", defect, lambda _: None)
            assert one.under_way == ""

    asyncio.run(story())


def test_a_wish_that_cannot_be_met_is_a_warning_and_a_change_that_failed_an_error() -> None:
    """In the log; who asked hears either."""

    async def scene() -> None:
        async def refuse(_: Any) -> dict[str, Any]:
            raise InstanceNotFound

        async def fail(_: Any) -> dict[str, Any]:
            raise ChangeFailed

        async with OneChange() as one:
            with capture_logs() as log:
                with pytest.raises(InstanceNotFound):
                    await one.make("drain", refuse, lambda _: None)
                with pytest.raises(ChangeFailed):
                    await one.make("scale", fail, lambda _: None)
        ends = [line for line in log if "code" in line]
        assert [(line["event"], line["log_level"], line["code"]) for line in ends] == [
            ("fleet.change_refused", "warning", "instance_not_found"),
            ("fleet.change_failed", "error", "change_failed"),
        ]

    asyncio.run(scene())


def test_a_change_under_way_is_cut_short_when_the_gateway_leaves() -> None:
    """Whoever watches is told."""

    async def story() -> None:
        async def endless(_: Any) -> dict[str, Any]:
            await asyncio.Event().wait()
            return {}

        async with OneChange() as one:
            asking = asyncio.ensure_future(one.make("x", endless, lambda _: None))
            while not one.under_way:
                await asyncio.sleep(0)
            await asyncio.sleep(0)
        with pytest.raises(ChangeFailed, match="leaving"):
            await asking

    asyncio.run(story())


def test_a_decision_that_cannot_be_written_down_is_said_to_be_none_for_later(tmp_path: Path) -> None:
    """It is carried out all the same."""

    async def story() -> None:
        async with changing(folder=tmp_path) as (changes, local, _):
            assert await changes.is_remembered()
            (tmp_path / "fleet.json.new").mkdir()
            await changes.scale(1, lambda _: None)
            assert local.names() == ("asr-1",)
            assert not await changes.is_remembered()

    asyncio.run(story())
