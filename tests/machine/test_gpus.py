"""What NVML says, by its real binding over a stand-in for the driver's library."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from harken.machine.gpus import own_gpus
from tests.machine.nvml import compile_stub, run_python, surroundings

pytestmark = pytest.mark.slow

GIB = 1024**3
ASK = (
    "import dataclasses, json; from harken.machine.gpus import own_gpus; "
    "print(json.dumps(dataclasses.asdict(own_gpus(2))))"
)


@pytest.fixture(scope="module")
def stub(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the stand-in."""
    return compile_stub(tmp_path_factory.mktemp("nvml"))


def _ask(stub: Path, gpus: str, **variables: str) -> Any:
    return json.loads(run_python(ASK, surroundings(stub, gpus, **variables)))


def test_gpus_are_told_with_their_memory(stub: Path) -> None:
    """Several at once, one of them at work."""
    found = _ask(stub, "HA")
    assert (found["driver"], found["cuda"], found["problem"]) == ("580.65.06", [13, 0], "")
    first, second = found["gpus"]
    assert (first["name"], first["capability"], first["busy_share"]) == ("NVIDIA H100 80GB HBM3", [9, 0], 0.87)
    assert (first["total_bytes"], first["used_bytes"], first["free_bytes"]) == (80 * GIB, 30 * GIB, 50 * GIB)
    assert (second["index"], second["capability"], second["is_mig"]) == (1, [8, 0], False)
    assert first["uuid"].startswith("GPU-") and first["uuid"] != second["uuid"]


@pytest.mark.parametrize("lost", ["L", "Z"])
def test_a_gpu_that_is_lost_is_told_beside_the_others(stub: Path, lost: str) -> None:
    """In NVML's own words, whether it has a handle still or not."""
    broken, well = _ask(stub, f"{lost}A")["gpus"]
    assert broken["problem"] == "GPU is lost"
    assert (well["problem"], well["free_bytes"]) == ("", 80 * GIB - GIB // 2)


def test_what_an_old_gpu_does_not_know_is_left_open(stub: Path) -> None:
    """It is no reason to call it broken."""
    (gpu,) = _ask(stub, "S")["gpus"]
    assert (gpu["busy_share"], gpu["is_mig"], gpu["problem"], gpu["total_bytes"]) == (None, False, "", 11 * GIB)


def test_a_divided_gpu_has_parts(stub: Path) -> None:
    """Those that exist; numbers between them may be free."""
    (gpu,) = _ask(stub, "M")["gpus"]
    assert gpu["is_mig"]
    assert [part["total_bytes"] for part in gpu["parts"]] == [10 * GIB, 10 * GIB]
    assert len({part["uuid"] for part in gpu["parts"]}) == 2


def test_a_driver_of_another_version_is_told_in_its_own_words(stub: Path) -> None:
    """As after an update without a restart of the machine."""
    found = _ask(stub, "H", STUB_NVML_INIT="18")
    assert (found["gpus"], found["has_library"]) == ([], True)
    assert "mismatch" in found["problem"]


def test_a_driver_that_is_not_loaded_is_told(stub: Path) -> None:
    """The library is there, the kernel's module is not."""
    assert _ask(stub, "H", STUB_NVML_INIT="9")["problem"] == "Driver Not Loaded"


def test_a_driver_that_hangs_is_not_waited_for(stub: Path) -> None:
    """And it does not keep the process that asked."""
    try:
        found = _ask(stub, "H", STUB_NVML_HANG="1")
    except subprocess.TimeoutExpired:
        pytest.fail("the process waits for the driver")
    assert found["problem"] == "NVML did not answer within 2 s"


def test_a_machine_without_a_driver_has_no_gpus() -> None:
    """Or it has some: then NVML has no problem."""
    found = own_gpus()
    assert found.gpus or found.problem
