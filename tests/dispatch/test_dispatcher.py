"""The dispatcher against real servers."""

from __future__ import annotations

import asyncio

from tests.dispatch.instances import Instance, expected_text, make_segment, running

from harken.config import FleetConfig, LimitsConfig
from harken.dispatch.dispatcher import Dispatcher
from harken.types import Options


def test_a_segment_comes_back_recognised() -> None:
    """The plain case."""

    async def main() -> None:
        one = Instance("one")
        async with running(one), Dispatcher(LimitsConfig(), FleetConfig()) as dispatcher:
            dispatcher.add_target("one", one.url)
            segment = make_segment(seconds=30)
            got = []
            t = await dispatcher.recognize(segment, Options(), got.append)
            assert t.text == expected_text(segment) == "".join(got)

    asyncio.run(main())
