"""A finding: one thing that was looked at, whether it is well, and what to do where it is not."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum


class Verdict(Enum):
    """How a thing is: a failure keeps `harken up` from starting, a warning does not."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        name: what, in one or two words; stable, for scripts.
        verdict: how it is.
        found: what was found, for people.
        remedy: the command or the step that helps; "" where nothing has to be done.
    """

    name: str
    verdict: Verdict
    found: str
    remedy: str = ""


def ok(name: str, found: str) -> Finding:
    """Something that is well."""
    return Finding(name=name, verdict=Verdict.OK, found=found)


def warning(name: str, found: str, remedy: str = "") -> Finding:
    """Something that is not as it should be, and does not keep the fleet from starting."""
    return Finding(name=name, verdict=Verdict.WARNING, found=found, remedy=remedy)


def failed(name: str, found: str, remedy: str) -> Finding:
    """Something that keeps the fleet from starting."""
    return Finding(name=name, verdict=Verdict.FAILED, found=found, remedy=remedy)


def worst(findings: Iterable[Finding]) -> Verdict:
    """The verdict over all findings."""
    order = list(Verdict)
    return max((finding.verdict for finding in findings), key=order.index, default=Verdict.OK)
