"""A trained aligner → the shipped folder, in the `-hf` layout of `Qwen3ASRForTokenClassification`.

Owns the file list: weights in bfloat16, configuration, feature extractor and processor settings,
tokenizer, chat template. Refuses to know how the weights came to be.
"""

from pathlib import Path

import torch
from transformers import Qwen3ASRConfig, Qwen3ASRForTokenClassification

from training.checkpoint import write_processor
from training.vocabulary import write_tokenizer

# What the published template renders: the recordings, then the words, two timestamps behind each.
CHAT_TEMPLATE = (
    "{% for message in messages %}{% if message['content'] is not string %}{% for part in message['content'] %}"
    "{% if part['type'] == 'audio' %}<|audio_start|><|audio_pad|><|audio_end|>{% endif %}"
    "{% endfor %}{% endif %}{% endfor %}"
    "{% for message in messages %}{% if message['content'] is not string %}{% for part in message['content'] %}"
    "{% if part['type'] == 'text' %}{{ part['text'] }}<timestamp><timestamp>{% endif %}"
    "{% endfor %}{% endif %}{% endfor %}"
)


def write_aligner(folder: Path, config: Qwen3ASRConfig, weights: dict[str, torch.Tensor]) -> None:
    """Write every file of the `-hf` layout but `harken.json` into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    model = Qwen3ASRForTokenClassification(config)  # type: ignore[no-untyped-call]
    model.load_state_dict(weights)
    model.bfloat16().save_pretrained(folder)
    write_tokenizer(folder)
    write_processor(folder, CHAT_TEMPLATE)
