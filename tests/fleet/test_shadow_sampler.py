"""A shadow sample is collected from real traffic and recognised by a new instance, over real sockets."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from harken.dispatch.lines.session import open_session
from harken.dispatch.lines.wire_line import WireLine
from harken.dispatch.recognized import Recognized
from harken.fleet.packaged import Packaged
from harken.fleet.shadow import Failure, Heard, judge
from harken.fleet.shadow_sampler import ShadowSampler
from harken.types import Options, Transcript
from harken.wire import Job
from tests.dispatch.house import dispatching, run
from tests.dispatch.instances import Instance, Script, expected_text, make_segment, running


def sampler(wanted: int = 4, **changed: float) -> ShadowSampler:
    """For targets whose name begins with "old"; recordings of its own, of which it has two."""
    return ShadowSampler(
        wanted=wanted,
        is_old=lambda name: name.startswith("old"),
        packaged=lambda count: [
            Packaged(samples=make_segment(seed=100 + n).samples, text="one two three", language="English")
            for n in range(min(count, 2))
        ],
        **changed,  # type: ignore[arg-type]
    )


def recognized(seed: int = 0, *, target: str = "old-1", options: Options | None = None) -> Recognized:
    """News of a segment."""
    segment = make_segment(f"req-{seed}", seed=seed)
    return Recognized(
        target=target,
        job=Job(segment=segment, options=options or Options(), wants_deltas=False),
        transcript=Transcript(text=expected_text(segment), language="English", audio_s=1.0),
        took_s=0.5,
    )


@asynccontextmanager
async def line_to(instance: Instance, *, silence_s: float = 6.0) -> AsyncIterator[WireLine]:
    """An instance that listens, and a line to it."""
    async with running(instance), open_session() as session:
        yield WireLine(instance.url, session, silence_s=silence_s)


def test_what_the_old_model_recognised_is_recognised_by_the_new_one_and_compared() -> None:
    """From a dispatcher's traffic, with the client's options; the new one is no target of it."""
    new = Instance("new-1")

    async def story() -> None:
        ours = sampler()
        async with dispatching(Instance("old-1")) as dispatcher, line_to(new) as line:
            dispatcher.listen(ours.note)
            for n in range(4):
                await dispatcher.recognize(make_segment(f"req-{n}", seed=n), Options(language="Chinese", context="Ann"))
            assert await ours.collect(None, wait_s=60.0) == 4, "enough has come, so nobody waits"
            pairs = await ours.run(line)
        assert len(pairs) == 4
        assert all(isinstance(pair.new, Heard) and pair.new.text == pair.old.text for pair in pairs)
        assert all(pair.is_forced and pair.old.took_s is not None for pair in pairs)
        assert judge(pairs).is_good
        assert {job.options for job in new.jobs} == {Options(language="Chinese", context="Ann")}
        assert sorted(new.seen) == ["shadow-0", "shadow-1", "shadow-2", "shadow-3"]

    run(story())


@pytest.mark.parametrize(
    "news",
    [
        recognized(target="new-1"),
        recognized(options=Options(temperature=0.5)),
        recognized(options=Options(repetition_penalty=1.2)),
        recognized(options=Options(language="English", prefix="one")),
    ],
)
def test_what_says_nothing_of_the_old_model_is_not_taken(news: Recognized) -> None:
    """Another model's text, one drawn by chance, one after a loop that the guard asked for, one begun for it."""
    ours = sampler()
    ours.note(news)
    assert len(ours) == 0


def test_without_traffic_recordings_of_the_package_are_put_to_both() -> None:
    """After the wait; what has come counts first."""
    old, new = Instance("old-1"), Instance("new-1")

    async def story() -> None:
        ours = sampler(3)
        ours.note(recognized())
        async with line_to(old) as ask_old, line_to(new) as line:
            assert await ours.collect(ask_old, wait_s=0.01) == 3
            pairs = await ours.run(line)
        assert len(old.seen) == 2
        assert [pair.old.text == pair.new.text for pair in pairs if isinstance(pair.new, Heard)] == [True] * 3

    run(story())


@pytest.mark.parametrize("script", [None, Script.ENGINE_FAILS])
def test_where_the_old_model_does_not_answer_what_is_said_stands_for_it(script: Script | None) -> None:
    """It took no time that could be compared."""

    async def story() -> None:
        ours = sampler(2)
        async with line_to(Instance("old-1", script or Script.ANSWER)) as ask_old, line_to(Instance("new-1")) as line:
            await ours.collect(None if script is None else ask_old, wait_s=0.0)
            pairs = await ours.run(line)
        assert {(pair.old.text, pair.old.took_s) for pair in pairs} == {("one two three", None)}

    run(story())


