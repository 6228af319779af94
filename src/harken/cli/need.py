"""What one instance needs of its device's memory, by its model's shape: the doctor's figures, for the fleet."""

from __future__ import annotations

from harken.config import InstanceConfig
from harken.fleet.memory_check import Need
from harken.models.store import ModelStore


def estimate(instance: InstanceConfig, store: ModelStore | None = None) -> Need | None:
    """Count it; None for a stub, an engine of another package, and a model whose shape is not known here.

    Args:
        instance: names its model and aligner.
        store: the models that were pulled; None for none.
    """
    from harken.ops.doctor.checkpoints import has_checkpoint, look_at_aligner, look_at_model
    from harken.qwen3_asr.aligner_config import AlignerConfig
    from harken.qwen3_asr.config import NetworkConfig
    from harken.qwen3_asr.footprint import footprint

    if not has_checkpoint(instance.model):
        return None
    model, aligner = look_at_model(instance, store), look_at_aligner(instance, store)
    if not isinstance(model.config, NetworkConfig):
        return None
    shape, timing = model.config, aligner.config if aligner is not None else None
    slots = instance.slots or 1

    def takes(quantize: str) -> int:
        one = footprint(
            shape,
            device="cpu" if instance.device == "auto" else instance.device,
            dtype=instance.dtype if quantize == instance.quantize else "auto",
            quantize=quantize,
            can_pack=model.can_pack,
            is_bfloat16=model.is_bfloat16,
            max_segment_s=model.max_segment_s,
            encoder_cache_bytes=instance.encoder_cache_bytes,
            aligner=timing if isinstance(timing, AlignerConfig) else None,
        )
        return one.peak_bytes(slots)

    rounded = {} if instance.quantize != "none" else {kind: takes(kind) for kind in ("int8", "int4")}
    return Need(estimated_bytes=takes(instance.quantize), slots=instance.slots, quantized_bytes=rounded)
