"""What the engine is meant to reach, and whether a result does. Pure.

The goals are for random weights of full size and four tokens per audio-second, on one H200 and on two CPU cores; on
another machine the table says how far that one is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, kw_only=True, slots=True)
class Goal:
    """One figure of one row of the throughput table.

    Attributes:
        model: name of a size; device: "cpu" or "cuda"; kind: of weights.
        figure: of the row.
        value: that it should have at least; at most, with `is_bound`.
    """

    model: str
    device: str
    kind: str
    audio_s: float
    at_a_time: int
    figure: str
    value: float
    is_bound: bool = False

    def is_met(self, found: float) -> bool:
        """Whether a measured figure is good enough."""
        return found <= self.value if self.is_bound else found >= self.value


def _gpu(model: str, audio_s: float, at_a_time: int, figure: str, value: float, *, is_bound: bool = False) -> Goal:
    return Goal(
        model=model, device="cuda", kind="bfloat16", audio_s=audio_s, at_a_time=at_a_time, figure=figure, value=value,
        is_bound=is_bound,
    )  # fmt: skip


def _cpu(kind: str, at_a_time: int, value: float) -> Goal:
    return Goal(
        model="0.6b", device="cpu", kind=kind, audio_s=10.0, at_a_time=at_a_time, figure="rtfx", value=value
    )  # fmt: skip


GOALS = (
    _gpu("1.7b", 30.0, 128, "rtfx", 3000),
    _gpu("1.7b", 30.0, 128, "busy", 0.85),
    _gpu("1.7b", 30.0, 128, "first_token_p50_s", 0.7, is_bound=True),
    _gpu("1.7b", 30.0, 128, "times_rival", 8),
    _gpu("1.7b", 8.0, 1, "rtfx", 170),
    _gpu("1.7b", 8.0, 8, "rtfx", 900),
    _gpu("0.6b", 30.0, 128, "rtfx", 6000),
    _cpu("bfloat16", 1, 3.8),
    _cpu("bfloat16", 8, 11.4),
    _cpu("int8", 1, 6),
    _cpu("int8", 8, 17),
)


def goals_of(model: str, device: str) -> list[Goal]:
    """Those for a model on a kind of device."""
    return [goal for goal in GOALS if goal.model == model and goal.device == device.partition(":")[0]]


def found_in(rows: Sequence[Mapping[str, Any]], goal: Goal) -> float | None:
    """The figure that a goal is about; None where it was not measured."""
    place = (goal.kind, goal.audio_s, goal.at_a_time)
    for row in rows:
        if (row["kind"], row["audio_s"], row["at_a_time"]) == place:
            return row.get(goal.figure)
    return None
