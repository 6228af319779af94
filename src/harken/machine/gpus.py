"""NVIDIA GPUs, as the driver's own library (NVML) tells of them.

Owns the questions to NVML. It refuses to know what the GPUs are for, and which of them CUDA would show to a process
(`visible`). The invariant: every failure is data, in NVML's own words: a missing library, a driver that does not match
it, a GPU that is lost; and no answer is waited for beyond a bound, since a broken driver may hang.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

TIMEOUT_S = 5.0
"""Without its persistence daemon a driver wakes every GPU first, which takes seconds; a broken one takes for ever."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Part:
    """A MIG device: a part of a GPU that is a GPU to whoever computes on it.

    Attributes:
        uuid: "MIG-…".
        total_bytes: its memory.
        free_bytes: what nobody holds of it.
    """

    uuid: str
    total_bytes: int
    free_bytes: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Gpu:
    """One GPU; what NVML did not tell is empty, 0 or None.

    Attributes:
        index: NVML's number, in the order of the PCI bus.
        uuid: "GPU-…".
        name: of the product.
        capability: CUDA's compute capability, such as (9, 0).
        total_bytes: its memory.
        used_bytes: what processes hold of it, and the driver itself.
        free_bytes: what nobody holds.
        busy_share: of the last moment in which anything was computed, 0 to 1.
        is_mig: whether it is divided; then only its parts can be used.
        parts: its MIG devices.
        problem: why it cannot be used, in NVML's words; "" where nothing is known to be wrong.
    """

    index: int
    uuid: str = ""
    name: str = ""
    capability: tuple[int, int] | None = None
    total_bytes: int = 0
    used_bytes: int = 0
    free_bytes: int = 0
    busy_share: float | None = None
    is_mig: bool = False
    parts: tuple[Part, ...] = ()
    problem: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Gpus:
    """All GPUs of this machine.

    Attributes:
        gpus: in NVML's order, those that are lost too.
        driver: its version, such as "580.65.06"; "" unknown.
        cuda: the newest CUDA that the driver knows, such as (13, 0); None unknown.
        problem: why there are none to see, in NVML's words; "" where NVML answered.
        has_library: whether NVML is there at all, that is, whether a driver was ever installed.
    """

    gpus: tuple[Gpu, ...] = ()
    driver: str = ""
    cuda: tuple[int, int] | None = None
    problem: str = ""
    has_library: bool = False


def own_gpus(timeout_s: float = TIMEOUT_S) -> Gpus:
    """Ask NVML for everything; blocks up to the time-out.

    Args:
        timeout_s: how long an answer is waited for.
    """
    answers: queue.SimpleQueue[Gpus] = queue.SimpleQueue()
    # A thread that hangs in a driver can be left behind: a daemon keeps no process alive.
    threading.Thread(target=lambda: answers.put(_ask_all()), name="nvml", daemon=True).start()
    try:
        return answers.get(timeout=timeout_s)
    except queue.Empty:
        return Gpus(problem=f"NVML did not answer within {timeout_s:g} s", has_library=True)


def _ask_all() -> Gpus:
    try:
        import pynvml
    except ImportError as error:
        return Gpus(problem=f"the package nvidia-ml-py is not installed ({error})")
    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError as error:
        return Gpus(problem=str(error), has_library=error.value != pynvml.NVML_ERROR_LIBRARY_NOT_FOUND)
    try:
        return _Questions(pynvml).all()
    finally:
        _told(pynvml, pynvml.nvmlShutdown)


@dataclass(frozen=True, slots=True)
class _Told:
    """An answer, or why there is none."""

    answer: Any = None
    problem: str = ""


def _told(nvml: Any, ask: Callable[..., Any], *arguments: object) -> _Told:
    try:
        return _Told(ask(*arguments))
    except nvml.NVMLError as error:
        return _Told(problem=str(error))


@dataclass(frozen=True, slots=True)
class _Questions:
    """The questions, to a library that is initialised."""

    nvml: Any

    def all(self) -> Gpus:
        nvml = self.nvml
        count = _told(nvml, nvml.nvmlDeviceGetCount)
        cuda = _told(nvml, nvml.nvmlSystemGetCudaDriverVersion_v2).answer
        return Gpus(
            gpus=tuple(self.gpu(index) for index in range(count.answer or 0)),
            driver=_text(_told(nvml, nvml.nvmlSystemGetDriverVersion).answer),
            cuda=(cuda // 1000, cuda % 1000 // 10) if cuda else None,
            problem=count.problem,
            has_library=True,
        )

    def gpu(self, index: int) -> Gpu:
        nvml = self.nvml
        handle = _told(nvml, nvml.nvmlDeviceGetHandleByIndex, index)
        if handle.problem:
            return Gpu(index=index, problem=handle.problem)
        memory = _told(nvml, nvml.nvmlDeviceGetMemoryInfo, handle.answer)
        busy = _told(nvml, nvml.nvmlDeviceGetUtilizationRates, handle.answer)
        mig = _told(nvml, nvml.nvmlDeviceGetMigMode, handle.answer)
        is_mig = bool(mig.answer and mig.answer[0])
        return Gpu(
            index=index,
            uuid=_text(_told(nvml, nvml.nvmlDeviceGetUUID, handle.answer).answer),
            name=_text(_told(nvml, nvml.nvmlDeviceGetName, handle.answer).answer),
            capability=_told(nvml, nvml.nvmlDeviceGetCudaComputeCapability, handle.answer).answer,
            total_bytes=int(memory.answer.total) if memory.answer else 0,
            used_bytes=int(memory.answer.used) if memory.answer else 0,
            free_bytes=int(memory.answer.free) if memory.answer else 0,
            busy_share=busy.answer.gpu / 100 if busy.answer else None,
            is_mig=is_mig,
            parts=self.parts(handle.answer) if is_mig else (),
            # A GPU that answers to nothing else may still have a handle; its memory is what it is wanted for.
            problem=memory.problem,
        )

    def parts(self, handle: object) -> tuple[Part, ...]:
        nvml = self.nvml
        most = _told(nvml, nvml.nvmlDeviceGetMaxMigDeviceCount, handle).answer or 0
        found = []
        for index in range(most):
            part = _told(nvml, nvml.nvmlDeviceGetMigDeviceHandleByIndex, handle, index)
            if part.problem:
                continue  # there may be up to `most`, and need not be
            memory = _told(nvml, nvml.nvmlDeviceGetMemoryInfo, part.answer).answer
            uuid = _text(_told(nvml, nvml.nvmlDeviceGetUUID, part.answer).answer)
            if memory and uuid:
                found.append(Part(uuid=uuid, total_bytes=int(memory.total), free_bytes=int(memory.free)))
        return tuple(found)


def _text(answer: object) -> str:
    """The library gives bytes or text, by its version."""
    if isinstance(answer, bytes):
        return answer.decode(errors="replace")
    return str(answer) if answer else ""
