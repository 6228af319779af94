"""A target: an instance as the gateway sees it, with its state, its slots and what it did lately.

It knows nothing of HTTP, of the queue or of other targets. Its state changes by one table only (`state`). Invariant: it
is never given more than its slots, and every claim gives its slot back exactly once, because it is a context manager.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from types import TracebackType

from harken.clock import Clock, SystemClock
from harken.dispatch.lines.line import DeadLine, Line
from harken.dispatch.targets.candidate import NO_WORK, Work
from harken.dispatch.targets.capacity import Capacity
from harken.dispatch.targets.climb import Completion
from harken.dispatch.targets.health import Succeeded
from harken.dispatch.targets.outliers import Record
from harken.dispatch.targets.sharing import ours_of
from harken.dispatch.targets.state import TRANSITIONS, Event, State
from harken.dispatch.targets.vitals import Vitals
from harken.types import Figures, InstanceHealth, ModelInfo
from harken.wire import ALONE, Crowd

_TAKES_WORK = frozenset({State.READY, State.ON_TRIAL})


class Target:
    """One instance at one address.

    Args:
        name: its name in logs, answers and /health.
        url: its address, "http://host:port".
        line: how it is talked to; without one nobody is there.
        weight: its share of the work under the weighted policies, relative to the others'.
        clock: seconds, for how long its segments take.
    """

    def __init__(
        self, name: str, url: str, line: Line | None = None, *, weight: float = 1.0, clock: Clock | None = None
    ) -> None:
        self.name = name
        self.url = url.rstrip("/")
        self.line = line or DeadLine()
        self.weight = weight
        self.state = State.STARTING
        self.detail = ""
        self.calls_itself = ""
        self.model: ModelInfo | None = None
        self.figures: Figures | None = None
        self.vitals = Vitals()
        self.capacity = Capacity()
        self.record = Record()
        self.successes = 0
        self.failures = 0
        self.last_success: float | None = None
        self.last_refusal: float | None = None
        self.full_until = -math.inf
        self.loop_lag_s = 0.0
        self.slowness = 1.0
        self.crowd = ALONE
        self.uptime_s = 0.0
        self.turn = 0
        self.audio_left_s = 0.0
        self._clock = clock or SystemClock()
        self._claims: set[Claim] = set()
        # The integral of `load` over time, up to `_load_at`: the mean load of any stretch is a difference of two.
        self._load_s = 0.0
        self._load_at = 0.0

    def __repr__(self) -> str:
        return f"<Target {self.name} {self.state} {self.in_flight}/{self.slots} {self.url}>"

    @property
    def is_ready(self) -> bool:
        """It works, as far as anybody knows."""
        return self.state is State.READY

    @property
    def takes_work(self) -> bool:
        """It may be chosen: it is ready, or has to prove itself."""
        return self.state in _TAKES_WORK

    @property
    def slots(self) -> int:
        """Segments that it runs at the same time; 0 until it told."""
        return self.model.slots if self.model is not None else 0

    @property
    def in_flight(self) -> int:
        """Segments that we gave it and that have not ended."""
        return len(self._claims)

    @property
    def load(self) -> int:
        """Segments on it that have not ended: ours, and those of others as it told last."""
        return len(self._claims) + self.crowd.others

    @property
    def limit(self) -> int:
        """Segments that it should have at once: what its capacity says, and after a rest one, until it recognises."""
        return min(self.slots, 1 if self.vitals.is_on_trial else self.capacity.limit)

    @property
    def free_slots(self) -> int:
        """Segments that it would take now."""
        # Asked for several times for each segment, so it goes through no other property.
        if self.state not in _TAKES_WORK or self.model is None:
            return 0
        limit = min(1 if self.vitals.is_on_trial else self.capacity.limit, self.model.slots)
        return max(0, ours_of(limit, self.crowd) - len(self._claims))

    @property
    def batches(self) -> bool:
        """Several segments at once are done sooner there than one after another, as far as it told."""
        return self.model is None or self.model.batches

    def claim(self, on_release: Callable[[], None], work: Work = NO_WORK) -> Claim:
        """Occupy a slot until the claim's `with` ends; `on_release` is then called, once."""
        assert self.free_slots > 0, f"only a target with a free slot is claimed: {self!r}"
        started = self._clock.now()
        claim = Claim(self, on_release, audio_s=work.audio_s, started=started, load_s=self._load_until(started))
        claim.had_company = bool(self._claims)
        if len(self._claims) == 1:  # where there are more, each has met another already
            next(iter(self._claims)).had_company = True
        self._claims.add(claim)
        self.audio_left_s += work.audio_s
        return claim

    def release(self, claim: Claim) -> bool:
        """Give a slot back; False when that has happened before."""
        if claim not in self._claims:
            return False
        self._load_until(self._clock.now())
        self._claims.remove(claim)
        # Sums of floats drift; an empty target is the moment at which the true value is known.
        self.audio_left_s = self.audio_left_s - claim.audio_s if self._claims else 0.0
        return True

    def success(self, claim: Claim) -> Succeeded:
        """Say how the segment of a claim, which still holds its slot, was recognised."""
        now = self._clock.now()
        took_s = now - claim.started
        load_s = self._load_until(now) - claim.load_s
        in_flight = load_s / took_s if took_s > 0 else float(self.load)
        return Succeeded(audio_s=claim.audio_s, took_s=took_s, in_flight=in_flight)

    def begin_again(self) -> None:
        """It comes back from being away: what was known of its speed is old, and it begins slowly."""
        self.capacity = Capacity()
        self.record = Record()

    def renew(self) -> None:
        """A new process answers at its address: nothing that the old one did counts for or against it."""
        self.vitals = Vitals()
        self.last_success = self.last_refusal = None
        self.begin_again()

    def learn(self, success: Succeeded, now: float) -> None:
        """Let its capacity and its record know of a success, while the slot is still held."""
        self.record.succeeded(now=now, audio_s=success.audio_s, took_s=success.took_s, load=success.in_flight)
        done = Completion(
            now=now,
            audio_s=success.audio_s,
            took_s=success.took_s,
            load=success.in_flight,
            in_flight=self.load,
        )
        self.capacity.completed(done, self.slots)

    def _load_until(self, now: float) -> float:
        self._load_s += self.load * (now - self._load_at)
        self._load_at = now
        return self._load_s

    def meet(self, crowd: Crowd) -> None:
        """Know who else uses it now."""
        self._load_until(self._clock.now())
        self.crowd = crowd

    def apply(self, event: Event) -> bool:
        """Let something happen to it; True when its state changed by that."""
        before, self.state = self.state, TRANSITIONS[self.state][event]
        return self.state is not before

    def cut(self, reason: str) -> None:
        """End all attempts on it at once, with a reason: nobody should wait for it any longer."""
        for claim in tuple(self._claims):
            claim.cut(reason)

    def health(self) -> InstanceHealth:
        """What /health shows of it."""
        return InstanceHealth(
            name=self.name,
            url=self.url,
            state=self.state.value,
            in_flight=self.in_flight,
            slots=self.slots,
            limit=self.limit if self.takes_work else 0,
            last_success_s=None if self.last_success is None else self._clock.now() - self.last_success,
            loop_lag_s=self.loop_lag_s,
            ejected=self._ejected,
            detail=self.detail,
            model=self.model.name if self.model is not None else "",
            figures=self.figures,
        )

    @property
    def _ejected(self) -> str:
        """Why it is set aside, in a word."""
        if self.state is not State.RESTING:
            return ""
        vitals = self.vitals
        if vitals.is_disproved:
            return "canary"
        return "stalled" if vitals.stalls else "failing" if vitals.failures else "worse"


