"""Harken's arm: the gateway's own desk, queue, pool, choice, capacity, health and pace over virtual instances.

Nothing is decided here. This module is to the desk what `dispatch.waiting`, `dispatch.runner` and `dispatch.lookout`
are in the gateway: it cuts recordings into segments as the pipeline does, hands segments to instances, and reports ends
and looks. Left out: hedging, the retry budget (only lost instances fail segments here, and those are never charged) and
looks at instances that are well, which change nothing. Invariant: every recording ends in the score exactly once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

from harken.bench.instance import Condition, VirtualInstance
from harken.bench.owner import Owner
from harken.bench.recording import Piece, Recording
from harken.bench.score import Score
from harken.bench.timeline import Timeline
from harken.bench.workload import Arrival
from harken.config import FleetConfig, LimitsConfig
from harken.dispatch.desk import Desk
from harken.dispatch.lines.failures import Cut, Silent, Unreached
from harken.dispatch.order.pace import Pace
from harken.dispatch.recovery.tally import may_retry
from harken.dispatch.targets.health import outcome_of
from harken.dispatch.targets.pool import Pool
from harken.dispatch.targets.state import State
from harken.dispatch.targets.target import Claim
from harken.errors import HarkenError
from harken.types import Requester

SEGMENT_MAX_S = 30.0

_NETWORK_S = 0.001
"""How soon a refused connection is known."""

_SILENCE_S = 6.0
"""As the dispatcher's `silence_s`: an instance that says nothing for so long has failed its segment."""


