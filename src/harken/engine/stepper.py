"""Carries out steps on the model: the only one that touches its cache.

Owns the cache, and the room in each slot. It refuses to know requests' fates; what goes wrong is raised. Everything
runs in the thread that owns the model. The invariant: whatever the machine's memory, the cache has room for the longest
segment, the longest context and the longest answer in every slot that it has.
"""

from __future__ import annotations

from collections.abc import Sequence as Many
from dataclasses import dataclass
from typing import Any, assert_never

import numpy as np

from harken.choice import Choice, Chosen
from harken.engine.messages import Submit
from harken.engine.model import Model, Pending
from harken.engine.scheduler import Decode, Prefill, Sequence, Step
from harken.engine.steps import StepTimer
from harken.log import get_log
from harken.types import SAMPLE_RATE, Options

CONTEXT_TOKENS = 512
"""Room in each slot for the client's context, a forced language and a prefix, beside the longest segment; more is
refused."""

_log = get_log("engine.stepper")


@dataclass(frozen=True, kw_only=True, slots=True)
class Running:
    """A decode step that the device is at work on."""

    step: Decode
    pending: Pending


def slot_tokens(model: Model, max_cap: int) -> int:
    """Tokens of one slot: the longest segment, the longest context, and the longest answer."""
    longest = np.zeros(round(model.info.max_segment_s * SAMPLE_RATE), dtype=np.float32)
    return model.prompt(longest, Options()).length + CONTEXT_TOKENS + max_cap


class Stepper:
    """The hands of the loop.

    Args:
        model: the network.
        slots: how many are wanted; there may be memory for fewer.
        max_cap: the most tokens that any segment may write.
        timer: measures every step.
    """

    def __init__(self, model: Model, *, slots: int, max_cap: int, timer: StepTimer) -> None:
        self._model = model
        self._slots = slots
        self._max_cap = max_cap
        self._timer = timer
        self._cache: Any = None
        self._max_tokens = 0

    @property
    def looks_ahead(self) -> bool:
        """Whether steps may be launched."""
        return self._model.looks_ahead

    @property
    def max_tokens(self) -> int:
        """Tokens that fit into each slot."""
        return self._max_tokens

    def open(self) -> int:
        """Open the cache, for fewer slots where there is not the memory; return how many it has.

        Raises:
            MemoryError: not even one fits.
        """
        self._max_tokens = self._max_tokens or slot_tokens(self._model, self._max_cap)
        while True:
            try:
                self._cache = self._model.open_cache(slots=self._slots, max_tokens=self._max_tokens)
            except MemoryError:
                if self._slots == 1:
                    raise
                self._slots = max(1, self._slots * 3 // 4)
                _log.warning("engine.slots_lowered", slots=self._slots, tokens_each=self._max_tokens)
            else:
                return self._slots

    def prove(self) -> int:
        """After a failure, with nothing running: a new cache, and half a second of silence must pass through it.

        Some failures last (a device that is gone, a poisoned context). Then this raises, and the thread ends with a
        word, instead of failing one segment after another while it looks alive.

        Returns:
            As `open`.
        """
        self._cache = None  # free the old one first: there may be no room for two
        slots = self.open()
        silence = self._model.prompt(np.zeros(SAMPLE_RATE // 2, dtype=np.float32), Options())
        with self._timer.step():
            self._model.prefill(self._cache, [silence], [0])
        return slots

    def run(self, step: Step, submits: Many[Submit]) -> Chosen:
        """Carry out one step and wait for it.

        Args:
            step: what to do.
            submits: what each of its sequences asked for, in order.
        """
        slots = [sequence.slot for sequence in step.sequences]
        choices = _choices(step.sequences, submits)
        match step:
            case Prefill():
                with self._timer.step(sum(submit.demand.audio_s for submit in submits)):
                    prompts = [submit.prompt for submit in submits]
                    chosen = self._model.prefill(self._cache, prompts, slots, choices)
            case Decode(sequences=sequences):
                newest = [sequence.tokens[-1] for sequence in sequences]
                lengths = [sequence.cached for sequence in sequences]
                with self._timer.step():
                    chosen = self._model.decode(self._cache, slots, newest, lengths, choices)
            case _:
                assert_never(step)
        return _checked(chosen, step)

    def launch(self, step: Decode, *, ahead: int) -> Running:
        """Start a step; `ahead` tokens of each sequence are on their way before it and not known yet."""
        slots = [sequence.slot for sequence in step.sequences]
        lengths = [sequence.cached + ahead for sequence in step.sequences]
        with self._timer.step():
            return Running(step=step, pending=self._model.launch(self._cache, slots, lengths))

    def read(self, running: Running) -> Chosen:
        """Wait for a step that was started."""
        with self._timer.step():
            return _checked(running.pending.result(), running.step)


def _checked(chosen: Chosen, step: Step) -> Chosen:
    if len(chosen.tokens) != len(step.sequences):
        raise RuntimeError(f"the model gave {len(chosen.tokens)} tokens for {len(step.sequences)} sequences")
    return chosen


def _choices(sequences: Many[Sequence], submits: Many[Submit]) -> list[Choice | None]:
    """How each token is chosen; empty where nobody in the batch asks for anything but the likeliest."""
    if not any(submit.manner for submit in submits):
        return []
    return [
        None
        if submit.manner is None
        else Choice(manner=submit.manner, written=(*submit.demand.prefix, *sequence.tokens))
        for sequence, submit in zip(sequences, submits, strict=True)
    ]
