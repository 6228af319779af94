"""How many instances there should be, from one sample and what is remembered of those before.

Pure: no clock, no waiting, no logging; `autoscaling` is the loop around it. docs/reference/autoscaling.md has the rule
for people. What was weighed: instances are added soon, because clients wait, and removed late, because a model takes
long to load and an instance too many costs little. Invariants, whatever the signals do: the count is from `min` to
`max` (below `min` only where memory has no room); none is removed while anything waits or starts, nor one whose slots
are needed; between removing and whatever changed before there are at least `down_pause_s`, so that the count turns
round at most twice in that time; and more audio in the queue never leads to fewer instances.
"""

from __future__ import annotations

from typing import Final

from harken.config import AutoscaleConfig
from harken.fleet.ceilings import lowest_ceiling
from harken.fleet.decision import Block, Decision
from harken.fleet.regret import Regret
from harken.fleet.sample import Sample
from harken.fleet.signals import KEEP_SHARE, Signal, backlog_s, read_signals

__all__ = ["Autoscaler", "Block", "Decision", "Sample"]

_FAR: Final = 3.0
"""Times the target: with so much work for all that is ready or starting, nobody waits for those that start."""

_STEP_LEAST: Final = 2
"""What may be added at once; a larger fleet at most doubles, because the pace that it is counted with may be wrong.
Only where far too much waits nobody has the time to find out."""

_UNHURRIED: Final = 3.0
"""Times `up_after_s`, while nobody waits: one long file fills all slots for half a minute and needs no instance."""

_REGRET_WITHIN: Final = 2.0
"""Times `down_after_s`: instances that are added again so soon should have stayed."""

_STARTS: Final = 5.0
"""An instance that takes a minute to come back is not let go for a pause of two."""

_BLIND_LOOKS: Final = 4.0
"""After so many intervals without a look, what seemed to last may have been over in between."""


