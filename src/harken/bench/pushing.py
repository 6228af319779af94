"""nginx's arms: each recording goes whole to one instance at once, and waits there.

What is known of nginx and its defaults is here, and nothing of Harken's: smooth weighted round robin, or least
connections; one failure takes a peer out for ten seconds (`max_fails=1 fail_timeout=10s`); a connection that is refused
goes on to the next peer, a request that was sent is not sent again; 300 s without an answer are a 504, as the
deployment guide sets it. Invariant: every recording ends in the score exactly once.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Protocol

from harken.bench.instance import Condition, VirtualInstance
from harken.bench.score import Score
from harken.bench.timeline import Timeline
from harken.bench.workload import Arrival
from harken.dispatch.targets.candidate import NO_WORK
from harken.dispatch.targets.ranking import Ranked, fewest_in_flight

FAIL_TIMEOUT_S = 10.0
READ_TIMEOUT_S = 300.0


class Peer:
    """An instance as nginx sees it; the attributes beyond its own are those that a ranking reads."""

    free_slots = 1  # nginx knows no slots
    audio_left_s = 0.0
    batches = True

    def __init__(self, instance: VirtualInstance, weight: float) -> None:
        self.instance = instance
        self.name = instance.name
        self.weight = weight
        self.load = 0
        self.slowness = 1.0
        self.turn = 0
        self.down_until = 0.0


class Balance(Protocol):
    """Which peer is next."""

    def choose(self, down: Sequence[Peer]) -> Peer | None:
        """Take one that is not down."""
        ...

    def update(self, peer: Peer) -> None:
        """A peer's connections have changed."""
        ...


class SmoothWeights:
    """nginx's weighted round robin, as the cycle that it repeats: each peer gains its weight, the richest pays all."""

    def __init__(self, peers: Sequence[Peer]) -> None:
        self._cycle = tuple(_smooth_cycle(peers))
        self._place = 0

    def choose(self, down: Sequence[Peer]) -> Peer | None:
        """Take the next of the cycle that is not down."""
        for _ in self._cycle:
            peer = self._cycle[self._place]
            self._place = (self._place + 1) % len(self._cycle)
            if peer not in down:
                return peer
        return None

    def update(self, peer: Peer) -> None:
        """It does not look at connections."""


class LeastConnections:
    """nginx's `least_conn` with equal weights; of equal ones the longest unchosen."""

    def __init__(self, peers: Sequence[Peer]) -> None:
        self._ranking: Ranked[Peer] = fewest_in_flight()
        self._turn = 0
        for peer in peers:
            self._ranking.update(peer)

    def choose(self, down: Sequence[Peer]) -> Peer | None:
        """Take the one with the fewest connections that is not down."""
        peer = self._ranking.choose(NO_WORK, down)
        if peer is not None:
            self._turn += 1
            peer.turn = self._turn
        return peer

    def update(self, peer: Peer) -> None:
        """Rank it anew."""
        self._ranking.update(peer)


class Request:
    """A recording at an instance."""

    def __init__(self, proxy: Proxy, arrival: Arrival, peer: Peer) -> None:
        self.audio_s = arrival.audio_s
        self.arrival = arrival
        self.peer = peer
        self.is_over = False
        self._proxy = proxy

    def ended(self) -> None:
        """The instance has answered."""
        self._proxy.finish(self)

    def lost(self) -> None:
        """The instance has died: 502."""
        self._proxy.fail(self)


class Proxy:
    """An arm of the simulation.

    Args:
        instances: the fleet by name.
        peers: the same, in the order of the configuration.
        balance: which is next.
        timeline: when things happen.
        score: counts.
        restart_s: how long a killed instance takes to be back.
    """

    def __init__(
        self,
        *,
        instances: Mapping[str, VirtualInstance],
        peers: Sequence[Peer],
        balance: Balance,
        timeline: Timeline,
        score: Score,
        restart_s: float,
    ) -> None:
        self._instances = instances
        self._peers = peers
        self._balance = balance
        self._timeline = timeline
        self._score = score
        self._restart_s = restart_s
        self._down: list[Peer] = []
        self._open: set[Request] = set()
        self._waiting_s = 0.0

    @property
    def is_busy(self) -> bool:
        """Some recording has not ended."""
        return bool(self._open)

    def submit(self, arrival: Arrival) -> None:
        """Pass a recording on, at once."""
        self._down = [peer for peer in self._down if peer.down_until > self._timeline.now()]
        while (peer := self._balance.choose(self._down)) is not None:
            if peer.instance.condition is not Condition.DEAD:
                self._send(Request(self, arrival, peer))
                return
            self._mark_down(peer)
        self._score.fail()

    def finish(self, request: Request) -> None:
        """An answer: in time, or after nginx has given up."""
        if request.is_over:
            return
        self._end(request)
        now = self._timeline.now()
        if now - request.arrival.at_s > READ_TIMEOUT_S:
            self._score.fail()
        else:
            self._score.finish(request.arrival, now)

    def fail(self, request: Request) -> None:
        """No answer, and none will come."""
        if not request.is_over:
            self._end(request)
            self._mark_down(request.peer)
            self._score.fail()

    def hung(self, instance: VirtualInstance) -> None:
        """An instance has stopped: who waits there waits until the time-out."""
        for request in self._open:
            if request.peer.instance is instance:
                self._wait_in_vain(request)

    def killed(self, name: str) -> None:
        """Something outside, such as systemd, starts it again."""
        self._timeline.after(self._restart_s, self._instances[name].restart)

    def look(self) -> None:
        """The free nginx does not look at its peers; only the queues are noted."""
        self._score.wait(sum(instance.waiting_s for instance in self._instances.values()))

    def _send(self, request: Request) -> None:
        self._score.decisions += 1
        self._open.add(request)
        request.peer.load += 1
        self._balance.update(request.peer)
        if request.peer.instance.condition is Condition.HUNG:
            self._wait_in_vain(request)
        request.peer.instance.accept(request)

    def _wait_in_vain(self, request: Request) -> None:
        self._timeline.at(request.arrival.at_s + READ_TIMEOUT_S, partial(self._time_out, request))

    def _time_out(self, request: Request) -> None:
        if not request.is_over:
            request.peer.instance.forget(request)
            self.fail(request)

    def _end(self, request: Request) -> None:
        request.is_over = True
        self._open.discard(request)
        request.peer.load -= 1
        self._balance.update(request.peer)

    def _mark_down(self, peer: Peer) -> None:
        peer.down_until = self._timeline.now() + FAIL_TIMEOUT_S
        if peer not in self._down:
            self._down.append(peer)


def _smooth_cycle(peers: Sequence[Peer]) -> Iterator[Peer]:
    weights = [round(peer.weight) for peer in peers]
    rich = [0] * len(peers)
    for _ in range(sum(weights)):
        rich = [each + weight for each, weight in zip(rich, weights, strict=True)]
        best = max(range(len(peers)), key=rich.__getitem__)
        rich[best] -= sum(weights)
        yield peers[best]
