"""The doctor's report: all findings over the facts, what fits, and the same as JSON. Pure.

The JSON is described in docs/reference/doctor.md, and a test compares the two: keys are added, never changed.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

from harken.ops.doctor.checks import CHECKS
from harken.ops.doctor.facts import Facts
from harken.ops.doctor.finding import Finding, Verdict, worst
from harken.ops.doctor.fits import Fit, Place, footprint_on, places_of, what_fits
from harken.qwen3_asr.footprint import Footprint


@dataclass(frozen=True, kw_only=True, slots=True)
class Report:
    """What the doctor says.

    Attributes:
        facts: what it saw.
        findings: in the order in which they build on each other.
        places: the devices of this machine.
        fits: what fits on them.
        footprint: one instance as configured, on the fleet's first device; None where its size is not known.
    """

    facts: Facts
    findings: tuple[Finding, ...]
    places: tuple[Place, ...]
    fits: tuple[Fit, ...]
    footprint: Footprint | None

    @property
    def verdict(self) -> Verdict:
        """Over all findings."""
        return worst(self.findings)

    @property
    def can_start(self) -> bool:
        """Whether `harken up` would start."""
        return self.verdict is not Verdict.FAILED


def report_on(facts: Facts) -> Report:
    """Judge everything."""
    found = tuple(finding for check in CHECKS if (finding := check(facts)) is not None)
    first = facts.devices[0] if facts.devices else "cpu"
    return Report(
        facts=facts,
        findings=found,
        places=places_of(facts),
        fits=what_fits(facts),
        footprint=footprint_on(facts, first),
    )


def written(report: Report) -> dict[str, Any]:
    """The report as plain data."""
    facts, one = report.facts, report.footprint
    return {
        "verdict": report.verdict.value,
        "can_start": report.can_start,
        "findings": [{**dataclasses.asdict(finding), "verdict": finding.verdict.value} for finding in report.findings],
        "fits": [dataclasses.asdict(fit) for fit in report.fits],
        "instance": None if one is None else _instance(one, facts),
        "machine": {
            "system": facts.software.system,
            "cores": facts.cores.usable,
            "cpu": dataclasses.asdict(facts.processor),
            "memory": dataclasses.asdict(facts.memory),
            "driver": facts.gpus.driver,
            "gpus": [dataclasses.asdict(gpu) for gpu in facts.gpus.gpus],
            "visible_gpus": [gpu.uuid for gpu in facts.visible],
        },
    }


def _instance(one: Footprint, facts: Facts) -> dict[str, Any]:
    return {
        "model": facts.model.name if facts.model is not None else "",
        "device": facts.devices[0] if facts.devices else "cpu",
        **dataclasses.asdict(one),
    }
