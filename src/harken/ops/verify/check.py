"""What verification tells: one check with its verdict, and the report of all.

Plain data, no I/O; what is looked at and when is for the steps. The invariant: a report is good only if something was
shown, so one in which everything was skipped is not.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from harken.errors import HarkenError


class Verdict(StrEnum):
    """What came of a check."""

    OK = "ok"
    FAILED = "failed"
    SKIPPED = "skipped"
    """It could not be made from here; `found` says why."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Check:
    """One thing that was looked at.

    Attributes:
        name: what; one word, and the instance where it is about one.
        verdict: what came of it.
        found: one sentence.
        remedy: what would help; "" where nothing is wrong.
        figures: numbers that were measured, by name with their unit.
    """

    name: str
    verdict: Verdict
    found: str
    remedy: str = ""
    figures: Mapping[str, float] = field(default_factory=dict)


class CheckFailed(HarkenError):
    """Something is not as it should be; made into a failed check by `run`.

    Args:
        found: one sentence.
        remedy: what would help.
    """

    code = "check_failed"

    def __init__(self, found: str, remedy: str = "") -> None:
        super().__init__(found)
        self.remedy = remedy


def ok(name: str, found: str, **figures: float) -> Check:
    """A check that went well."""
    return Check(name=name, verdict=Verdict.OK, found=found, figures=figures)


def failed(name: str, found: str, remedy: str, **figures: float) -> Check:
    """A check that did not."""
    return Check(name=name, verdict=Verdict.FAILED, found=found, remedy=remedy, figures=figures)


def skipped(name: str, found: str, remedy: str = "") -> Check:
    """A check that could not be made."""
    return Check(name=name, verdict=Verdict.SKIPPED, found=found, remedy=remedy)


@dataclass(frozen=True, kw_only=True, slots=True)
class Report:
    """All checks, in their order.

    Attributes:
        server: the address that was asked.
        took_s: seconds that all of it took.
    """

    server: str
    checks: tuple[Check, ...]
    took_s: float

    @property
    def is_good(self) -> bool:
        """Something was shown, and nothing failed."""
        verdicts = [check.verdict for check in self.checks]
        return Verdict.OK in verdicts and Verdict.FAILED not in verdicts

    def fields(self) -> dict[str, object]:
        """Write it as JSON fields."""
        return {
            "server": self.server,
            "is_good": self.is_good,
            "took_s": round(self.took_s, 3),
            "checks": [dataclasses.asdict(check) for check in self.checks],
        }
