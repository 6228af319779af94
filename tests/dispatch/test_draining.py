"""Emptying a target, and the news that tells when it is empty."""

from __future__ import annotations

import asyncio

from harken.dispatch.draining import until_empty
from harken.dispatch.news import News
from tests.dispatch.house import run
from tests.dispatch.ready import ready_target


def test_an_empty_target_needs_no_waiting() -> None:
    """Nothing runs on it."""
    assert run(until_empty(ready_target("one"), News(), 0.0))


def test_it_is_empty_with_the_last_release() -> None:
    """Which is news."""

    async def story() -> bool:
        target, news = ready_target("one"), News()
        claim = target.claim(news.spread)
        emptying = asyncio.create_task(until_empty(target, news, 10.0))
        await asyncio.sleep(0)
        claim.release()
        return await emptying

    assert run(story())


def test_after_a_while_what_runs_is_cut() -> None:
    """Whoever holds the claim is told to stop, and does."""

    async def story() -> tuple[bool, str]:
        target, news = ready_target("one"), News()
        claim = target.claim(news.spread)
        claim.on_cut(claim.release)
        return await until_empty(target, news, 0.0), claim.cut_reason

    assert run(story()) == (False, "Instance one was emptied.")
