"""What speaks for more instances, and what against fewer: each signal of one sample, read by itself.

Pure, and without memory: how long a signal has lasted is for `autoscaler`. Invariants: whatever asks for a count keeps
at least that count, so there is always a gap between adding and removing; and more audio in the queue never lowers
either.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from harken.config import AutoscaleConfig
from harken.fleet.sample import Sample

KEEP_SHARE: Final = 0.75
"""Of a threshold: what removing instances must stay below, so that the next moment does not ask for them again."""

SATURATED_SHARE: Final = 0.95
"""Of the CPU: from here on, instances that compute on it only take it from each other."""

_LOADED_SHARE: Final = 0.5
"""Of the slots: below, a busy CPU or GPU, or a segment that waits long, has another reason than too few instances. A
GPU counts as busy whenever anything runs on it: one single stream makes it 100 %."""

_COUNT_MAX: Final = 9999
"""Beyond any fleet: keeps a tiny pace from asking for infinity."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Signal:
    """One thing that was looked at.

    Attributes:
        name: "backlog", "wait", "slots", "cpu" or "gpu".
        value: what it is: seconds, or a share; None where it is not known.
        threshold: above it, more instances are wanted.
        is_over: whether it is, and counts.
        wants: instances that it asks for; the present count where it asks for none.
        keeps: the fewest instances that it would not miss.
        text: the same for people, half a sentence.
    """

    name: str
    value: float | None
    threshold: float
    is_over: bool
    wants: int
    keeps: int
    text: str


def read_signals(sample: Sample, config: AutoscaleConfig, *, heeds_shares: bool = True) -> tuple[Signal, ...]:
    """Read all signals of a sample.

    Args:
        sample: of a fleet that is to have at least one instance.
        config: thresholds, and which signals count.
        heeds_shares: whether CPU and GPU may ask; not where they did already and it changed nothing.
    """
    queue = (_backlog(sample, config), _wait(sample, config), _slots(sample, config))
    if config.signals == "cpu":
        # The guide's rule has one reason to add; what runs or waits is kept from harm all the same.
        return (*(_mute(signal, sample) for signal in queue), *_cpu_alone(sample, config))
    return (*queue, *_shares(sample, config, heeds=heeds_shares))


def slots_each(sample: Sample) -> float:
    """Slots of one ready instance; 0 where none is ready."""
    return sample.slots / sample.ready if sample.ready > 0 else 0.0


def backlog_s(sample: Sample, instances: int) -> float | None:
    """Seconds in which so many instances would work off what waits; None where their pace is not known."""
    if sample.queued_audio_s <= 0:
        return 0.0
    return sample.queued_audio_s / (sample.pace * max(instances, 1)) if sample.pace and sample.pace > 0 else None


def _backlog(sample: Sample, config: AutoscaleConfig) -> Signal:
    seconds = backlog_s(sample, sample.ready)
    wants = sample.wanted
    if sample.queued_audio_s > 0 and sample.pace is not None and sample.pace > 0:
        # As many as would have worked it off in time, had they been there.
        wants = max(wants, _count(sample.queued_audio_s / sample.pace / config.target_wait_s))
    of_work = "" if seconds is None else f", {seconds:.0f} s of work for {sample.ready or 'one'} that are ready"
    return Signal(
        name="backlog",
        value=seconds,
        threshold=config.target_wait_s,
        is_over=wants > sample.wanted,
        wants=wants,
        keeps=wants if sample.queued_audio_s > 0 else 0,
        text=f"{sample.queued_audio_s:.0f} s of audio wait{of_work}",
    )


def _wait(sample: Sample, config: AutoscaleConfig) -> Signal:
    """The oldest segment's wait: for a fleet whose pace nobody knows yet, and for who starves at the queue's end."""
    seconds = backlog_s(sample, sample.ready)
    # A wait is over only long after its cause: where little work is left, it asks for nothing any more.
    is_backed = seconds is None or seconds >= config.target_wait_s / 2
    is_over = sample.oldest_wait_s > config.target_wait_s and is_backed and _is_loaded(sample, _LOADED_SHARE)
    return Signal(
        name="wait",
        value=sample.oldest_wait_s,
        threshold=config.target_wait_s,
        is_over=is_over,
        wants=sample.wanted + is_over,
        keeps=sample.wanted + is_over if sample.oldest_wait_s > 0 else 0,
        text=f"the oldest segment has waited for {sample.oldest_wait_s:.0f} s",
    )


def _slots(sample: Sample, config: AutoscaleConfig) -> Signal:
    each = slots_each(sample)
    wants, keeps = sample.wanted, sample.wanted if sample.in_flight > 0 else 0
    if each > 0:
        wants = max(wants, _count(sample.in_flight / (each * config.slots_share)))
        keeps = _count(sample.in_flight / (each * config.slots_share * KEEP_SHARE))
    return Signal(
        name="slots",
        value=sample.in_flight / sample.slots if sample.slots > 0 else None,
        threshold=config.slots_share,
        is_over=wants > sample.wanted,
        wants=wants,
        keeps=keeps,
        text=f"{sample.in_flight} of {sample.slots} slots are in use",
    )


def _shares(sample: Sample, config: AutoscaleConfig, *, heeds: bool) -> Iterator[Signal]:
    for name, value, threshold in (
        ("cpu", sample.cpu_share, config.cpu_share),
        ("gpu", sample.gpu_share, config.gpu_share),
    ):
        is_over = heeds and value is not None and value > threshold and _is_loaded(sample, _LOADED_SHARE)
        keeps = value is not None and value > threshold * KEEP_SHARE and _is_loaded(sample, _LOADED_SHARE * KEEP_SHARE)
        yield _share(sample, name, value, threshold, is_over=is_over, keeps=keeps)


def _cpu_alone(sample: Sample, config: AutoscaleConfig) -> Iterator[Signal]:
    value, threshold = sample.cpu_share, config.cpu_share
    # What nobody could measure is no reason to remove anything.
    keeps = value is None or value > threshold * KEEP_SHARE
    signal = _share(sample, "cpu", value, threshold, is_over=value is not None and value > threshold, keeps=keeps)
    if value is not None and value >= SATURATED_SHARE and sample.cores is not None:
        misled = f"{signal.text} of {sample.cores} cores, which the instances share (another one would not help)"
        signal = dataclasses.replace(signal, text=misled)
    yield signal


def _share(sample: Sample, name: str, value: float | None, threshold: float, *, is_over: bool, keeps: bool) -> Signal:
    shown = "is not known" if value is None else f"is at {value:.0%}"
    return Signal(
        name=name,
        value=value,
        threshold=threshold,
        is_over=is_over,
        wants=sample.wanted + is_over,
        keeps=sample.wanted + is_over if keeps else 0,
        text=f"the {'CPU' if name == 'cpu' else 'busiest GPU'} {shown}",
    )


def _mute(signal: Signal, sample: Sample) -> Signal:
    return dataclasses.replace(signal, is_over=False, wants=sample.wanted, keeps=min(signal.keeps, sample.wanted))


def _is_loaded(sample: Sample, share: float) -> bool:
    return sample.slots > 0 and sample.in_flight >= share * sample.slots


def _count(instances: float) -> int:
    # A sum of floats that is a hair above a whole number asks for that number.
    return math.ceil(min(instances, _COUNT_MAX) - 1e-9)
