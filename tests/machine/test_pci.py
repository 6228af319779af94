"""GPUs on the PCI bus."""

from __future__ import annotations

from pathlib import Path

from harken.machine.pci import count_nvidia


def test_gpus_are_told_from_what_else_is_plugged_in(tmp_path: Path) -> None:
    """With and without a screen; a GPU's sound device and another make's GPU are none."""
    devices = {
        "0000:01:00.0": ("0x10de", "0x030000"),
        "0000:01:00.1": ("0x10de", "0x040300"),
        "0000:02:00.0": ("0x10de", "0x030200"),
        "0000:03:00.0": ("0x1002", "0x030000"),
        "0000:04:00.0": ("", ""),
    }
    for name, (vendor, kind) in devices.items():
        folder = tmp_path / "sys/bus/pci/devices" / name
        folder.mkdir(parents=True)
        if vendor:
            (folder / "vendor").write_text(f"{vendor}\n")
            (folder / "class").write_text(f"{kind}\n")
    assert count_nvidia(tmp_path) == 2


def test_a_machine_without_a_bus_has_none(tmp_path: Path) -> None:
    """It is no error."""
    assert count_nvidia(tmp_path) == 0
