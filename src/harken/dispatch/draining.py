"""Emptying a target: it gets nothing more, what it has may finish, and after a while is taken elsewhere.

It knows neither why nor what comes then. Invariant: when it returns, nothing runs on the target.
"""

from __future__ import annotations

import asyncio

from harken.dispatch.news import News
from harken.dispatch.targets.target import Target


async def until_empty(target: Target, news: News, timeout_s: float) -> bool:
    """Wait until nothing runs on a target that gets nothing more; what still does after `timeout_s` seconds is cut.

    Returns:
        False when something had to be cut.
    """
    try:
        async with asyncio.timeout(timeout_s):
            await news.until(lambda: target.in_flight == 0)
    except TimeoutError:
        target.cut(f"Instance {target.name} was emptied.")
        await news.until(lambda: target.in_flight == 0)
        return False
    return True
