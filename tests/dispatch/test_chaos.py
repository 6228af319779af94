"""Everything at once, by chance: instances change what they do while clients come, read along, leave and hurry.

Whatever happens, every segment ends once, with the right text or one error, nobody hears two tries, and at the end
every slot is back here and in the instances (checked by `dispatching`).
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from random import Random

import pytest

from harken.config import DispatchConfig, LimitsConfig
from harken.dispatch.dispatcher import Dispatcher
from harken.dispatch.recovery.hedge import HedgeRule
from harken.errors import HarkenError
from harken.types import Options, Priority, Requester
from tests.dispatch.house import dispatching, run
from tests.dispatch.instances import Instance, Script, expected_text, make_segment

TROUBLES = (
    Script.DELAYED,
    Script.DELAYED,
    Script.DIE_BEFORE_TEXT,
    Script.DIE_AFTER_TEXT,
    Script.ENGINE_FAILS,
    Script.FLAKY,
    Script.FULL,
    Script.HANG,
    Script.STOP_SHORT,
)


@dataclass
class Ends:
    """How the segments ended."""

    right: int = 0
    left: int = 0
    errors: list[str] = field(default_factory=list)


async def one_client(dispatcher: Dispatcher, number: int, chance: Random, ends: Ends) -> None:
    """Ask once; perhaps read along, be in a hurry, or leave."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + chance.uniform(0.05, 2) if chance.random() < 0.2 else None
    requester = Requester(key=chance.choice("abc"), priority=chance.choice(tuple(Priority)), deadline=deadline)
    segment = replace(make_segment(f"req-{number}", seed=number), requester=requester)
    pieces: list[str] = []
    patience_s = chance.uniform(0.01, 0.5) if chance.random() < 0.2 else None
    try:
        async with asyncio.timeout(patience_s):
            send = pieces.append if chance.random() < 0.3 else None
            transcript = await dispatcher.recognize(segment, Options(), send)
    except TimeoutError:
        ends.left += 1
    except HarkenError as error:
        ends.errors.append(error.code)
    else:
        ends.right += 1
        assert transcript.text == expected_text(segment)
        assert send is None or "".join(pieces) == transcript.text


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2])
def test_every_segment_ends_once_whatever_happens(seed: int) -> None:
    """Two hundred segments on four instances, of which one changes every few milliseconds."""
    chance, ends = Random(seed), Ends()
    fleet = [Instance(f"asr-{n}", slots=4) for n in range(4)]
    dispatch = DispatchConfig(hedge_share=0.5, retry_share=0.5)

    async def trouble() -> None:
        while True:
            # One has no trouble: how a fleet behaves in which nobody works is known.
            chance.choice(fleet[1:]).script = chance.choice(TROUBLES) if chance.random() < 0.4 else Script.ANSWER
            await asyncio.sleep(0.01)  # not a wait for anything: the pace of the trouble

    async def story() -> None:
        limits = LimitsConfig(attempts=4, queue_timeout_s=5.0)
        async with dispatching(
            *fleet, limits=limits, dispatch=dispatch, hedges=HedgeRule(floor_s=0.02), silence_s=0.2
        ) as dispatcher:
            for _ in range(40):
                await dispatcher.recognize(make_segment(), Options())
            troubling = asyncio.create_task(trouble())
            async with asyncio.TaskGroup() as group:
                for number in range(200):
                    group.create_task(one_client(dispatcher, number, chance, ends))
                    await asyncio.sleep(chance.uniform(0, 0.01))  # not a wait for anything: how clients come
            troubling.cancel()
            await asyncio.wait([troubling])
            stats = dispatcher.stats()
            assert ends.right + ends.left + len(ends.errors) == 200
            assert stats.recognized == 40 + ends.right
            assert stats.hedges + stats.replays + stats.retries > 0

    run(story())
    assert ends.right > 100