class Autoscaler:
    """Decides again and again; one for each fleet.

    Args:
        config: limits, thresholds and times.
    """

    def __init__(self, config: AutoscaleConfig) -> None:
        self._config = config
        self._last: Sample | None = None
        self._answered: int | None = None
        self._began_at: float | None = None
        self._over_since: float | None = None
        self._under_since: float | None = None
        self._under_peak = 0
        self._added_at: float | None = None
        self._changed_at: float | None = None
        self._heeds_shares = True
        self._regret = Regret(_REGRET_WITHIN * config.down_after_s)

    def decide(self, sample: Sample) -> Decision:
        """Take in a sample, a later one each time, and return how many instances there should be."""
        self._look_back(sample)
        signals = read_signals(sample, self._config, heeds_shares=self._heeds_shares)
        decision = self._choose(sample, signals)
        self._remember(sample, decision)
        return decision

    def _look_back(self, sample: Sample) -> None:
        """Forget what does not hold any more: after a time without looks, or a change that was not ours."""
        last, self._last = self._last, sample
        if last is None:
            self._began_at = sample.now
        elif sample.now - last.now > _BLIND_LOOKS * self._config.interval_s:
            self._over_since = self._under_since = None
        if last is not None and sample.wanted not in (last.wanted, self._answered):
            self._note_change(sample.now, added=sample.wanted > last.wanted)

    def _choose(self, sample: Sample, signals: tuple[Signal, ...]) -> Decision:
        config = self._config
        if sample.wanted > config.max:
            return _decision(config.max, f"No more than autoscale.max, {config.max}, are allowed.", signals)
        if sample.wanted < config.min:
            return self._fill(sample, signals)
        if sample.wanted == 0:
            return self._wake(sample, signals)
        want = max(signals, key=lambda signal: signal.wants)
        if want.wants > sample.wanted:
            self._under_since = None
            return self._add(sample, want, signals)
        self._over_since = None
        if _is_quiet(sample):
            return self._remove(sample, signals)
        self._under_since = None
        return _stay(sample, _shown(sample, signals), signals)

    def _fill(self, sample: Sample, signals: tuple[Signal, ...]) -> Decision:
        count = min(self._config.min, lowest_ceiling(sample, self._config).count)
        if count <= sample.wanted:
            reason = f"autoscale.min is {self._config.min}, but memory has room for {sample.wanted} and no more."
            return _decision(sample.wanted, reason, signals, Block.MEMORY)
        block = Block.MEMORY if count < self._config.min else Block.NOTHING
        return _decision(count, f"There are to be at least autoscale.min, {self._config.min}.", signals, block)

    def _wake(self, sample: Sample, signals: tuple[Signal, ...]) -> Decision:
        if not sample.held and sample.queued_audio_s <= 0:
            return _decision(0, "No instance, and nobody waits for one.", signals)
        config = self._config
        ceiling = lowest_ceiling(sample, config)
        count = min(max(*(signal.wants for signal in signals), 1), _step(sample, config), ceiling.count)
        waits = f"{sample.held} requests wait" if sample.held != 1 else "A request waits"
        if count <= 0:
            return _decision(0, f"{waits}, but {ceiling.text}.", signals, ceiling.block)
        return _decision(count, f"{waits} and there is no instance: {count} start.", signals)

    def _add(self, sample: Sample, want: Signal, signals: tuple[Signal, ...]) -> Decision:
        config = self._config
        self._over_since = sample.now if self._over_since is None else self._over_since
        lasted_s = sample.now - self._over_since
        ceiling = lowest_ceiling(sample, config)
        count = min(want.wants, sample.wanted + _step(sample, config), ceiling.count)
        wish = _sentence(want.text)
        if count <= sample.wanted:
            return _stay(sample, f"{wish}, but {ceiling.text}.", signals, ceiling.block)
        if sample.ready <= 0 and sample.starting <= 0:
            text = f"{wish}, but none of {sample.wanted} instances is ready or starting: more of them would not help."
            return _stay(sample, text, signals, Block.NOT_READY)
        after_s = config.up_after_s * (1.0 if sample.queued_audio_s > 0 else _UNHURRIED)
        if lasted_s < after_s:
            text = f"{wish}; if that lasts for {after_s:g} s, {_instances(count)} instead of {sample.wanted}."
            return _stay(sample, text, signals, Block.HOLDING)
        if (left_s := self._left_s(self._added_at, config.up_pause_s, sample.now)) > 0:
            text = f"{wish}, but the last ones were added a moment ago: nothing is added for {left_s:.0f} s."
            return _stay(sample, text, signals, Block.COOL_DOWN)
        if sample.starting > 0 and not _is_far(sample, config):
            text = f"{wish}, but {sample.starting} of {sample.wanted} instances are still starting."
            return _stay(sample, text, signals, Block.STARTING)
        block = ceiling.block if count < want.wants and count == ceiling.count else Block.NOTHING
        return _decision(count, f"{wish}: {_instances(count)} instead of {sample.wanted}.", signals, block)

    def _remove(self, sample: Sample, signals: tuple[Signal, ...]) -> Decision:
        config = self._config
        if config.min == 0 and (gone := self._let_go(sample, signals)) is not None:
            return gone
        need = max(*(signal.keeps for signal in signals), config.min, 1)
        if need >= sample.wanted:
            self._under_since = None
            is_least = sample.wanted <= max(config.min, 1)
            return _stay(sample, _shown(sample, signals), signals, Block.MIN if is_least else Block.NOTHING)
        if self._under_since is None:
            self._under_since, self._under_peak = sample.now, need
        self._under_peak = max(self._under_peak, need)
        # At most half of them: the busiest moment of five minutes is no promise for the next five.
        count = max(self._under_peak, sample.wanted - max(sample.wanted // 2, 1))
        after_s = max(config.down_after_s, _STARTS * (sample.start_s or 0.0)) * self._regret.factor
        lasted_s = sample.now - self._under_since
        wish = f"{_shown(sample, signals)[:-1]}, and {_instances(count)} would do"
        if lasted_s < after_s:
            text = f"{wish}; {count} instead of {sample.wanted} if that lasts for another {after_s - lasted_s:.0f} s."
            return _stay(sample, text, signals, Block.HOLDING)
        if (left_s := self._left_s(self._changed_at, config.down_pause_s, sample.now)) > 0:
            return _stay(sample, f"{wish}, but nothing is removed for {left_s:.0f} s.", signals, Block.COOL_DOWN)
        return _decision(count, f"{wish}, for {lasted_s:.0f} s: {count} instead of {sample.wanted}.", signals)

    def _let_go(self, sample: Sample, signals: tuple[Signal, ...]) -> Decision | None:
        """Return the decision to keep no instance, where it is time for that."""
        assert self._began_at is not None, "a sample has been taken in"
        idle_s = sample.now - self._began_at if sample.last_request_s is None else sample.last_request_s
        if sample.in_flight > 0 or idle_s < self._config.idle_s:
            return None
        if self._left_s(self._changed_at, self._config.down_pause_s, sample.now) > 0:
            return None
        return _decision(0, f"No request came for {idle_s:.0f} s: the last instances go.", signals)

    def _remember(self, sample: Sample, decision: Decision) -> None:
        self._answered = decision.wanted
        values = [signal for signal in decision.signals if signal.name in ("cpu", "gpu")]
        if all(signal.value is None or signal.value <= signal.threshold * KEEP_SHARE for signal in values):
            self._heeds_shares = True
        if decision.wanted != sample.wanted:
            self._note_change(sample.now, added=decision.wanted > sample.wanted)
            if sample.wanted and decision.wanted:  # going to sleep and waking up teach nothing
                (self._regret.added if decision.wanted > sample.wanted else self._regret.removed)(sample.now)
            over = {signal.name for signal in decision.signals if signal.is_over}
            # Where one more did not make the CPU or the GPU less busy, the next one will not either.
            self._heeds_shares = self._config.signals == "cpu" or not over or not over <= {"cpu", "gpu"}

    def _note_change(self, now: float, *, added: bool) -> None:
        self._changed_at = now
        self._added_at = now if added else self._added_at
        self._over_since = self._under_since = None

    @staticmethod
    def _left_s(since: float | None, pause_s: float, now: float) -> float:
        return 0.0 if since is None else max(0.0, since + pause_s - now)


def _is_quiet(sample: Sample) -> bool:
    return sample.queued_audio_s <= 0 and sample.held == 0 and sample.starting == 0


def _is_far(sample: Sample, config: AutoscaleConfig) -> bool:
    seconds = backlog_s(sample, sample.ready + sample.starting)
    return seconds is not None and seconds > _FAR * config.target_wait_s


def _step(sample: Sample, config: AutoscaleConfig) -> int:
    """How many may be added at once."""
    return config.max if _is_far(sample, config) else max(sample.wanted, _STEP_LEAST)


def _instances(count: int) -> str:
    return "1 instance" if count == 1 else f"{count} instances"


def _decision(count: int, reason: str, signals: tuple[Signal, ...], block: Block = Block.NOTHING) -> Decision:
    return Decision(wanted=count, reason=reason, signals=signals, blocked_by=block)


def _stay(sample: Sample, reason: str, signals: tuple[Signal, ...], block: Block = Block.NOTHING) -> Decision:
    return _decision(sample.wanted, reason, signals, block)


def _shown(sample: Sample, signals: tuple[Signal, ...]) -> str:
    """Say what the fleet does just now: the backlog where there is one, else the slots."""
    name = "backlog" if sample.queued_audio_s > 0 else "slots"
    return _sentence(next(signal.text for signal in signals if signal.name == name)) + "."


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]
