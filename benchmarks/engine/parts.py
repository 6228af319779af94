"""The parts of a run, each measured on its own, one row after another.

Owns the order of the work and what is in memory: one model at a time, ours or the rival's, and never both. What cannot
be measured here becomes a note and costs no other row; a part that has used up its time leaves the rest of its rows.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch

from benchmarks.engine import limit, quantization, startup, throughput
from benchmarks.engine.arithmetic import Clip
from benchmarks.engine.forced import Forced, load_forced
from benchmarks.engine.memory import tensor_bytes
from benchmarks.engine.rival import Rival
from benchmarks.engine.rounds import Pace
from harken.errors import HarkenError
from harken.qwen3_asr.native.library import set_threads


@dataclass(frozen=True, kw_only=True)
class Load:
    """Clips of one length, and how many are in flight, the most important number first."""

    clip: Clip
    at_a_time: tuple[int, ...]
    rival_at_a_time: tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What a run measures.

    Attributes:
        folder: of the checkpoint.
        device: in torch's words.
        kinds: of weights.
        rival_kinds: of the rival's weights.
        loads: the most important one first.
        pace: how long each level takes.
        budget_s: after which a part begins no other row; None for no bound.
        threads: of a CPU, for everybody who computes.
        limit_s: seconds for each figure of the machine.
        strings: held-out recordings per language of the digits model.
        followed: clips whose tokens are compared.
    """

    folder: Path
    device: str
    kinds: tuple[str, ...]
    rival_kinds: tuple[str, ...]
    loads: tuple[Load, ...]
    pace: Pace
    budget_s: float | None
    threads: int
    limit_s: float
    strings: int
    followed: int


@dataclass(kw_only=True)
class Part:
    """What came of one part so far."""

    rows: list[dict[str, Any]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


class Bench:
    """Measures a plan.

    Args:
        plan: what is measured.
        note: is called after every row, with the part's name and what there is of it.
    """

    def __init__(self, plan: Plan, note: Callable[[str, Part], None]) -> None:
        self._plan = plan
        self._note = note
        self._speeds: dict[tuple[str, Clip, int], float] = {}
        self._limits: dict[tuple[str, str], float] = {}

    def run(self, name: str) -> Part:
        """Measure one part.

        Returns:
            Its rows and notes; a defect in the middle of it is a note, too, and the rows before it stay.
        """
        part = Part()
        self._use_threads()
        measures = {
            "limit": self._limit,
            "throughput": self._throughput,
            "rival": self._rival,
            "quantization": self._quantization,
            "startup": self._startup,
        }
        began = time.monotonic()
        try:
            for row in measures[name](part):
                if row is not None:
                    part.rows.append(row)
                    self._note(name, part)
                _free()
                if self._plan.budget_s is not None and time.monotonic() - began > self._plan.budget_s:
                    part.notes.append(
                        f"rows beyond the first {self._plan.budget_s:g} s, which are a part's time, if any were left"
                    )
                    break
        except Exception as error:  # noqa: BLE001 - the outermost edge of a part: the others are measured all the same
            part.notes.append(f"{name} ended with {type(error).__name__}: {error}")
        self._note(name, part)
        _free()
        return part

    def _limit(self, _: Part) -> Iterator[dict[str, Any] | None]:
        """Measured a second time, each figure is the better of both: somebody else may have been busy meanwhile."""
        for row in limit.measure(self._plan.device, seconds=self._plan.limit_s):
            key = (row.what, row.kind)
            self._limits[key] = max(row.per_s, self._limits.get(key, 0.0))
            yield asdict(row) | {"per_s": self._limits[key]}

    def _throughput(self, part: Part) -> Iterator[dict[str, Any] | None]:
        for kind in self._plan.kinds:
            if (model := self._load(kind, part)) is not None:
                for load in self._plan.loads:
                    for at_a_time in load.at_a_time:
                        yield asdict(self._measure(model, kind, load.clip, at_a_time))
            del model

    def _rival(self, part: Part) -> Iterator[dict[str, Any] | None]:
        for kind in self._plan.rival_kinds:
            self._use_threads()
            rival = Rival(self._plan.folder, kind, self._plan.device)
            for load in self._plan.loads:
                for at_a_time in load.rival_at_a_time:
                    try:
                        yield asdict(rival.measure(load.clip, at_a_time, self._plan.pace))
                    except torch.OutOfMemoryError:
                        part.notes.append(f"transformers with {at_a_time} clips at a time: no memory for that")
            del rival
            _free()

    def _quantization(self, part: Part) -> Iterator[dict[str, Any] | None]:
        plan, clip = self._plan, self._plan.loads[-1].clip
        sounds = quantization.sounds_of(clip, plan.followed)
        try:
            exam = quantization.Exam(plan.strings)
        except (ImportError, RuntimeError) as error:
            exam = None
            part.notes.append(f"digit error rates, because nothing can be spoken here: {error}")
        told: list[list[int]] = []
        texts: tuple[str, ...] = ()
        for kind in plan.kinds:
            if (model := self._load(kind, part)) is None:
                continue
            answers = quantization.follow(model, sounds, clip.tokens, told)
            digits = None if exam is None else exam.take(kind, plan.device)
            is_reference = kind == "bfloat16"
            if is_reference:
                told, texts = answers, () if digits is None else digits.texts
            yield asdict(
                quantization.Row(
                    kind=kind,
                    weight_bytes=tensor_bytes(model.network),
                    rtfx_1=self._speed(model, kind, clip, 1),
                    rtfx_8=self._speed(model, kind, clip, 8),
                    agreement=None if is_reference or not told else quantization.agreement(answers, told),
                    digit_error_rate=None if digits is None else digits.error_rate,
                    same_texts=quantization.same_share(digits.texts, texts) if digits and texts else None,
                )
            )
            del model

    def _startup(self, part: Part) -> Iterator[dict[str, Any] | None]:
        plan = self._plan
        for kind in plan.kinds:
            for start in (
                lambda kind=kind: startup.start_digits(device=plan.device, kind=kind),
                lambda kind=kind: startup.start_random(
                    plan.folder, kind, device=plan.device, audio_s=plan.loads[-1].clip.audio_s
                ),
            ):
                try:
                    yield asdict(start())  # type: ignore[no-untyped-call]
                except RuntimeError as error:
                    part.notes.append(f"{kind}: {error}")
                    yield None

    def _use_threads(self) -> None:
        """Give torch its threads back: an engine with the CPU's own kernels leaves it one."""
        torch.set_num_threads(self._plan.threads)
        set_threads(self._plan.threads)

    def _load(self, kind: str, part: Part) -> Forced | None:
        """The model with a kind of weights, after what was before it has left the memory; None where it cannot be."""
        _free()
        self._use_threads()
        try:
            return load_forced(self._plan.folder, kind, self._plan.device)
        except HarkenError as error:
            part.notes.append(f"{kind}: {error.message}")
            return None

    def _measure(self, model: Forced, kind: str, clip: Clip, at_a_time: int) -> throughput.Row:
        row = throughput.measure(model, kind, clip, at_a_time, device=self._plan.device, pace=self._plan.pace)
        self._speeds[kind, clip, at_a_time] = row.rtfx
        return row

    def _speed(self, model: Forced, kind: str, clip: Clip, at_a_time: int) -> float:
        """What was measured before in this run, or else now."""
        known = self._speeds.get((kind, clip, at_a_time))
        return self._measure(model, kind, clip, at_a_time).rtfx if known is None else known


def _free() -> None:
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
