"""When a ticket is due, and until when it waits."""

from __future__ import annotations

import pytest

from harken.config import LimitsConfig
from harken.dispatch.queue import PATIENCE_S
from harken.dispatch.ticket import SLACK_MAX_S, SLACK_PER_S, Ticket
from harken.types import Requester


@pytest.mark.parametrize(
    ("audio_s", "recording_s", "slack_s"),
    [(5.0, 0.0, 5.0 * SLACK_PER_S), (5.0, 60.0, 60.0 * SLACK_PER_S), (30.0, 3600.0, SLACK_MAX_S)],
)
def test_a_ticket_is_due_later_the_longer_its_recording_is(audio_s: float, recording_s: float, slack_s: float) -> None:
    """Up to a bound; where the recording's length is not known, the segment's own counts."""
    assert Ticket(audio_s=audio_s, recording_s=recording_s, arrival=100.0).due == 100.0 + slack_s


def test_a_clients_deadline_pulls_a_ticket_forward_and_never_back() -> None:
    """By the time at which it must start to be done by then."""
    soon, late = Requester(deadline=110.0), Requester(deadline=500.0)
    assert Ticket(audio_s=30.0, arrival=100.0, run_s=3.0, requester=soon).due == 107.0
    assert Ticket(audio_s=30.0, arrival=100.0, run_s=3.0, requester=late).due == 130.0


def test_waiting_ends_at_our_limit_or_at_the_clients() -> None:
    """Whichever comes first; only the client's makes it too late."""
    own = Ticket(audio_s=1.0, deadline=300.0, requester=Requester(deadline=20.0))
    ours = Ticket(audio_s=1.0, deadline=300.0)
    assert (own.waits_until, ours.waits_until) == (20.0, 300.0)
    assert (own.is_too_late(19.9), own.is_too_late(20.0), ours.is_too_late(1e9)) == (False, True, False)


def test_everything_is_due_well_before_waiting_ends() -> None:
    """Patience and slack leave the default time-out room: neither ageing comes too late."""
    assert max(*PATIENCE_S.values(), SLACK_MAX_S) <= LimitsConfig().queue_timeout_s / 2
