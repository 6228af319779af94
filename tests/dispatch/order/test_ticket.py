"""When a ticket is due, and until when it waits."""

from __future__ import annotations

import pytest

from harken.config import LimitsConfig
from harken.dispatch.order.queue import PATIENCE_S
from harken.dispatch.order.ticket import FRESH_SLACK_MAX_S, SLACK_MAX_S, SLACK_PER_S, Lane, Ticket
from harken.types import Priority, Requester


@pytest.mark.parametrize(
    ("audio_s", "recording_s", "slack_s"),
    [(5.0, 0.0, 5.0 * SLACK_PER_S), (5.0, 60.0, 60.0 * SLACK_PER_S), (30.0, 3600.0, SLACK_MAX_S)],
)
def test_a_ticket_is_due_later_the_longer_its_recording_is(audio_s: float, recording_s: float, slack_s: float) -> None:
    """Up to a bound; where the recording's length is not known, the segment's own counts."""
    assert Ticket(audio_s=audio_s, recording_s=recording_s, arrival=100.0).due == 100.0 + slack_s


@pytest.mark.parametrize(
    ("priority", "recording_s", "lane", "is_bulk"),
    [
        (Priority.LIVE, 3600.0, Lane.LIVE, False),
        (Priority.INTERACTIVE, 30.0, Lane.SHORT, False),
        (Priority.INTERACTIVE, 30.1, Lane.LONG, True),
        (Priority.BATCH, 1.0, Lane.BATCH, True),
    ],
)
def test_a_lane_is_a_class_and_in_the_middle_one_a_length(
    priority: Priority, recording_s: float, lane: Lane, is_bulk: bool
) -> None:
    """Short is what fits one segment; bulk is what nobody waits for segment by segment."""
    one = Ticket(audio_s=1.0, recording_s=recording_s, requester=Requester(priority=priority))
    assert (one.lane, one.lane.is_bulk) == (lane, is_bulk)


def test_a_segment_is_due_by_when_its_recording_began() -> None:
    """Who came first is finished first; but a recording of hours gets no lead of hours by that."""
    soon = Ticket(audio_s=30.0, recording_s=600.0, arrival=120.0, began=110.0)
    later = Ticket(audio_s=30.0, recording_s=600.0, arrival=1000.0, began=110.0)
    assert soon.due == 110.0 + SLACK_MAX_S
    assert later.due == 1000.0 + FRESH_SLACK_MAX_S


def test_a_clients_deadline_pulls_a_ticket_forward_and_never_back() -> None:
    """By the time at which it must start to be done by then."""
    soon, late = Requester(deadline=110.0), Requester(deadline=500.0)
    assert Ticket(audio_s=30.0, arrival=100.0, run_s=3.0, requester=soon).due == 107.0
    assert Ticket(audio_s=30.0, arrival=100.0, run_s=3.0, requester=late).due == 130.0
    assert Ticket(audio_s=30.0, arrival=100.0, run_s=3.0, wait_s=400.0, requester=late).due == 97.0


def test_waiting_ends_at_our_limit_or_at_the_clients() -> None:
    """Whichever comes first; only the client's makes it too late."""
    own = Ticket(audio_s=1.0, deadline=300.0, requester=Requester(deadline=20.0))
    ours = Ticket(audio_s=1.0, deadline=300.0)
    assert (own.waits_until, ours.waits_until) == (20.0, 300.0)
    assert (own.is_too_late(19.9), own.is_too_late(20.0), ours.is_too_late(1e9)) == (False, True, False)


def test_a_deadline_beyond_which_others_may_wait_hurries_and_ends_nothing() -> None:
    """Whoever has no more time leaves by himself."""
    shared = Ticket(audio_s=1.0, deadline=300.0, requester=Requester(deadline=20.0, is_bound=False))
    assert shared.due == Ticket(audio_s=1.0, requester=Requester(deadline=20.0)).due
    assert shared.waits_until == 300.0
    assert not shared.is_too_late(20.0)


def test_everything_is_due_well_before_waiting_ends() -> None:
    """Patience and slack leave the default time-out room: neither ageing comes too late."""
    assert max(*PATIENCE_S.values(), SLACK_MAX_S) <= LimitsConfig().queue_timeout_s / 2
