"""Proofs on demand: a target that nobody has used for a while recognises its canary.

It owns when a target is asked and that it is asked once at a time; what an answer means is decided in `health`. Real
segments are the better proof, so while they succeed nothing is asked. The invariant: a proof takes no slot of the
target's and counts in no limit, since it only comes where little else does.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace

from harken.clock import Clock
from harken.dispatch.targets.health import Disproved, Failed, Outcome, Proved, outcome_of
from harken.dispatch.targets.pool import Pool
from harken.dispatch.targets.state import State
from harken.dispatch.targets.target import Target
from harken.errors import CanaryFailed, HarkenError
from harken.log import get_log

PROOF_S = 60.0
"""How long a proof may take; others may share the target with us, and our canary waits behind their segments."""

_REFUSALS_S = 5.0
"""How often refusals and doubts may have a target asked, at most: whoever sends what it refuses can do that all day."""

_PROVES = frozenset({State.READY, State.FULL, State.ON_TRIAL})
_DOUBTED = _PROVES | {State.RESTING, State.SUSPECT}
"""Where one that is in doubt is asked."""

_log = get_log("dispatch.prover")


def needs_proof(target: Target, asked: float, now: float, interval_s: float) -> bool:
    """Tell whether a target should recognise its canary now.

    Before its time where it refused a segment and has recognised none since: the canary tells whether it takes any. And
    at once after a rest: where nobody sends a segment, as a load balancer that sees no ready instance, only a canary
    can end the trial.

    Args:
        target: whose state, last success and last refusal count; one whose canary was wrong is asked again, so that it
            may recover.
        asked: the clock's time when it became ready, or when it was last asked.
        now: the clock's time.
        interval_s: how long a success is believed; 0 for ever, if it refuses nothing. Then one whose canary was wrong
            is asked once after each of its rests: it gets no segment, so nothing else could let it back in.
    """
    if not (target.state in _PROVES or target.vitals.is_disproved):
        return False
    if interval_s > 0 and target.state is State.ON_TRIAL and asked < target.vitals.rests_until:
        return True
    if interval_s == 0 and target.vitals.is_disproved and asked < target.vitals.rests_until <= now:
        return True
    known = asked if target.last_success is None else max(asked, target.last_success)
    if target.last_refusal is not None and target.last_refusal >= known and now - asked >= _REFUSALS_S:
        return True
    return interval_s > 0 and now - known >= interval_s


def doubt_is_due(target: Target, asked: float, now: float) -> bool:
    """Tell whether a target that is in doubt should recognise its canary now, whatever the interval.

    Only while it has nothing else from us: then no client can have a part in the answer. Arguments as `needs_proof`.
    """
    return _is_in_doubt(target) and target.in_flight == 0 and now - asked >= _REFUSALS_S


class Prover:
    """Has targets prove themselves.

    Args:
        pool: gets the outcomes.
        tasks: owns the proofs.
        clock: seconds.
        interval_s: how long a success is believed; 0 for ever.
    """

    def __init__(self, *, pool: Pool, tasks: asyncio.TaskGroup, clock: Clock, interval_s: float) -> None:
        self._pool = pool
        self._tasks = tasks
        self._clock = clock
        self._interval_s = interval_s
        self._asked: dict[Target, float] = {}
        self._proofs: dict[Target, asyncio.Task[None]] = {}

    def consider(self, target: Target) -> None:
        """Ask a target if it is time; called after each look that it answered."""
        if target in self._proofs or not _may_ask(target):
            return
        now = self._clock.now()
        # An instance that says it is ready has proved it just before.
        asked = self._asked.setdefault(target, now)
        if needs_proof(target, asked, now, self._interval_s) or doubt_is_due(target, asked, now):
            self._asked[target] = now
            self._proofs[target] = self._tasks.create_task(self._prove(target))

    def forget(self, target: Target) -> None:
        """It is a target no more."""
        self._asked.pop(target, None)
        if proof := self._proofs.pop(target, None):
            proof.cancel()

    async def _prove(self, target: Target) -> None:
        turn, is_idle = target.turn, target.in_flight == 0

        def is_alone() -> bool:
            return is_idle and target.turn == turn

        try:
            async with asyncio.timeout(PROOF_S):
                await target.line.prove()
        except CanaryFailed as error:
            _log.error("target.disproved", target=target.name, reason=error.message)
            target.detail = error.message
            self._pool.report(target, Disproved())
        except TimeoutError:
            # It lives and moves on, else its line had said so: it is only busy with what others gave it.
            _log.warning("target.proof_timed_out", target=target.name, timeout_s=PROOF_S)
            if _is_in_doubt(target) and is_alone():
                target.detail = f"Its canary did not come back within {PROOF_S:g} s."
                self._pool.report(target, Failed(is_lost=False, is_stalled=True, is_proof=True))
        except HarkenError as error:
            cause = {} if error.__cause__ is None else {"cause": repr(error.__cause__)}
            _log.warning("target.proof_failed", target=target.name, code=error.code, reason=error.message, **cause)
            if (outcome := outcome_of(error)) is not None:
                target.detail = error.message
                self._pool.report(target, _as_proof(outcome, is_alone=is_alone()))
        except Exception:  # noqa: BLE001 - the edge of this task: what one target answers must never end the others
            _log.exception("target.proof_defect", target=target.name)
            target.detail = "It answered its canary with something that cannot be understood."
            self._pool.report(target, Failed(is_lost=False, is_proof=is_alone()))
        else:
            target.last_success = self._clock.now()
            self._pool.report(target, Proved())
        finally:
            self._proofs.pop(target, None)


def _may_ask(target: Target) -> bool:
    return target.state in _PROVES or target.vitals.is_disproved or _is_in_doubt(target)


def _is_in_doubt(target: Target) -> bool:
    return target.vitals.is_doubted and target.state in _DOUBTED


def _as_proof(outcome: Outcome, *, is_alone: bool) -> Outcome:
    return replace(outcome, is_proof=is_alone) if isinstance(outcome, Failed) else outcome
