"""How busy the machine was: the share of time in which it computed.

On the CPU that is this process's CPU time by the time of its threads. On a GPU, `nvidia-smi` is asked ten times a
second for the share of the last moments in which a kernel ran; it needs no package. Where there is no `nvidia-smi`, or
it says nothing, nobody knows.
"""

from __future__ import annotations

import contextlib
import subprocess
import threading
import time
from types import TracebackType
from typing import Protocol, Self

import torch


class Busy(Protocol):
    """Looks on while something is measured."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def look(self) -> None:
        """Note a moment between whose first and last time the share is told."""
        ...

    def share(self, began: float, ended: float) -> float | None:
        """Between two times of `time.perf_counter`, 0 to 1; None where nobody knows."""
        ...


class CpuBusy:
    """This process's CPU time."""

    def __init__(self, threads: int) -> None:
        self._threads = threads
        self._moments: list[tuple[float, float]] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        pass

    def look(self) -> None:
        """See `Busy`."""
        self._moments.append((time.perf_counter(), time.process_time()))

    def share(self, began: float, ended: float) -> float | None:
        """See `Busy`."""
        within = [moment for moment in self._moments if began - 0.1 <= moment[0] <= ended + 0.1]
        if len(within) < 2:
            return None
        (first, before), (last, after) = within[0], within[-1]
        return min(1.0, (after - before) / (last - first) / self._threads)


class GpuBusy:
    """What nvidia-smi says of one GPU.

    Args:
        device: in torch's words.
    """

    def __init__(self, device: str) -> None:
        self._device = device
        self._process: subprocess.Popen[str] | None = None
        self._thread: threading.Thread | None = None
        self._samples: list[tuple[float, float]] = []

    def __enter__(self) -> Self:
        uuid = torch.cuda.get_device_properties(self._device).uuid
        fields = ("--query-gpu=utilization.gpu", "--format=csv,noheader,nounits", "-lms", "100")
        with contextlib.suppress(OSError):
            self._process = subprocess.Popen(
                ("nvidia-smi", "-i", f"GPU-{uuid}", *fields),
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                text=True,
            )
            self._thread = threading.Thread(target=self._read, name="nvidia-smi", daemon=True)
            self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process is not None and self._thread is not None:
            self._process.terminate()
            self._process.wait(10)
            self._thread.join(10)

    def look(self) -> None:
        """Nothing to note: nvidia-smi looks by itself."""

    def share(self, began: float, ended: float) -> float | None:
        """See `Busy`."""
        within = [share for at, share in self._samples if began <= at <= ended]
        return sum(within) / len(within) if within else None

    def _read(self) -> None:
        assert self._process is not None
        assert self._process.stdout is not None
        with self._process.stdout as lines:
            for line in lines:
                with contextlib.suppress(ValueError):  # "[N/A]"
                    self._samples.append((time.perf_counter(), float(line) / 100))


def busy_of(device: str) -> Busy:
    """What looks on where torch computes."""
    return GpuBusy(device) if device.startswith("cuda") else CpuBusy(torch.get_num_threads())
