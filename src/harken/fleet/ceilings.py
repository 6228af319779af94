"""What more instances than now would meet: the configured most, memory, and the CPU they would share.

Pure. Invariant: no ceiling is below the present count; a ceiling keeps instances from being added and removes none.
"""

from __future__ import annotations

from dataclasses import dataclass

from harken.config import AutoscaleConfig
from harken.fleet.decision import Block
from harken.fleet.sample import Sample
from harken.fleet.signals import SATURATED_SHARE


@dataclass(frozen=True, kw_only=True, slots=True)
class Ceiling:
    """The most instances there can be.

    Attributes:
        block: what it is.
        count: the most.
        text: the same for people, half a sentence.
    """

    block: Block
    count: int
    text: str


def lowest_ceiling(sample: Sample, config: AutoscaleConfig) -> Ceiling:
    """Return the one that is met first."""
    least = max(sample.wanted, config.min)
    found = [Ceiling(block=Block.MAX, count=config.max, text=f"autoscale.max is {config.max}")]
    if sample.room is not None:
        count = sample.wanted + max(sample.room, 0)
        found.append(Ceiling(block=Block.MEMORY, count=count, text=f"memory has room for {count} and no more"))
    if sample.cores is not None and config.signals != "cpu":
        found.append(_of_cpu(sample, sample.cores, least))
    return min(found, key=lambda ceiling: ceiling.count)


def _of_cpu(sample: Sample, cores: int, least: int) -> Ceiling:
    share = sample.cpu_share
    if share is not None and share >= SATURATED_SHARE and sample.in_flight > 0:
        text = f"the CPU is the limit, at {share:.0%} of {cores} cores: another instance would not help"
        return Ceiling(block=Block.CPU, count=least, text=text)
    text = f"the instances compute on {cores} CPU cores, and more of them than cores would not help"
    return Ceiling(block=Block.CPU, count=max(cores, least), text=text)
