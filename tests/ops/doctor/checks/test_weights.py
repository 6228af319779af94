"""Weights, here and elsewhere."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from harken.machine.disk import Disk
from harken.ops.doctor.checks.weights import check_aligner, check_download, check_hub, check_model
from harken.ops.doctor.facts import Checkpoint, Facts, Hub
from harken.ops.doctor.finding import Verdict
from tests.ops.doctor.machines import GB, LARGE, checkpoint, config, machine

HUB = "https://hub.example"


def _missing(status: int = 200, **hub: object) -> Facts:
    return machine(
        model=checkpoint(LARGE, folder=None, is_builtin=True),
        hub=dataclasses.replace(Hub(endpoint=HUB, statuses={LARGE: status}), **hub),  # type: ignore[arg-type]
    )


def test_weights_that_are_here_are_told_with_their_place() -> None:
    """And nobody asks the hub."""
    facts = machine()
    assert (found := check_model(facts)) and found.verdict is Verdict.OK and "4.7 GB in /models" in found.found
    assert check_download(facts) is None
    assert check_hub(facts) is None


def test_weights_that_are_missing_are_a_warning_while_the_hub_has_them() -> None:
    """`harken up` would fetch them."""
    facts = _missing()
    found = check_model(facts)
    assert found and (found.verdict, found.remedy) == (Verdict.WARNING, f"harken pull {LARGE}")
    assert (hub := check_hub(facts)) and hub.verdict is Verdict.OK


@pytest.mark.parametrize(
    ("status", "problem", "words", "step"),
    [
        (0, "timed out", "does not answer (timed out)", "HF_ENDPOINT"),
        (401, "", "does not show", "HF_TOKEN"),
        (403, "", "does not show", "HF_TOKEN"),
        (404, "", f"has no {LARGE}", "check the name"),
        (503, "", "answers 503", "later"),
    ],
)
def test_a_hub_that_does_not_have_them_fails(status: int, problem: str, words: str, step: str) -> None:
    """With the way out that fits."""
    found = check_hub(_missing(status, problem=problem))
    assert found and found.verdict is Verdict.FAILED
    assert words in found.found and step in found.remedy


def test_a_machine_that_is_kept_offline_is_told_so() -> None:
    """It is a choice, not a fault of the network."""
    found = check_hub(_missing(is_offline=True))
    assert found and found.verdict is Verdict.FAILED and "HF_HUB_OFFLINE" in found.found


def test_each_missing_one_is_pulled_by_a_command_of_its_own() -> None:
    """`harken pull` takes one name, and each has its own flag."""
    facts = dataclasses.replace(_missing(503), aligner=Checkpoint(name="me/times"))
    found = check_hub(facts)
    assert found and f"harken pull {LARGE} && harken pull me/times" in found.remedy
    assert "--model and --aligner" in found.remedy
    alone = check_hub(_missing(503))
    assert alone and "--aligner" not in alone.remedy


@pytest.mark.parametrize(
    ("free", "verdict"), [(100.0, Verdict.OK), (5.0, Verdict.WARNING), (4.0, Verdict.FAILED), (None, Verdict.OK)]
)
def test_a_download_needs_room(free: float | None, verdict: Verdict) -> None:
    """For all that is missing, and some to spare."""
    facts = _missing()
    free_bytes = None if free is None else int(free * GB)
    disk = dataclasses.replace(facts.places.weights, free_bytes=free_bytes)
    found = check_download(dataclasses.replace(facts, places=dataclasses.replace(facts.places, weights=disk)))
    assert found and found.verdict is verdict
    assert verdict is Verdict.OK or "models.folder=" in found.remedy, "it is the disk that was measured"


def test_a_download_needs_a_folder_that_can_be_written() -> None:
    """Whatever room there is."""
    facts = _missing()
    disk = Disk(folder=Path("/x"), existing=Path("/"), free_bytes=GB, is_writable=False, problem="no permission")
    found = check_download(dataclasses.replace(facts, places=dataclasses.replace(facts.places, weights=disk)))
    assert found and found.verdict is Verdict.FAILED and found.found == "no permission"


def test_a_checkpoint_with_a_fault_fails_with_its_own_remedy() -> None:
    """Whichever it is."""
    broken = Checkpoint(name="m", folder=Path("/m"), problem="it is cut off", remedy="harken pull m")
    for check, facts in (
        (check_model, machine(model=broken)),
        (check_aligner, machine(aligner=broken)),
    ):
        found = check(facts)
        assert found and (found.verdict, found.found, found.remedy) == (
            Verdict.FAILED,
            "it is cut off",
            "harken pull m",
        )


def test_having_no_aligner_is_no_fault() -> None:
    """There are no times of words then."""
    assert (found := check_aligner(machine())) and found.verdict is Verdict.OK
    auto = check_aligner(machine(config(aligner="auto")))
    assert auto and auto.verdict is Verdict.OK and "no times of words" in auto.found
    assert check_aligner(machine(config(instances=0))) is None
