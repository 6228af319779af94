"""The checks: each a small pure function from the facts to one finding, or none where there is nothing to look at."""

from __future__ import annotations

from collections.abc import Callable

from harken.ops.doctor.checks.devices import DEVICE_CHECKS
from harken.ops.doctor.checks.installed import INSTALLED_CHECKS
from harken.ops.doctor.checks.kept import KEPT_CHECKS
from harken.ops.doctor.checks.room import ROOM_CHECKS
from harken.ops.doctor.checks.weights import WEIGHT_CHECKS
from harken.ops.doctor.facts import Facts
from harken.ops.doctor.finding import Finding

Check = Callable[[Facts], Finding | None]

CHECKS: tuple[Check, ...] = (*INSTALLED_CHECKS, *DEVICE_CHECKS, *WEIGHT_CHECKS, *ROOM_CHECKS, *KEPT_CHECKS)
"""In the order in which they are shown: what comes later builds on what came before."""
