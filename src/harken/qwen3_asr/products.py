"""The weights of a network as numbers: every matrix product's size, and how many numbers lie beside them. Pure.

Follows `encoder`, `decoder` and `aligner_network` part by part, products that share their inputs taken as one, which is
how packed and fused layers hold them. It refuses to know bytes (`footprint`). The invariant: the counts together are
the network's parameters, each once.
"""

from __future__ import annotations

from dataclasses import dataclass

from harken.qwen3_asr.aligner_config import AlignerConfig
from harken.qwen3_asr.config import DecoderConfig, EncoderConfig, NetworkConfig
from harken.qwen3_asr.windows import after_stem


@dataclass(frozen=True, kw_only=True, slots=True)
class Product:
    """A matrix, [outputs, inputs]."""

    outputs: int
    inputs: int

    @property
    def count(self) -> int:
        """Its numbers."""
        return self.outputs * self.inputs


@dataclass(frozen=True, kw_only=True, slots=True)
class Weights:
    """All weights of a network.

    Attributes:
        encoder: products of encoder and projector, but for the first convolution.
        first: the first convolution, whose nine inputs nobody rounds.
        decoder: products of the decoder's layers.
        head: the output head.
        table: the embedding table.
        small: numbers of norms and biases.
        buffers: numbers in float32 that are made and not loaded: the encoder's positions, the decoder's frequencies.
        is_tied: the head is the table.
    """

    encoder: tuple[Product, ...]
    first: Product
    decoder: tuple[Product, ...]
    head: Product
    table: Product
    small: int
    buffers: int
    is_tied: bool

    @property
    def parameters(self) -> int:
        """Numbers of the whole network, a tied head counted once."""
        products = sum(product.count for product in (*self.encoder, self.first, *self.decoder, self.table))
        return products + self.small + (0 if self.is_tied else self.head.count)


def weights_of(config: NetworkConfig | AlignerConfig) -> Weights:
    """Count the weights that a configuration asks for."""
    body = config.body if isinstance(config, AlignerConfig) else config
    encoder, decoder = body.encoder, body.decoder
    small = _small(encoder, decoder)
    if isinstance(config, AlignerConfig):
        head = Product(outputs=config.classes, inputs=decoder.width)
        small += config.classes if config.has_bias else 0
    else:
        head = Product(outputs=decoder.vocabulary, inputs=decoder.width)
    return Weights(
        encoder=_encoder(encoder),
        first=Product(outputs=encoder.channels, inputs=9),
        decoder=_decoder(decoder),
        head=head,
        table=Product(outputs=decoder.vocabulary, inputs=decoder.width),
        small=small,
        buffers=after_stem(encoder.chunk_frames) * encoder.width + decoder.head_dim // 2,
        is_tied=decoder.is_tied and not isinstance(config, AlignerConfig),
    )


def _encoder(config: EncoderConfig) -> tuple[Product, ...]:
    width, channels = config.width, config.channels
    stem = (
        *(Product(outputs=channels, inputs=9 * channels) for _ in range(2)),
        Product(outputs=width, inputs=channels * after_stem(config.mels)),
    )
    layer = (
        Product(outputs=3 * width, inputs=width),
        Product(outputs=width, inputs=width),
        Product(outputs=config.ffn, inputs=width),
        Product(outputs=width, inputs=config.ffn),
    )
    projector = (Product(outputs=width, inputs=width), Product(outputs=config.output, inputs=width))
    return (*stem, *layer * config.layers, *projector)


def _decoder(config: DecoderConfig) -> tuple[Product, ...]:
    heads = config.heads * config.head_dim
    layer = (
        Product(outputs=heads + 2 * config.kv_heads * config.head_dim, inputs=config.width),
        Product(outputs=config.width, inputs=heads),
        Product(outputs=2 * config.ffn, inputs=config.width),
        Product(outputs=config.width, inputs=config.ffn),
    )
    return layer * config.layers


def _small(encoder: EncoderConfig, decoder: DecoderConfig) -> int:
    """Biases and norms: the encoder's layers have both, the decoder's norms alone."""
    stem = 3 * encoder.channels
    encoder_layer = 4 * encoder.width + encoder.ffn + encoder.width + 4 * encoder.width
    projector = encoder.width + encoder.output
    decoder_layer = 2 * decoder.width + 2 * decoder.head_dim
    return (
        stem
        + encoder.layers * encoder_layer
        + 2 * encoder.width
        + projector
        + decoder.layers * decoder_layer
        + decoder.width
    )