@pytest.mark.parametrize(
    ("script", "code", "tries"),
    [
        (Script.ENGINE_FAILS, "engine_failed", 2),
        (Script.DIE_BEFORE_TEXT, "instance_failed", 2),
        (Script.GARBAGE, "instance_failed", 2),
        (Script.CLIENT_FAULT, "unknown_language", 1),
    ],
)
def test_a_new_instance_that_fails_is_a_verdict_and_no_error(script: Script, code: str, tries: int) -> None:
    """What may be chance is tried twice."""
    new = Instance("new-1", script)

    async def story() -> None:
        ours = sampler(1)
        ours.note(recognized())
        async with line_to(new) as line:
            (pair,) = await ours.run(line)
        assert pair.new == Failure(code=code)
        assert not judge([pair]).is_good

    run(story())
    assert len(new.seen) == tries


def test_a_failure_that_does_not_come_again_is_none() -> None:
    """It happens to good instances, too."""

    async def story() -> None:
        ours = sampler(1)
        ours.note(recognized())
        async with line_to(Instance("new-1", Script.FLAKY)) as line:
            (pair,) = await ours.run(line)
        assert isinstance(pair.new, Heard)

    run(story())


def test_an_instance_that_is_gone_fails_all_of_the_sample() -> None:
    """The roll hears of it from its supervisor, too."""

    async def story() -> None:
        ours = sampler(2)
        ours.note(recognized(0))
        ours.note(recognized(1))
        async with open_session() as session:
            pairs = await ours.run(WireLine("http://127.0.0.1:9", session))
        assert [pair.new for pair in pairs] == [Failure(code="instance_failed")] * 2

    run(story())


@pytest.mark.slow
def test_an_instance_that_says_nothing_costs_its_patience_and_no_more() -> None:
    """A stuck model ends the trial with a verdict."""

    async def story() -> None:
        ours = sampler(1)
        ours.note(recognized())
        async with line_to(Instance("new-1", Script.HANG), silence_s=0.2) as line:
            (pair,) = await ours.run(line)
        assert pair.new == Failure(code="instance_failed")

    run(story())


def test_no_more_are_asked_at_a_time_than_may_be() -> None:
    """The machine has clients to serve."""
    new = Instance("new-1", Script.GATED)

    async def story() -> None:
        ours = sampler(6, at_once=2)
        for n in range(6):
            ours.note(recognized(n))
        async with line_to(new) as line, asyncio.TaskGroup() as tasks:
            running_it = tasks.create_task(ours.run(line))
            await new.until(lambda: new.running == 2)
            new.gate.set()
            assert len(await running_it) == 6
        assert new.most_running == 2

    run(story())


def test_a_trial_that_is_broken_off_frees_the_instance() -> None:
    """An operator may stop a roll in its middle."""
    new = Instance("new-1", Script.GATED)

    async def story() -> None:
        ours = sampler(2)
        ours.note(recognized())
        async with line_to(new) as line:
            trial = asyncio.create_task(ours.run(line))
            await new.until(lambda: new.running == 1)
            trial.cancel()
            await asyncio.wait((trial,))
            await new.until(lambda: new.running == 0)
        assert new.abandoned == 1

    run(story())


def test_what_is_longer_than_the_new_model_takes_is_left_out() -> None:
    """After the roll it comes in shorter pieces; that is no fault."""
    new = Instance("new-1")

    async def story() -> None:
        ours = sampler(2)
        ours.note(recognized())
        long = replace(recognized(1).job, segment=make_segment(seconds=31.0))
        ours.note(replace(recognized(1), job=long))
        assert len(ours) == 2
        async with line_to(new) as line:
            assert len(await ours.run(line)) == 1

    run(story())


def test_a_closed_sampler_holds_nothing_and_takes_nothing() -> None:
    """A dispatcher may have told it of one more."""
    ours = sampler()
    ours.note(recognized())
    ours.close()
    ours.note(recognized())
    assert len(ours) == 0


def test_what_people_said_is_in_no_log_line(capfd: pytest.CaptureFixture[str]) -> None:
    """Nor in what is shown of a sampler."""

    async def story() -> None:
        ours = sampler(3)
        news = recognized()
        ours.note(replace(news, transcript=replace(news.transcript, text="swordfish")))
        async with line_to(Instance("new-1", Script.ODD_VALUES)) as line:
            await ours.collect(line, wait_s=0.0)
            await ours.run(line)
        assert "swordfish" not in repr(ours)

    run(story())
    out, error = capfd.readouterr()
    assert "roll.sampled" in out + error
    assert "swordfish" not in out + error
