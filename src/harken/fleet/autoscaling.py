"""The loop around the autoscaler: look, decide, act or only say so, and remember for whoever asks.

Owns the interval, the log and the history; it has no opinion on the count. Invariants: it never ends by itself; a fleet
that cannot be looked at or changed is tried again, ever more seldom; and in a dry run nothing is changed.
"""

from __future__ import annotations

import asyncio
import dataclasses
from collections import deque
from dataclasses import dataclass
from typing import Any, Final, Protocol

from harken.clock import Clock
from harken.config import AutoscaleConfig
from harken.errors import HarkenError
from harken.fleet.autoscaler import Autoscaler
from harken.fleet.decision import LASTING, Block, Decision
from harken.fleet.sample import Sample
from harken.log import get_log

_log = get_log("fleet.autoscaling")

_REMEMBERED: Final = 50
"""Decisions that are kept for `explain`."""

_BACKOFF_MAX_S: Final = 300.0
"""The longest wait after failures."""


class Scalable(Protocol):
    """A fleet whose size can be changed while it runs."""

    @property
    def is_busy(self) -> bool:
        """Somebody else changes it just now: neither look nor act."""
        ...

    def sample(self) -> Sample:
        """This moment, in numbers; returns at once."""
        ...

    async def scale(self, count: int, reason: str) -> None:
        """Have so many instances from now on; returns when that is settled, not when the last one is ready or gone.

        Raises:
            HarkenError: not now (another change is going on), or not so many (memory).
        """
        ...


@dataclass(frozen=True, kw_only=True, slots=True)
class _Past:
    """A decision that changed something, would have, or was kept from it.

    Attributes:
        at: monotonic seconds.
        was: instances before.
        wanted: instances after.
        reason: of the decision.
        blocked_by: of the decision.
        outcome: "scaled", "would_scale", "blocked" or "failed".
        error: of a failed one.
    """

    at: float
    was: int
    wanted: int
    reason: str
    blocked_by: str
    outcome: str
    error: str = ""


class Autoscaling:
    """Looks at a fleet at intervals and has it grow and shrink.

    Args:
        config: mode, limits and times; `mode` is not "off".
        fleet: what is looked at and changed.
        clock: for how long ago something was.
    """

    def __init__(self, config: AutoscaleConfig, fleet: Scalable, clock: Clock) -> None:
        self._config = config
        self._fleet = fleet
        self._clock = clock
        self._scaler = Autoscaler(config)
        self._awake = asyncio.Event()
        self._failures = 0
        self._last: tuple[Sample, Decision] | None = None
        self._proposed: tuple[int, int] | None = None
        self._blocks: tuple[int, set[Block]] = (0, set())
        self._history: deque[_Past] = deque(maxlen=_REMEMBERED)

    async def run(self) -> None:
        """Look and act until cancelled."""
        while True:
            await self._step()
            if self._failures:
                # A wake does not cut this short: held requests would have a broken fleet tried without a pause.
                doubled_s = self._config.interval_s * 2.0 ** min(self._failures, 32)
                await asyncio.sleep(max(min(doubled_s, _BACKOFF_MAX_S), self._config.interval_s))
            else:
                await self._wait_for_wake()
            self._awake.clear()

    def wake(self) -> None:
        """Look now and not at the end of the interval: a request came and there is no instance."""
        self._awake.set()

    def explain(self) -> dict[str, Any]:
        """Say what was seen last, what was decided and why, and what went before; plain values, ready for JSON."""
        config, now = self._config, self._clock.now()
        sample, decision = self._last or (None, None)
        return {
            "mode": config.mode,
            "signals": config.signals,
            "min": config.min,
            "max": config.max,
            "failures_in_a_row": self._failures,
            "sample": None if sample is None else dataclasses.asdict(sample),
            "sample_age_s": None if sample is None else round(now - sample.now, 3),
            "decision": None if decision is None else dataclasses.asdict(decision),
            "history": [_described(past, now) for past in self._history],
        }

    async def _step(self) -> None:
        if self._fleet.is_busy:
            return
        try:
            sample = self._fleet.sample()
            decision = self._scaler.decide(sample)
        except Exception:  # noqa: BLE001 - the outermost edge of a task: a defect of the look must not end the scaling
            self._failures += 1
            _log.exception("autoscale.look_failed", failures=self._failures)
            return
        self._last = (sample, decision)
        if decision.wanted != sample.wanted:
            await self._act(sample, decision)
        else:
            self._failures = 0
            self._note_block(sample, decision)

    async def _act(self, sample: Sample, decision: Decision) -> None:
        if self._config.mode != "on":
            if self._proposed != (proposed := (sample.wanted, decision.wanted)):
                self._proposed = proposed
                self._note(sample, decision, "would_scale")
                _log.info("autoscale.would_scale", **_fields(sample, decision))
            return
        try:
            await self._fleet.scale(decision.wanted, decision.reason)
        except Exception as error:  # noqa: BLE001 - as above; whatever it was, the next try comes later
            self._failures += 1
            said = error.message if isinstance(error, HarkenError) else repr(error)
            self._note(sample, decision, "failed", error=said)
            _log.warning(
                "autoscale.failed",
                **_fields(sample, decision),
                error=said,
                failures=self._failures,
                exc_info=not isinstance(error, HarkenError),
            )
        else:
            self._failures = 0
            self._note(sample, decision, "scaled")
            _log.info("autoscale.scale", **_fields(sample, decision))

    def _note_block(self, sample: Sample, decision: Decision) -> None:
        """Tell once at each count what is in the way."""
        if decision.blocked_by in (Block.NOTHING, Block.MIN):
            self._proposed = None
        if self._blocks[0] != sample.wanted:
            self._blocks = (sample.wanted, set())
        if decision.blocked_by in LASTING and decision.blocked_by not in self._blocks[1]:
            self._blocks[1].add(decision.blocked_by)
            self._note(sample, decision, "blocked")
            _log.info("autoscale.blocked", **_fields(sample, decision))

    def _note(self, sample: Sample, decision: Decision, outcome: str, *, error: str = "") -> None:
        self._history.append(
            _Past(
                at=sample.now,
                was=sample.wanted,
                wanted=decision.wanted,
                reason=decision.reason,
                blocked_by=decision.blocked_by,
                outcome=outcome,
                error=error,
            )
        )

    async def _wait_for_wake(self) -> None:
        try:
            async with asyncio.timeout(self._config.interval_s):
                await self._awake.wait()
        except TimeoutError:
            pass


def _fields(sample: Sample, decision: Decision) -> dict[str, Any]:
    return {
        "was": sample.wanted,
        "wanted": decision.wanted,
        "reason": decision.reason,
        "blocked_by": str(decision.blocked_by),
        "ready": sample.ready,
        "starting": sample.starting,
        "queued_audio_s": round(sample.queued_audio_s, 3),
        "in_flight": sample.in_flight,
        "slots": sample.slots,
    }


def _described(past: _Past, now: float) -> dict[str, Any]:
    described = dataclasses.asdict(past)
    return {"ago_s": round(now - described.pop("at"), 3), **described}
