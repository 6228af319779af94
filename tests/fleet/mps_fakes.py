"""A machine with NVIDIA's Multi-Process Service, as far as its control program shows."""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

HERE = Path(__file__).parent


@dataclass(frozen=True)
class FakeMps:
    """Where the stand-ins are, and what they wrote.

    Attributes:
        folder: of this machine; its path is short enough for sockets.
        env: for whoever is to find the control program.
    """

    folder: Path
    env: dict[str, str]

    @property
    def state(self) -> Path:
        """A state folder."""
        return self.folder / "state"

    @property
    def calls(self) -> list[dict[str, Any]]:
        """Every call of the control program, in order."""
        written = self.folder / "calls"
        lines = written.read_text(encoding="utf-8").splitlines() if written.exists() else []
        return [json.loads(line) for line in lines]

    def refuse(self, *, refuses: bool = True) -> None:
        """Let the daemon not start, or start again."""
        marker = self.folder / "refuse"
        marker.touch() if refuses else marker.unlink()

    def daemons(self) -> set[int]:
        """Processes of the daemons of this machine that run."""
        found = set()
        for process in psutil.process_iter():
            try:
                is_one = "-d" in process.cmdline() and process.environ().get("FAKE_MPS_FOLDER") == str(self.folder)
            except psutil.Error:
                continue
            if is_one and process.status() != psutil.STATUS_ZOMBIE:
                found.add(process.pid)
        return found


@contextmanager
def fake_mps() -> Iterator[FakeMps]:
    """Make such a machine; afterwards no daemon of it is left, whatever the test did."""
    folder = Path(tempfile.mkdtemp(prefix="mps-"))
    program = folder / "bin" / "nvidia-cuda-mps-control"
    program.parent.mkdir()
    program.write_text(
        f"#!/bin/sh\nexec '{sys.executable}' -I -S '{HERE}/fake_mps_control.py' \"$@\"\n", encoding="utf-8"
    )
    program.chmod(0o755)
    path = f"{program.parent}{os.pathsep}{os.environ['PATH']}"
    env = {**os.environ, "PATH": path, "FAKE_MPS_FOLDER": str(folder), "CUDA_VISIBLE_DEVICES": "0"}
    machine = FakeMps(folder=folder, env=env)
    try:
        yield machine
        assert machine.daemons() == set()
    finally:
        for pid in machine.daemons():
            psutil.Process(pid).kill()
        shutil.rmtree(folder)
