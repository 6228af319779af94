"""What happens to instances during a simulation: "half:1@60", "stop:2@30+20", "kill:3@90".

The instance is counted from 1; after "@" the second in which it happens, after "+" how long it lasts (to the end, if
nothing is said; a killed instance comes back by itself). Pure but for what it plans on the timeline. Invariant: a fault
that cannot be understood or meets no instance is an error before anything runs.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from typing import Protocol

from harken.bench.instance import Condition, VirtualInstance
from harken.bench.timeline import Timeline
from harken.errors import ConfigError

_FORM = re.compile(r"(?P<kind>[a-z]+):(?P<number>\d+)@(?P<at>\d+(?:\.\d+)?)(?:\+(?P<for>\d+(?:\.\d+)?))?")


class Kind(StrEnum):
    """What can happen."""

    HALF = "half"
    """It works at half its speed."""
    STOP = "stop"
    """It hangs (SIGSTOP)."""
    KILL = "kill"
    """It dies (SIGKILL)."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Fault:
    """One event.

    Attributes:
        kind: what happens.
        number: to which instance, from 1.
        at_s: when.
        for_s: how long it lasts; None: to the end.
    """

    kind: Kind
    number: int
    at_s: float
    for_s: float | None = None


class Sufferer(Protocol):
    """An arm, as faults see it."""

    def hung(self, instance: VirtualInstance) -> None:
        """An instance has stopped."""
        ...

    def killed(self, name: str) -> None:
        """An instance has died."""
        ...


def read_fault(text: str, *, instances: int) -> Fault:
    """Read a fault.

    Raises:
        ConfigError: it is none, or there is no such instance.
    """
    form = _FORM.fullmatch(text)
    if form is None or form["kind"] not in list(Kind):
        raise ConfigError(f"{text!r} is no fault; write half:1@60, stop:2@30+20 or kill:3@90.")
    number = int(form["number"])
    if not 1 <= number <= instances:
        raise ConfigError(f"{text!r}: there are instances 1 to {instances}.")
    for_s = None if form["for"] is None else float(form["for"])
    return Fault(kind=Kind(form["kind"]), number=number, at_s=float(form["at"]), for_s=for_s)


def plan(faults: Sequence[Fault], instances: Sequence[VirtualInstance], arm: Sufferer, timeline: Timeline) -> None:
    """Have the faults happen."""
    for fault in faults:
        instance = instances[fault.number - 1]
        timeline.at(fault.at_s, partial(_happen, fault.kind, instance, arm))
        if fault.for_s is not None:
            timeline.at(fault.at_s + fault.for_s, partial(_pass, fault.kind, instance))


def _happen(kind: Kind, instance: VirtualInstance, arm: Sufferer) -> None:
    if kind is Kind.HALF:
        instance.slow_down(0.5)
    elif instance.condition is not Condition.DEAD and kind is Kind.STOP:
        instance.hang()
        arm.hung(instance)
    elif instance.condition is not Condition.DEAD:
        instance.kill()
        arm.killed(instance.name)


def _pass(kind: Kind, instance: VirtualInstance) -> None:
    if kind is Kind.HALF:
        instance.slow_down(1.0)
    elif kind is Kind.STOP:
        instance.resume()