class Gateway:
    """An arm of the simulation.

    Args:
        instances: the fleet by name.
        make_pool: the pool of the real dispatcher, given what is to be called on a change.
        limits: of the real dispatcher.
        spread: segments of one recording at the same time.
        fleet: how it looks at instances.
        timeline: when things happen.
        score: counts.
        restart_s: how long a lost instance takes to be back.
    """

    def __init__(
        self,
        *,
        instances: Mapping[str, VirtualInstance],
        make_pool: Callable[[Callable[[], None]], Pool],
        limits: LimitsConfig,
        spread: int,
        fleet: FleetConfig,
        timeline: Timeline,
        score: Score,
        restart_s: float,
    ) -> None:
        self._instances = instances
        self._limits = limits
        self._spread = spread
        self._timeline = timeline
        self._score = score
        self._pace = Pace()
        self._open: set[Recording] = set()
        self.pool = make_pool(self._look_around)
        self.desk: Desk[Piece] = Desk(limits=limits, pool=self.pool, pace=self._pace)
        self.owner = Owner(instances=instances, pool=self.pool, fleet=fleet, timeline=timeline, restart_s=restart_s)

    # --- recordings -----------------------------------------------------------------------------------------------

    @property
    def is_busy(self) -> bool:
        """Some recording has not ended."""
        return bool(self._open)

    def submit(self, arrival: Arrival) -> None:
        """Take in a recording: its first segments wait at the desk, the others follow as those end."""
        requester = Requester(key=arrival.key, priority=arrival.priority)
        recording = Recording(arrival=arrival, requester=requester, left_s=arrival.audio_s)
        self._open.add(recording)
        while recording.left_s > 0 and len(recording.open) < self._spread and not recording.is_over:
            self._ask_next(recording, is_accepted=recording.left_s < arrival.audio_s)
        self._score.wait(self.desk.queued_audio_s)

    def give_up(self, recording: Recording) -> None:
        """It has failed: what is left of it leaves the queue and its slots."""
        if recording.is_over:
            return
        recording.is_over = True
        self._open.discard(recording)
        self._score.fail()
        for piece in tuple(recording.open):
            self.desk.leave(piece)
            if piece.claim is not None:
                self._instances[piece.claim.target.name].forget(piece)
                self._end(piece, 0.0)
        recording.open.clear()

    def _ask_next(self, recording: Recording, *, is_accepted: bool) -> None:
        now = self._timeline.now()
        audio_s = min(SEGMENT_MAX_S, recording.left_s)
        recording.left_s -= audio_s
        piece = Piece(
            gateway=self,
            recording=recording,
            audio_s=audio_s,
            recording_s=recording.arrival.audio_s,
            requester=recording.requester,
            arrival=now,
            began=recording.arrival.at_s,
            deadline=now + self._limits.queue_timeout_s,
            is_accepted=is_accepted,
        )
        recording.open.add(piece)
        self.desk.ask(piece, now)

    # --- segments -------------------------------------------------------------------------------------------------

    def begin(self, piece: Piece, claim: Claim) -> None:
        """Send a segment to the instance whose slot it has got."""
        self._score.decisions += 1
        self._pace.start(self._timeline.now())
        claim.on_cut(lambda: self._timeline.after(0.0, partial(self._lose_claim, piece, claim, Cut(claim.cut_reason))))
        instance = self._instances[claim.target.name]
        if instance.condition is Condition.DEAD:
            self._timeline.after(_NETWORK_S, partial(self._lose_claim, piece, claim, Unreached()))
            return
        if instance.condition is Condition.HUNG:
            self._timeline.after(_SILENCE_S, partial(self._grow_silent, piece, claim))
        instance.accept(piece)

    def finish(self, piece: Piece) -> None:
        """A segment is recognised: its slot goes to who is next, and its recording goes on."""
        claim, recording = piece.claim, piece.recording
        assert claim is not None, "what runs has a slot"
        self.pool.report(claim.target, claim.success())
        self._end(piece, piece.audio_s)
        recording.open.discard(piece)
        if recording.left_s > 0:
            self._ask_next(recording, is_accepted=True)
        elif not recording.open:
            recording.is_over = True
            self._open.discard(recording)
            self._score.finish(recording.arrival, self._timeline.now())

    def lose(self, piece: Piece, error: HarkenError) -> None:
        """A segment has failed with its instance: report it, and try again elsewhere if the rules allow."""
        claim, now = piece.claim, self._timeline.now()
        assert claim is not None, "what runs has a slot"
        target, outcome = claim.target, outcome_of(error)
        if outcome is not None and target.state is not State.GONE:
            self.pool.report(target, outcome)
        piece.tally = piece.tally.after(error, had_company=claim.had_company)
        piece.avoid.add(target)
        piece.deadline = now + self._limits.queue_timeout_s
        self._end(piece, 0.0)
        if may_retry(error, piece.tally, attempts=self._limits.attempts, is_used=False):
            self.desk.ask(piece, now)
        else:
            self.give_up(piece.recording)

    def killed(self, name: str) -> None:
        """An instance has died; its segments have been told already."""
        self.owner.killed(name)

    def hung(self, instance: VirtualInstance) -> None:
        """An instance has stopped: what runs there is silent from now on."""
        for recording in self._open:
            for piece in recording.open:
                if piece.claim is not None and piece.claim.target.name == instance.name:
                    self._timeline.after(_SILENCE_S, partial(self._grow_silent, piece, piece.claim))

    def _grow_silent(self, piece: Piece, claim: Claim) -> None:
        if self._instances[claim.target.name].condition is Condition.HUNG:
            self._lose_claim(piece, claim, Silent())

    def _lose_claim(self, piece: Piece, claim: Claim, error: HarkenError) -> None:
        """As `lose`, unless it has ended meanwhile."""
        if piece.claim is claim:
            self._instances[claim.target.name].forget(piece)
            self.lose(piece, error)

    def _end(self, piece: Piece, recognized_s: float) -> None:
        claim, piece.claim = piece.claim, None
        assert claim is not None, "what runs has a slot"
        self._pace.end(self._timeline.now(), recognized_s)
        claim.release()

    def _look_around(self) -> None:
        self.desk.assign(self._timeline.now())

    # --- the passing of time --------------------------------------------------------------------------------------

    def look(self) -> None:
        """What the gateway does from time to time: send those away who waited too long, and look at instances."""
        self.desk.expire(self._timeline.now())
        self.owner.look()
