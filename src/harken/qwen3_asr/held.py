"""How a network's weights are held, and what that takes: tensors, a CPU's packed panels, a GPU's codes. Pure, no torch.

Repeats in arithmetic what `placement` decides, `native/pack` packs and `cuda/quantised` rounds; tests hold it against
the real tensors, to the byte. It refuses to know what is computed (`footprint`).
"""

from __future__ import annotations

from dataclasses import dataclass

from harken.qwen3_asr.products import Product, Weights

_PANEL = 32
_SLACK = 64
_GROUPS = {"int8": 128, "int4": 64}
_CODE_BITS = {"int8": 8, "int4": 4}


@dataclass(frozen=True, kw_only=True, slots=True)
class Held:
    """How a network's weights are held.

    Attributes:
        kind: "plain" (tensors), "packed" (a CPU's kernels) or "rounded" (a GPU's decoder and head in codes).
        each: bytes of a number that is not rounded.
        codes: "int8", "int4", "fp8", or "" where nothing is rounded.
    """

    kind: str
    each: int
    codes: str = ""


def held_as(device: str, dtype: str, quantize: str, *, can_pack: bool, is_bfloat16: bool) -> Held:
    """Tell how weights are held; what `resolve_placement` and `fuse` do, without torch."""
    if device != "cpu":
        codes = "" if quantize == "none" else quantize
        return Held(kind="rounded" if codes else "plain", each=4 if dtype == "float32" else 2, codes=codes)
    if quantize != "none":
        return Held(kind="packed", each=2, codes=quantize)
    if dtype == "bfloat16" or (dtype == "auto" and is_bfloat16):
        if can_pack:
            return Held(kind="packed", each=2)
        return Held(kind="plain", each=2 if dtype == "bfloat16" else 4)
    return Held(kind="plain", each=2 if dtype == "float16" else 4)


def held_bytes(weights: Weights, held: Held) -> int:
    """What a network's weights take, buffers included."""
    buffers = 4 * weights.buffers
    if held.kind == "plain":
        return buffers + weights.parameters * held.each
    if held.kind == "rounded":
        rounded = sum(_coded(product, held.codes) for product in (*weights.decoder, weights.head))
        whole = sum(product.count for product in (*weights.encoder, weights.first, weights.table)) + weights.small
        return buffers + rounded + whole * held.each
    packed = (*weights.encoder, *weights.decoder, weights.head)
    # A bfloat16 head is its own table; codes would be no exact embeddings, so a table stays beside them.
    has_table = bool(held.codes) or not weights.is_tied
    return (
        buffers
        + sum(_packed(product, held.codes) for product in packed)
        + _packed(weights.first, "")
        + (weights.table.count * held.each if has_table else 0)
        + 4 * weights.small
    )


def loading_bytes(weights: Weights, held: Held, *, is_cpu: bool, is_bfloat16: bool) -> int:
    """The highest point of loading. A tied head is stored once more, and is there until it was compared."""
    head, own = weights.head.count, held_bytes(weights, held)
    twin = head * held.each if weights.is_tied else 0
    if is_cpu and held.kind == "packed":
        # What is stored in bfloat16 is packed straight from the file, whose pages can be given up at any time.
        return own if is_bfloat16 else own + weights.parameters * held.each
    if held.kind == "rounded":
        # Rounding goes through float32: a weight, its distance from the lowest, what becomes its codes.
        return weights.parameters * held.each + twin + 3 * 4 * head
    return own + twin


def _packed(product: Product, codes: str) -> int:
    """Bytes of a packed weight: see `panel_bytes` of native/kernels.h."""
    panels = -(-product.outputs // _PANEL)
    if not codes:
        return panels * -(-product.inputs // 2) * _PANEL * 4 + _SLACK
    group = _GROUPS[codes]
    return panels * -(-product.inputs // group) * _PANEL * (8 + group * _CODE_BITS[codes] // 8) + _SLACK


def _coded(product: Product, codes: str) -> int:
    """Bytes of a weight as `cuda/quantised.py` holds it."""
    if codes == "fp8":
        return product.count + 4 * product.outputs
    groups = -(-product.inputs // _GROUPS[codes])
    return product.outputs * groups * (_GROUPS[codes] * _CODE_BITS[codes] // 8 + 8)
