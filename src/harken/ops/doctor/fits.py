"""What fits: how many instances of what, with how many slots, on each device; and what would help where it is too much.

Pure arithmetic over the facts and `harken.qwen3_asr.footprint`. A GPU's budget is what is free of it, at most the
configured share of the whole; the CPU's is that share of the memory that is available. Alternatives keep everything
else of the configuration as it is.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from harken.ops.doctor.facts import Checkpoint, Facts
from harken.ops.doctor.words import counted, gigabytes
from harken.qwen3_asr.aligner_config import AlignerConfig
from harken.qwen3_asr.config import NetworkConfig
from harken.qwen3_asr.footprint import Footprint, fitting_instances, fitting_slots, footprint
from harken.qwen3_asr.published import published

SMALLER = "Qwen/Qwen3-ASR-0.6B"

USUAL_SLOTS = {"cpu": 8, "gpu": 16}
"""What is counted with where the configuration leaves it open: all that a CPU takes, and on a GPU a good batch."""

MOST_SLOTS = {"cpu": 8, "gpu": 128}
"""As many as an instance takes by itself: see `harken.qwen3_asr.memory`."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """A device with its memory.

    Attributes:
        device: "cpu", "cuda:0", …
        name: for people.
        budget_bytes: what instances may take of it now, all together; None unknown.
    """

    device: str
    name: str
    budget_bytes: int | None

    @property
    def kind(self) -> str:
        """Tell the CPU's memory ("cpu") from a GPU's ("gpu")."""
        return "gpu" if self.device.startswith("cuda") else "cpu"


@dataclass(frozen=True, kw_only=True, slots=True)
class Fit:
    """What one kind of instance comes to on one device.

    Attributes:
        device: "cpu", "cuda:0", …
        model: its name.
        weights: what they are held as: "bfloat16", "int8", …
        slots: of each instance.
        instances: how many fit; 0 for none.
        instance_bytes: what one takes, with its slots.
    """

    device: str
    model: str
    weights: str
    slots: int
    instances: int
    instance_bytes: int

    def __str__(self) -> str:
        what = f"{self.model} {self.weights} with {counted(self.slots, 'slot')}"
        return f"{counted(self.instances, 'instance')} of {what} ({gigabytes(self.instance_bytes)} each)"


def places_of(facts: Facts) -> tuple[Place, ...]:
    """The devices of this machine: its visible GPUs, then the CPU; and those that were asked for and are neither."""
    share = facts.config.instance.memory_share
    gpus = [
        Place(
            device=f"cuda:{number}",
            name=gpu.name or "GPU",
            budget_bytes=min(gpu.free_bytes, int(share * gpu.total_bytes)),
        )
        for number, gpu in enumerate(facts.visible)
        if not gpu.problem
    ]
    available = facts.memory.available_bytes
    ram = None if available is None else int(share * available)
    cpu = Place(device="cpu", name=facts.processor.model or facts.processor.architecture, budget_bytes=ram)
    apple = [Place(device="mps", name="Apple GPU", budget_bytes=ram)] if "mps" in facts.devices else []
    return (*gpus, cpu, *apple)


def what_fits(facts: Facts) -> tuple[Fit, ...]:
    """For each device: the configured model as configured, then rounded, then the smaller one."""
    return tuple(fit for place in places_of(facts) for fit in _on(facts, place))


def fit_on(
    facts: Facts,
    place: Place,
    *,
    model: Checkpoint | None = None,
    quantize: str = "",
    slots: int = 0,
    aligner: bool = True,
) -> Fit | None:
    """Count one kind of instance on a device; None where its size is not known.

    Args:
        facts: what is known.
        place: the device.
        model: instead of the configured one.
        quantize: instead of the configured one.
        slots: of each; 0 for as many as are usual.
        aligner: whether the aligner is loaded, where there is one.
    """
    one = footprint_on(facts, place.device, model=model, quantize=quantize, aligner=aligner)
    known = model or facts.model
    if one is None or known is None or place.budget_bytes is None:
        return None
    usual = slots or USUAL_SLOTS[place.kind]
    return Fit(
        device=place.device,
        model=known.name,
        weights=_weights(facts, place.device, quantize, known),
        slots=usual,
        instances=fitting_instances(place.budget_bytes, one, usual),
        instance_bytes=one.total_bytes(usual),
    )


def footprint_on(
    facts: Facts, device: str, *, model: Checkpoint | None = None, quantize: str = "", aligner: bool = True
) -> Footprint | None:
    """What one instance takes on a device; None where the model's shape is not known."""
    known, own = model or facts.model, facts.config.instance
    if known is None or not isinstance(known.config, NetworkConfig):
        return None
    timing = facts.aligner.config if aligner and facts.aligner is not None else None
    return footprint(
        known.config,
        device=device,
        dtype="auto" if quantize else own.dtype,
        quantize=quantize or own.quantize,
        can_pack=facts.software.runs_kernels and known.can_pack,
        is_bfloat16=known.is_bfloat16,
        max_segment_s=known.max_segment_s,
        encoder_cache_bytes=own.encoder_cache_bytes,
        aligner=timing if isinstance(timing, AlignerConfig) else None,
        is_builtin=known.is_builtin,
    )


def most_slots(facts: Facts, place: Place, instances: int) -> int:
    """Slots that each of so many instances would have room for; 0 where not even one."""
    one = footprint_on(facts, place.device)
    if one is None or place.budget_bytes is None:
        return 0
    return fitting_slots(place.budget_bytes // instances, one, most=MOST_SLOTS[place.kind])


def roundings(facts: Facts, device: str) -> tuple[str, ...]:
    """What weights could be rounded to on a device."""
    if device == "cpu":
        return ("int8", "int4") if facts.software.runs_kernels and (facts.model is None or facts.model.can_pack) else ()
    return ("int8", "int4") if device.startswith("cuda") else ()


def smaller_model(facts: Facts) -> Checkpoint | None:
    """The smaller published model, where a larger one was asked for."""
    known = published(SMALLER)
    asked = facts.model
    if known is None or asked is None or asked.stored_bytes is None or asked.stored_bytes <= known.stored_bytes:
        return None
    return Checkpoint(name=SMALLER, config=known.config, is_builtin=True, stored_bytes=known.stored_bytes)


def _on(facts: Facts, place: Place) -> Iterator[Fit]:
    own = facts.config.instance
    kinds: list[tuple[Checkpoint | None, str]] = [(None, "")]
    if own.quantize == "none":
        kinds += [(None, codes) for codes in roundings(facts, place.device)]
    if (smaller := smaller_model(facts)) is not None:
        kinds.append((smaller, ""))
    for model, quantize in kinds:
        fit = fit_on(facts, place, model=model, quantize=quantize, slots=own.slots)
        if fit is not None:
            yield fit


def _weights(facts: Facts, device: str, quantize: str, model: Checkpoint) -> str:
    own = facts.config.instance
    codes = quantize or own.quantize
    if codes != "none":
        return codes
    if own.dtype != "auto":
        return own.dtype
    packs = facts.software.runs_kernels and model.can_pack and model.is_bfloat16
    return "bfloat16" if device != "cpu" or packs else "float32"
