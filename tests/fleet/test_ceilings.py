"""Which ceiling is met first."""

from __future__ import annotations

import dataclasses

import pytest

from harken.config import AutoscaleConfig
from harken.fleet.ceilings import lowest_ceiling
from harken.fleet.decision import Block
from harken.fleet.sample import Sample

CONFIG = AutoscaleConfig()
SAMPLE = Sample(now=0.0, wanted=3, ready=3, slots=24, in_flight=20)


@pytest.mark.parametrize(
    ("changes", "block", "count"),
    [
        ({}, Block.MAX, 8),
        ({"room": 100}, Block.MAX, 8),
        ({"room": 2}, Block.MEMORY, 5),
        ({"room": -1}, Block.MEMORY, 3),
        ({"room": 2, "cores": 4}, Block.CPU, 4),
        ({"room": 1, "cores": 64}, Block.MEMORY, 4),
        ({"cores": 1}, Block.CPU, 3),
        ({"cores": 64, "cpu_share": 0.96}, Block.CPU, 3),
        ({"cores": None, "cpu_share": 1.0}, Block.MAX, 8),
    ],
)
def test_the_lowest_ceiling_is_named(changes: dict[str, int], block: Block, count: int) -> None:
    """None of them is below what there is."""
    found = lowest_ceiling(dataclasses.replace(SAMPLE, **changes), CONFIG)
    assert (found.block, found.count) == (block, count)


def test_by_the_guides_signal_a_full_cpu_is_no_ceiling() -> None:
    """It is the reason there."""
    sample = dataclasses.replace(SAMPLE, cores=2, cpu_share=1.0)
    assert lowest_ceiling(sample, dataclasses.replace(CONFIG, signals="cpu")).block == Block.MAX
