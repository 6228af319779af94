"""From an instance's configuration to an engine that is ready to be entered, and the canary that proves it.

An aligner, where there is one, is loaded after the model and proves itself at once.

The only place that chooses between a real network, the stub and an engine of another package, and the only way by which
torch gets into a process.
Loading blocks for seconds to minutes: run it in a thread, so that the event loop stays responsive meanwhile.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from harken.config import InstanceConfig
from harken.engine.aligner import Aligner
from harken.engine.aligning import Aligning
from harken.engine.canary import REQUEST_ID, Canary, packaged_canary, read_canary
from harken.engine.engine import Engine
from harken.engine.instance_engine import InstanceEngine
from harken.engine.load_aligner import load_aligner, prove, stub_aligner
from harken.engine.load_plugin import load_plugin, wants_own_aligner
from harken.engine.resolve import AUTO, HUB_ALIGNER, resolve_aligner, resolve_model
from harken.engine.stepper import slot_tokens
from harken.engine.stopping import token_cap
from harken.engine.stub import StubEngine, stub_text
from harken.engine.stub_options import parse_stub
from harken.engine.with_words import WithWords
from harken.log import get_log
from harken.machine.memory import own_memory
from harken.models.store import ModelStore
from harken.plugin.find import Found, find
from harken.types import Segment

if TYPE_CHECKING:  # torch
    from harken.qwen3_asr.model import Qwen3ASR

STUB_SLOTS = 8
"""Of a stub that is not told how many: it has no memory to divide."""

_log = get_log("engine.load")


@dataclass(frozen=True, kw_only=True, slots=True)
class Loaded:
    """An engine, not entered yet, and the recording that it must recognise before it serves.

    Attributes:
        engine: not entered yet.
        canary: what it must recognise.
        device: what it computes on, in torch's words; "cpu" for a stub too.
        gpu_memory: tells how many bytes of its GPU it holds; None without one.
    """

    engine: InstanceEngine
    canary: Canary
    device: str = "cpu"
    gpu_memory: Callable[[], int] | None = None


def load(config: InstanceConfig, store: ModelStore | None = None) -> Loaded:
    """Load the model that a configuration names, and its aligner; blocks, so run it in a thread.

    Args:
        config: of the instance.
        store: the models that were pulled; None for none.

    Raises:
        ConfigError: an impossible model, device or dtype.
        ModelUnavailable: the weights are neither here nor downloadable.
        CheckpointError: the folder is incomplete or contradicts itself, or holds an aligner in the place of a model.
        CanaryFailed: the aligner does not find the words of the canary.
        PluginFailed: an engine of another package cannot be loaded.
    """
    found = find(config.model)
    if found is not None:
        return _load_plugin(found, config, store)
    if config.model == "stub" or config.model.startswith("stub:"):
        return _load_stub(config)
    folder = resolve_model(config.model, store=store)
    aligner_folder = resolve_aligner(config.aligner, config.model, store=store)  # before minutes are spent on the model
    device = choose_device(config.device)
    model = _load_network(config, folder, device)
    own = model.canary
    canary = packaged_canary() if own is None else read_canary(own.file, own.text, own.language)
    aligner = None
    if aligner_folder is None:
        hint = f"harken pull {HUB_ALIGNER}, then restart" if config.aligner == AUTO else None
        _log.info("aligner.none", aligner=config.aligner, model=config.model, hint=hint)
    else:
        _log.info("aligner.loading", aligner=config.aligner, folder=str(aligner_folder), device=device)
        aligner = load_aligner(aligner_folder, device, config.dtype, max_segment_s=model.info.max_segment_s)
        prove(aligner, canary)
    # Last, when all weights are in their places: what is left of the memory is for slots.
    slots = config.slots or _fitting_slots(model, config)
    engine = Engine(
        model,
        slots=slots,
        waiting=config.waiting,
        name=config.name,
        drain_timeout_s=config.drain_timeout_s,
    )
    with_words = engine if aligner is None else _with_aligner(engine, aligner, config, slots)
    return Loaded(engine=with_words, canary=canary, device=device, gpu_memory=_gpu_memory(device))


def _load_plugin(found: Found, config: InstanceConfig, store: ModelStore | None) -> Loaded:
    """An engine of another package; an aligner beside it only where one is named, and that one brings torch."""
    folder = resolve_aligner(config.aligner, config.model, store=store) if wants_own_aligner(config) else None
    engine, canary, info = load_plugin(found, config)
    if folder is None:
        return Loaded(engine=engine, canary=canary, device=info.device)
    aligner = load_aligner(folder, choose_device(config.device), config.dtype, max_segment_s=info.max_segment_s)
    prove(aligner, canary)
    with_words = _with_aligner(engine, aligner, config, config.slots or info.slots)
    return Loaded(engine=with_words, canary=canary, device=info.device)


def _gpu_memory(device: str) -> Callable[[], int] | None:
    """What torch's allocator holds; the driver's own part of the process is not counted."""
    import torch

    return partial(torch.cuda.memory_reserved, device) if torch.device(device).type == "cuda" else None


def choose_device(wanted: str) -> str:
    """Decide where to compute: "auto" is the first CUDA device, else the CPU; other names stay as they are."""
    import torch

    if wanted != "auto":
        return wanted
    return "cuda" if torch.cuda.is_available() else "cpu"


def _with_aligner(engine: InstanceEngine, aligner: Aligner, config: InstanceConfig, slots: int) -> InstanceEngine:
    aligning = Aligning(aligner, name=config.name, drain_timeout_s=config.drain_timeout_s)
    return WithWords(engine, aligning, room=slots + config.waiting)


def _fitting_slots(model: Qwen3ASR, config: InstanceConfig) -> int:
    """As many slots as there is memory for."""
    max_tokens = slot_tokens(model, token_cap(model.info.max_segment_s))
    available = own_memory().available_bytes
    slots = model.fitting_slots(max_tokens=max_tokens, share=config.memory_share, available_bytes=available)
    _log.info("engine.slots", slots=slots, tokens_each=max_tokens, memory_share=config.memory_share)
    return slots


def _load_network(config: InstanceConfig, folder: Path, device: str) -> Qwen3ASR:
    import torch

    from harken.qwen3_asr.model import Qwen3ASR
    from harken.qwen3_asr.native.library import set_threads

    threads = config.threads or _cores()
    if config.cores:
        threads = min(threads, _cores())  # more would take turns on the cores that the process is kept on
    # OpenMP keeps threads for every thread that computes, and puts all to sleep at each barrier once there are more
    # than CPUs. So loading has one, and the thread that owns the model the others.
    torch.set_num_threads(1)
    set_threads(threads)
    _log.info("engine.loading", model=config.model, folder=str(folder), device=device, threads=threads)
    return Qwen3ASR.load(
        folder,
        device=device,
        dtype=config.dtype,
        quantize=config.quantize,
        encoder_cache_bytes=config.encoder_cache_bytes,
        threads=threads,
    )


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
    slots = config.slots or STUB_SLOTS
    engine = StubEngine(
        options,
        slots=slots,
        waiting=config.waiting,
        name=config.name,
        drain_timeout_s=config.drain_timeout_s,
    )
    samples = packaged_canary().samples
    text = stub_text(Segment(samples=samples, request_id=REQUEST_ID))
    aligner = stub_aligner(config.aligner)
    with_words = engine if aligner is None else _with_aligner(engine, aligner, config, slots)
    return Loaded(engine=with_words, canary=Canary(samples=samples, text=text, language="English"))
