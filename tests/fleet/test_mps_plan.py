"""Which GPUs are shared through MPS, and how its control program is read."""

from __future__ import annotations

from pathlib import Path

import pytest

from harken.config import FleetConfig
from harken.errors import ConfigError
from harken.fleet.mps_plan import client_variables, groups_under_mps, has_room_for_sockets, read_pids

SHARED = ("cuda:0", "cuda:1", "cuda:0")


@pytest.mark.parametrize(
    ("mode", "groups", "has_mps", "chosen"),
    [
        ("off", SHARED, True, set()),
        ("on", SHARED, True, {"cuda:0", "cuda:1"}),
        ("on", ("auto",), True, {"auto"}),
        ("on", ("cuda:0", "cpu"), True, {"cuda:0"}),
        ("auto", SHARED, True, {"cuda:0"}),
        ("auto", SHARED, False, set()),
        ("auto", ("auto", "auto"), True, {"auto"}),
        ("auto", ("cpu", "cpu", "mps", "mps"), True, set()),
    ],
)
def test_gpus_are_shared_as_asked(mode: str, groups: tuple[str, ...], has_mps: bool, chosen: set[str]) -> None:
    """On: all NVIDIA GPUs; auto: those with several instances, where it is there. Apple's "mps" is something else."""
    assert groups_under_mps(mode, groups, has_mps=has_mps) == chosen


@pytest.mark.parametrize(
    ("mode", "groups", "has_mps", "complaint"),
    [
        ("ON", SHARED, True, "Unknown fleet.mps: 'ON'; known are: off, on, auto"),
        ("aut", SHARED, True, "did you mean 'auto'"),
        ("true", SHARED, True, "known are"),
        ("on", SHARED, False, "nvidia-cuda-mps-control is not in PATH"),
        ("on", ("cpu", "cpu"), True, "no instance is on an NVIDIA GPU"),
    ],
)
def test_what_cannot_be_shared_is_an_error(mode: str, groups: tuple[str, ...], has_mps: bool, complaint: str) -> None:
    """Who asks for it by name gets it, or is told why not."""
    with pytest.raises(ConfigError, match=complaint):
        groups_under_mps(mode, groups, has_mps=has_mps)


def test_a_thread_percentage_is_given_only_where_it_is_configured() -> None:
    """0 leaves it to the daemon."""
    assert "CUDA_MPS_ACTIVE_THREAD_PERCENTAGE" not in client_variables(Path("/run"), FleetConfig())
    fleet = FleetConfig(mps_thread_percentage=50)
    assert client_variables(Path("/run"), fleet)["CUDA_MPS_ACTIVE_THREAD_PERCENTAGE"] == "50"


@pytest.mark.parametrize(("length", "fits"), [(60, True), (65, True), (66, False), (200, False)])
def test_a_folder_that_is_too_long_for_sockets_is_known(length: int, fits: bool) -> None:
    """Counted in bytes, as the kernel does."""
    assert has_room_for_sockets(Path("/" + "x" * (length - 1))) == fits
    assert has_room_for_sockets(Path("/" + "é" * (length // 2))) == (length // 2 * 2 + 1 <= 65)


@pytest.mark.parametrize(
    ("output", "pids"), [("", ()), ("\n", ()), ("41\n42\n", (41, 42)), ("Server 7 not found\n", ()), ("²", ())]
)
def test_pids_are_the_numbers_of_an_answer(output: str, pids: tuple[int, ...]) -> None:
    """One a line."""
    assert read_pids(output) == pids
