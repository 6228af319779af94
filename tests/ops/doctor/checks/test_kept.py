"""Ports, the state folder, limits."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from harken.machine.disk import Disk
from harken.ops.doctor.checks.kept import check_descriptors, check_ports, check_state, check_unknown
from harken.ops.doctor.facts import Facts, Port
from harken.ops.doctor.finding import Verdict
from tests.ops.doctor.machines import GB, machine


def _with(**changes: Any) -> Facts:
    facts = machine()
    return dataclasses.replace(facts, places=dataclasses.replace(facts.places, **changes))


def test_ports_that_are_taken_name_the_holder_and_the_flag() -> None:
    """Of the gateway, of an instance, or of both."""
    gateway = Port(owner="gateway", host="h", number=7860, problem="Port 7860 is in use by nginx (pid 7).")
    instance = Port(owner="asr-1", host="h", number=7861, problem="Port 7861 is in use by another process.")
    both = check_ports(_with(ports=(gateway, instance)))
    assert both.verdict is Verdict.FAILED and "nginx (pid 7)" in both.found
    assert both.remedy.endswith("--port and --first-port")
    assert check_ports(_with(ports=(instance,))).remedy.endswith(": --first-port")
    free = check_ports(_with(ports=(dataclasses.replace(gateway, problem=""),)))
    assert (free.verdict, free.found) == (Verdict.OK, "free: 7860 (gateway)")
    assert check_ports(_with(ports=())).verdict is Verdict.OK


def test_thousands_of_ports_are_not_listed() -> None:
    """The first, and how many more."""
    ports = tuple(Port(owner=f"asr-{number}", host="h", number=10_000 + number) for number in range(1, 2001))
    assert check_ports(_with(ports=ports)).found.endswith("10009 (asr-9) and 1991 more")
    taken = tuple(dataclasses.replace(port, problem="Taken.") for port in ports)
    assert check_ports(_with(ports=taken)).found.endswith("Taken. And 1991 more.")


@pytest.mark.parametrize(
    ("free", "is_writable", "verdict"),
    [
        (100 * GB, True, Verdict.OK),
        (2 * GB, True, Verdict.WARNING),
        (1000, True, Verdict.FAILED),
        (None, True, Verdict.OK),
        (100 * GB, False, Verdict.FAILED),
    ],
)
def test_the_state_folder_needs_room_and_permission(free: int | None, is_writable: bool, verdict: Verdict) -> None:
    """A full disk is as bad as none."""
    disk = Disk(
        folder=Path("/s"), existing=Path("/"), free_bytes=free, is_writable=is_writable, problem="no permission"
    )
    assert check_state(_with(state=disk)).verdict is verdict


def test_descriptors_bound_the_clients() -> None:
    """Too few for the fleet itself fail."""
    for limit, verdict in ((65_536, Verdict.OK), (1024, Verdict.WARNING), (128, Verdict.FAILED)):
        assert check_descriptors(_with(descriptors=limit)).verdict is verdict


def test_what_did_not_answer_is_told() -> None:
    """By name."""
    assert check_unknown(machine()) is None
    found = check_unknown(machine(unknown=("gpus", "weights")))
    assert found and "gpus, weights" in found.found
