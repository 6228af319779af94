"""Requests of operators, over a fleet of real processes that stand in for instances."""

from __future__ import annotations

import asyncio
from typing import Any, cast

import pytest
from structlog.testing import capture_logs

from harken.config import Config
from harken.dispatch.dispatcher import Dispatcher
from harken.errors import HarkenError
from harken.fleet.handlers import handlers_of
from harken.fleet.one_change import OneChange
from harken.fleet.operators import Operators
from harken.fleet.roll import Roll
from harken.fleet.rooms import Rooms
from tests.fleet.test_changes import changing


@pytest.mark.parametrize(
    ("wish", "code"),
    [
        ({"do": "scale", "count": 1001}, "config_error"),
        ({"do": "scale", "count": -1}, "config_error"),
        ({"do": "scale", "count": 3}, "config_error"),  # there is no port for a third
        ({"do": "scale", "count": "3"}, "bad_request"),
        ({"do": "drain", "names": ["asr-1", "asr-9"]}, "instance_not_found"),
        ({"do": "restart", "names": ["asr-9"]}, "instance_not_found"),
        ({"do": "drain", "names": []}, "bad_request"),
    ],
)
def test_a_slip_of_an_operators_hand_is_no_change(wish: dict[str, Any], code: str) -> None:
    """Whoever slipped is told; the log neither has a change that began nor one that failed."""

    async def story() -> None:
        async with changing(first_port=65_534) as (changes, local, owner), OneChange() as one:
            config, before = Config(), list(owner.events)
            rooms = Rooms(local, lambda _: None, model=lambda: "")
            roll = Roll(config, local, changes, cast("Dispatcher", owner), rooms)
            operators = Operators(
                handlers_of(config, local, changes, one, roll=roll, rooms=rooms, autoscaling=None), one
            )
            with capture_logs() as log, pytest.raises(HarkenError) as refused:
                await operators.do(wish)
            assert refused.value.code == code
            assert owner.events == before
            assert [line for line in log if line["event"].startswith("fleet.")] == []

    asyncio.run(story())
