"""Rules of harken.telemetry.records."""

from __future__ import annotations

import pytest

from harken.events import CANCELLED
from harken.telemetry.records import Records
from tests.telemetry.facts import span


def test_success_is_the_share_that_ended_well() -> None:
    """What its client gave up says nothing of the instance."""
    records = Records(0.0)
    for outcome in ("done", "done", "done", "instance_failed", CANCELLED):
        records.ended(span(at=10.0, outcome=outcome))
    record = records.of(20.0)["asr-1"]
    assert (record.segments, record.success) == (4, 0.75)
    assert record.rtfx == pytest.approx(6.0 / 20.0)


def test_who_did_nothing_for_a_minute_is_forgotten() -> None:
    """Names that are gone cost nothing."""
    records = Records(0.0)
    records.ended(span(at=10.0, target="asr-1"))
    records.ended(span(at=69.0, target="asr-2"))
    assert set(records.of(80.0)) == {"asr-2"}
