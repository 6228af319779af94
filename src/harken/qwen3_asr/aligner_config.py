"""The shape of a forced aligner: the body of a recogniser, under a head that classifies times instead of tokens.

Owns what `config.json` says beyond the body, in both published layouts: the original one names the classes and their
length in `thinker_config` and above it; the `-hf` one lists the classes as labels and has their length in
`processor_config.json`. It refuses a recogniser's folder by name.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from harken.errors import CheckpointError
from harken.qwen3_asr.config import NetworkConfig, is_aligner, parse_body, root_of
from harken.qwen3_asr.fields import Json, count, read_json

_CLASS_MS = 80
"""What transformers takes where a checkpoint does not say."""

_UNSAID = {"max_position_embeddings": 65_536}
"""The original aligner's file leaves it to the published code; it is a bound, and shapes no weight."""


@dataclass(frozen=True, kw_only=True, slots=True)
class AlignerConfig:
    """Everything that shapes a forced aligner.

    Attributes:
        body: encoder and decoder.
        timestamp_token: id of the token that asks for a time.
        classes: the times that it can answer, from 0 on.
        class_ms: milliseconds between two of them.
        has_bias: the head adds one.
    """

    body: NetworkConfig
    timestamp_token: int
    classes: int
    class_ms: int
    has_bias: bool


def read_aligner_config(folder: Path) -> AlignerConfig:
    """Read an aligner's folder of either published layout.

    Raises:
        CheckpointError: a file is missing or is not JSON, or describes something else, such as a recogniser.
    """
    processor = folder / "processor_config.json"
    return parse_aligner_config(
        read_json(folder / "config.json"), processor=read_json(processor) if processor.is_file() else {}
    )


def parse_aligner_config(content: Json, processor: Json) -> AlignerConfig:
    """Turn the contents of `config.json` and `processor_config.json` into a checked configuration (pure)."""
    if not is_aligner(content):
        raise CheckpointError(
            "This checkpoint is a speech recogniser, no forced aligner. "
            "Name it with --model, and an aligner with --aligner."
        )
    root = root_of(content)
    stated = {**processor, **root, **content}
    config = AlignerConfig(
        body=parse_body(content, _UNSAID),
        timestamp_token=count(stated, "timestamp_token_id", "config.json"),
        classes=_classes(root),
        class_ms=count({"timestamp_segment_time": _CLASS_MS, **stated}, "timestamp_segment_time", "config.json"),
        has_bias=bool(root.get("token_classification_bias", False)),
    )
    if config.timestamp_token >= config.body.decoder.vocabulary:
        rows = config.body.decoder.vocabulary
        raise CheckpointError(f"timestamp_token_id {config.timestamp_token} lies outside of vocab_size {rows}.")
    return config


def _classes(root: Json) -> int:
    """Count the classes; transformers writes a name for each, unless there are two."""
    labels = root.get("id2label")
    listed = {"num_labels": len(labels)} if isinstance(labels, Mapping) else {}
    key = "classify_num" if "classify_num" in root else "num_labels"
    return count({**listed, **root}, key, "config.json")
