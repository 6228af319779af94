"""The same day for the autoscaler and for each of its rivals.

Invariant: all get the same recordings, instances and limits; only who decides differs.
"""

from __future__ import annotations

import dataclasses

from harken.fleet.autoscaler import Autoscaler
from harken.fleet.day_score import Row
from harken.fleet.rivals import Always, GuideRule
from harken.fleet.scaling_day import Day, run_day

AUTOSCALER, GUIDE = "autoscaler", "guide's CPU rule"


def run_all(day: Day) -> tuple[Row, ...]:
    """Run a day four times: the autoscaler first, then always the most, always the fewest, and the guide's rule."""
    most, least = day.config.max, max(day.config.min, 1)  # never any instance would be no rival
    its_own = dataclasses.replace(day, shows_cpu=day.config.signals == "cpu")
    return (
        run_day(its_own, AUTOSCALER, Autoscaler(day.config)),
        run_day(dataclasses.replace(day, first=most), f"always {most}", Always(most)),
        run_day(dataclasses.replace(day, first=least), f"always {least}", Always(least)),
        run_day(dataclasses.replace(day, first=least, shows_cpu=True), GUIDE, GuideRule(day.config)),
    )
