"""From an instance's configuration to an engine that is ready to be entered, and the canary that proves it.

The only place that chooses between a real network and the stub, and the only way by which torch gets into a process.
Loading blocks for seconds to minutes: run it in a thread, so that the event loop stays responsive meanwhile.
"""

from __future__ import annotations

import os
import sys
import time
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, Protocol, Self

from harken.config import InstanceConfig
from harken.engine.canary import Canary, packaged_canary, read_canary
from harken.engine.engine import Engine
from harken.engine.resolve import resolve_model
from harken.engine.stub import StubEngine, stub_text
from harken.engine.stub_options import parse_stub
from harken.errors import HarkenError
from harken.log import get_log
from harken.types import Recognizer, Segment

if TYPE_CHECKING:  # torch
    from harken.qwen3_asr.model import Qwen3ASR

_log = get_log("engine.load")


class InstanceEngine(Recognizer, Protocol):
    """What an instance needs of its engine; use it as `async with`, within one event loop."""

    @property
    def in_flight(self) -> int:
        """Segments accepted and not ended, waiting ones included."""
        ...

    @property
    def in_flight_audio_s(self) -> float:
        """Their seconds of audio."""
        ...

    @property
    def failure(self) -> HarkenError | None:
        """Why it is broken for good; None while it is not."""
        ...

    @property
    def step_s(self) -> float:
        """How long the model's step in progress has taken, in seconds; a large number means that it hangs."""
        ...

    async def drain(self, timeout_s: float) -> bool:
        """Take nothing new and wait until everything accepted has ended; False when that took too long."""
        ...

    async def __aenter__(self) -> Self: ...

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


@dataclass(frozen=True, kw_only=True, slots=True)
class Loaded:
    """An engine, not entered yet, and the recording that it must recognise before it serves."""

    engine: InstanceEngine
    canary: Canary


def load(config: InstanceConfig) -> Loaded:
    """Load the model that a configuration names; blocks, so run it in a thread.

    Raises:
        ConfigError: an impossible model, device or dtype.
        ModelUnavailable: the weights are neither here nor downloadable.
        CheckpointError: the folder is incomplete or contradicts itself.
    """
    if config.model == "stub" or config.model.startswith("stub:"):
        return _load_stub(config)
    model = _load_network(config)
    found = model.canary
    canary = packaged_canary() if found is None else read_canary(found.file, found.text, found.language)
    engine = Engine(
        model,
        slots=config.slots,
        waiting=config.waiting,
        name=config.name,
        drain_timeout_s=config.drain_timeout_s,
    )
    return Loaded(engine=engine, canary=canary)


def choose_device(wanted: str) -> str:
    """Decide where to compute: "auto" is the first CUDA device, else the CPU; other names stay as they are."""
    import torch

    if wanted != "auto":
        return wanted
    return "cuda" if torch.cuda.is_available() else "cpu"


def _load_network(config: InstanceConfig) -> Qwen3ASR:
    folder = resolve_model(config.model)

    import torch

    from harken.qwen3_asr.model import Qwen3ASR

    torch.set_num_threads(config.threads or _cores())
    device = choose_device(config.device)
    _log.info("engine.loading", model=config.model, folder=str(folder), device=device, threads=torch.get_num_threads())
    return Qwen3ASR.load(folder, device=device, dtype=config.dtype)


def _cores() -> int:
    """Cores that this process may use."""
    if sys.platform == "linux":
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _load_stub(config: InstanceConfig) -> Loaded:
    options = parse_stub(config.model)
    if options.exit_at_start:
        os._exit(options.exit_at_start)  # what a crash in a library looks like from outside
    time.sleep(options.start_s)
    engine = StubEngine(
        options,
        slots=config.slots,
        waiting=config.waiting,
        name=config.name,
        drain_timeout_s=config.drain_timeout_s,
    )
    samples = packaged_canary().samples
    text = stub_text(Segment(samples=samples, request_id="canary"))
    return Loaded(engine=engine, canary=Canary(samples=samples, text=text, language="English"))
