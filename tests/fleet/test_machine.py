"""Looking at a machine: cores, and the GPUs that instances would see."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from harken.config import Config, FleetConfig
from harken.fleet.machine import count_visible, machine_for, this_machine

TWO_GPUS = """\
GPU 0: NVIDIA A100-SXM4-80GB (UUID: GPU-5a1b0000-1111-2222-3333-444444444444)
  MIG 1g.10gb     Device  0: (UUID: MIG-99990000-1111-2222-3333-444444444444)
GPU 1: NVIDIA A100-SXM4-80GB (UUID: GPU-7c2d0000-1111-2222-3333-444444444444)
"""


def test_this_machine_has_cores() -> None:
    """Looking works here, whatever here is."""
    assert this_machine().cores >= 1


@pytest.mark.parametrize(
    ("visible", "count"),
    [
        (None, 2),
        ("", 0),
        ("-1", 0),
        ("0", 1),
        ("1,0", 2),
        ("0,7,1", 1),
        ("GPU-7c2d", 1),
        ("GPU-0000,0", 0),
        (" 1 ", 1),
        ("²", 0),
    ],
)
def test_gpus_are_counted_as_cuda_shows_them(visible: str | None, count: int) -> None:
    """CUDA_VISIBLE_DEVICES holds up to the first entry that names no GPU."""
    assert count_visible(TWO_GPUS, visible) == count


def test_no_listing_is_no_gpu() -> None:
    """A driver that does not answer."""
    assert count_visible("NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver.\n", None) == 0


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="a GPU is looked for by nvidia-smi")
def test_nvidia_smi_is_asked_only_where_the_answer_is_needed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It may take seconds."""
    asked = tmp_path / "asked"
    smi = tmp_path / "nvidia-smi"
    smi.write_text(f"#!/bin/sh\ntouch '{asked}'\ncat <<'END'\n{TWO_GPUS}END\n", encoding="utf-8")
    smi.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    assert machine_for(Config()).has_gpu
    assert not asked.exists()
    assert machine_for(Config(fleet=FleetConfig(devices="all"))).gpus == 2
    assert asked.exists()
    smi.write_text("#!/bin/sh\nexit 9\n", encoding="utf-8")
    assert machine_for(Config(fleet=FleetConfig(devices="all"))).gpus == 0
