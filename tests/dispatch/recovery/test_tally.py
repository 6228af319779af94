"""How often a segment may fail."""

from __future__ import annotations

import pytest

from harken.dispatch.lines.failures import ConnectionLost, Cut, Refused, Silent, Stalled, Unreached
from harken.dispatch.recovery.tally import Tally, is_charged, may_retry
from harken.errors import Draining, EngineFailed, HarkenError, InstanceFailed, QueueFull, TimedOut, UnknownLanguage


@pytest.mark.parametrize(
    ("error", "tally", "is_used", "allowed"),
    [
        (InstanceFailed(), Tally(tries=1), False, True),
        (EngineFailed(), Tally(tries=3), False, True),
        (EngineFailed(), Tally(tries=4), False, False),
        (InstanceFailed(), Tally(tries=1), True, False),
        (UnknownLanguage(), Tally(), False, False),
        (TimedOut(), Tally(tries=1), False, True),
        (ConnectionLost(), Tally(tries=2, lone_deaths=2), False, True),
        (ConnectionLost(), Tally(tries=3, lone_deaths=3), False, False),
        (Cut(), Tally(shared_deaths=7), False, True),
        (Cut(), Tally(shared_deaths=8), False, False),
        (Refused(), Tally(tries=1, refusals=1), False, True),
        (Refused(), Tally(tries=2, refusals=2), False, False),
    ],
)
def test_another_try_needs_a_retryable_error_a_silent_client_and_a_try_left(
    error: HarkenError, tally: Tally, *, is_used: bool, allowed: bool
) -> None:
    """Of four tries, three deaths alone, eight in company, two refusals."""
    assert may_retry(error, tally, attempts=4, is_used=is_used) is allowed


@pytest.mark.parametrize(
    ("error", "had_company", "tally"),
    [
        (EngineFailed(), True, Tally(tries=1)),
        (TimedOut(), False, Tally(tries=1)),
        (ConnectionLost(), False, Tally(tries=1, lone_deaths=1)),
        (ConnectionLost(), True, Tally(shared_deaths=1)),
        (Cut(), False, Tally(tries=1, lone_deaths=1)),
        (Cut(), True, Tally(shared_deaths=1)),
        (Unreached(), False, Tally(shared_deaths=1)),
        (Silent(), False, Tally(tries=1, lone_deaths=1)),
        (Stalled(), True, Tally(shared_deaths=1)),
        (Refused(), True, Tally(tries=1, refusals=1)),
        (QueueFull(), False, Tally()),
        (Draining(), True, Tally()),
    ],
)
def test_a_death_in_company_costs_no_try(error: HarkenError, tally: Tally, *, had_company: bool) -> None:
    """Nor does one that it had no part in; being turned away costs nothing at all."""
    assert Tally().after(error, had_company=had_company) == tally


@pytest.mark.parametrize(
    ("error", "charged"),
    [
        (EngineFailed(), True),
        (InstanceFailed(), True),
        (TimedOut(), True),
        (ConnectionLost(), False),
        (Unreached(), False),
        (Silent(), False),
        (Stalled(), False),
        (Cut(), False),
        (Refused(), False),
        (QueueFull(), False),
        (Draining(), False),
    ],
)
def test_only_a_failure_on_an_instance_that_goes_on_is_charged(error: HarkenError, *, charged: bool) -> None:
    """What was lost with its instance goes on at once, and being turned away cost nobody anything."""
    assert is_charged(error) is charged