class Claim:
    """One occupied slot of one target; leaving its `with` gives the slot back on every path.

    Attributes:
        target: whose slot it is.
        audio_s: seconds of audio of the segment that it is for.
        started: the clock's time, in seconds, when it was made.
        load_s: the target's load up to then, in segment-seconds.
        cut_reason: why the attempt must end early; "" as long as it need not.
        is_beaten: it must because another one was sooner, which is no failure of the target's.
        had_company: another slot of the target was occupied at some time meanwhile.
    """

    def __init__(
        self, target: Target, on_release: Callable[[], None], *, audio_s: float, started: float, load_s: float
    ) -> None:
        self.target = target
        self.audio_s = audio_s
        self.started = started
        self.load_s = load_s
        self.cut_reason = ""
        self.is_beaten = False
        self.had_company = False
        self._on_release = on_release
        self._on_cut: Callable[[], None] | None = None

    def __enter__(self) -> Claim:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.release()

    def success(self) -> Succeeded:
        """Say that its segment was recognised just now, for `Pool.report`; while the slot is still held."""
        return self.target.success(self)

    def release(self) -> None:
        """Give the slot back; a second time does nothing."""
        self._on_cut = None
        if self.target.release(self):
            self._on_release()

    def beat(self) -> None:
        """Another one was sooner; ask whoever holds it to end now."""
        self.is_beaten = not self.cut_reason
        self.cut("Another instance was sooner.")

    def cut(self, reason: str) -> None:
        """Ask whoever holds it to end now."""
        self.cut_reason = self.cut_reason or reason
        if self._on_cut is not None:
            self._on_cut()

    def on_cut(self, stop: Callable[[], None] | None) -> None:
        """Have `stop` called when the attempt must end, at once where it should have ended already; None: no more."""
        self._on_cut = stop
        if stop is not None and self.cut_reason:
            stop()
