"""From a loaded network to a packed one, part by part.

Owns which parts are packed, and that none lies in memory twice. What is quantised: every product of encoder, projector,
decoder and head, but for the first convolution, whose nine inputs are no work. Embeddings are looked up exactly: a
table in bfloat16 stays beside quantised heads.
"""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn

from harken.qwen3_asr.aligner_network import AlignerNetwork
from harken.qwen3_asr.config import NetworkConfig
from harken.qwen3_asr.decoder import TextDecoder
from harken.qwen3_asr.encoder import AudioEncoder
from harken.qwen3_asr.native.decoder import NativeDecoder
from harken.qwen3_asr.native.encoder import NativeEncoder, NativeProjector
from harken.qwen3_asr.native.library import KINDS, has_heads_of, library
from harken.qwen3_asr.native.linear import PackedLinear
from harken.qwen3_asr.network import Body, Head, Network, Projector


def can_pack(config: NetworkConfig) -> bool:
    """Whether this machine has the kernels, and they know heads of these sizes."""
    encoder, decoder = config.encoder, config.decoder
    sizes = (encoder.width // encoder.heads, decoder.head_dim)
    return library() is not None and all(has_heads_of(size) for size in sizes)


@torch.inference_mode()
def pack(network: Body, kind: str) -> None:
    """Replace the parts of a network on the CPU by packed ones.

    Args:
        network: a recogniser or an aligner, its weights in any float type; bfloat16 is kept exactly by "bfloat16".
        kind: "bfloat16", "int8" or "int4".
    """
    assert kind in KINDS, f"{kind} is none of {list(KINDS)}"
    plain = network.language_model
    table: nn.Module = Table(plain.embed_tokens.weight)
    if isinstance(network, Network):
        is_tied = network.lm_head.weight.data_ptr() == plain.embed_tokens.weight.data_ptr()
        head = PackedLinear([network.lm_head.weight], kind)
        network.lm_head = cast("nn.Linear", Head(head))
        if is_tied and kind == "bfloat16":
            table = TiedTable(head)
    if isinstance(network, AlignerNetwork):
        score = network.score
        biases = [] if score.bias is None else [score.bias]
        network.score = cast("nn.Linear", Head(PackedLinear([score.weight], kind, biases=biases)))
    del plain.embed_tokens
    network.language_model = cast("TextDecoder", NativeDecoder(plain, network.config.decoder, kind, table))
    network.audio_tower = cast("AudioEncoder", NativeEncoder(network.audio_tower, kind))
    network.multi_modal_projector = cast("Projector", NativeProjector(network.multi_modal_projector, kind))


class Table(nn.Module):
    """An embedding table in whatever type it was loaded, looked up as float32."""

    def __init__(self, weight: Tensor) -> None:
        super().__init__()
        self._weight = weight.detach()

    def forward(self, ids: Tensor) -> Tensor:
        """[n] int64 to [n, width] float32."""
        return self._weight[ids].float()


class TiedTable(nn.Module):
    """The embedding table that a packed output head is."""

    def __init__(self, head: PackedLinear) -> None:
        super().__init__()
        self.head = head

    def forward(self, ids: Tensor) -> Tensor:
        """[n] int64 to [n, width] float32."""
        return self.head.embed(ids)
