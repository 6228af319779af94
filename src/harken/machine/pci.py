"""NVIDIA GPUs on the PCI bus: what is plugged in, whether or not a driver speaks to it.

Only for the difference between "no GPU" and "a GPU without a driver"; everything else is asked of NVML (`gpus`). The
invariant: what cannot be read does not count.
"""

from __future__ import annotations

from pathlib import Path

_NVIDIA = "0x10de"
_DISPLAY = ("0x0300", "0x0302")
"""Classes of PCI devices: VGA controllers, and 3D controllers, which have no screen."""


def count_nvidia(root: Path = Path("/")) -> int:
    """Count the NVIDIA GPUs of this machine.

    Args:
        root: where `sys` is.
    """
    return sum(
        _read(device / "vendor") == _NVIDIA and _read(device / "class").startswith(_DISPLAY)
        for device in (root / "sys/bus/pci/devices").glob("*")
    )


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii", errors="replace").strip()
    except OSError:
        return ""
