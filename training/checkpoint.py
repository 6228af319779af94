"""A trained model → the shipped folder, in the `-hf` layout that transformers reads and writes.

Owns the file list: weights in bfloat16, configuration, generation settings, feature extractor and
processor settings, tokenizer, chat template. Refuses to know how the weights came to be.
"""

import json
from pathlib import Path

import torch
from transformers import GenerationConfig, Qwen3ASRConfig, Qwen3ASRForConditionalGeneration

from training.vocabulary import Vocabulary, write_tokenizer

# The published template: system text first, then one placeholder per recording, user text dropped.
CHAT_TEMPLATE = (
    "{% set ns = namespace(system='') %}"
    "{% for message in messages %}{% if message['role'] == 'system' %}"
    "{% if message['content'] is string %}{% set ns.system = ns.system + message['content'] %}"
    "{% else %}{% for part in message['content'] %}{% if part['type'] == 'text' %}"
    "{% set ns.system = ns.system + part['text'] %}{% endif %}{% endfor %}{% endif %}{% endif %}{% endfor %}"
    "<|im_start|>system\n{{ ns.system }}<|im_end|>\n"
    "{% for message in messages %}{% if message['role'] == 'user' %}<|im_start|>user\n"
    "{% if message['content'] is not string %}{% for part in message['content'] %}"
    "{% if part['type'] == 'audio' %}<|audio_start|><|audio_pad|><|audio_end|>{% endif %}{% endfor %}{% endif %}"
    "<|im_end|>\n{% elif message['role'] == 'assistant' %}<|im_start|>assistant\n"
    "{% if message['content'] is string %}{{ message['content'] }}"
    "{% else %}{% for part in message['content'] %}{% if part['type'] == 'text' %}{{ part['text'] }}{% endif %}"
    "{% endfor %}{% endif %}<|im_end|>\n{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
_EXTRACTOR = {
    "chunk_length": 30, "dither": 0.0, "feature_extractor_type": "Qwen3ASRFeatureExtractor", "feature_size": 128,
    "hop_length": 160, "min_length": 8000, "n_fft": 400, "n_samples": 480000, "n_window": 50, "nb_max_frames": 3000,
    "padding_side": "right", "padding_value": 0.0, "return_attention_mask": True, "sampling_rate": 16000,
}  # fmt: skip


def write_checkpoint(
    folder: Path, config: Qwen3ASRConfig, weights: dict[str, torch.Tensor], vocabulary: Vocabulary
) -> None:
    """Write every file of the `-hf` layout but `harken.json` and the canary into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    model = Qwen3ASRForConditionalGeneration(config)
    model.load_state_dict(weights)
    end, text_end = vocabulary.end, vocabulary.id_of("<|endoftext|>")
    model.generation_config = GenerationConfig(  # type: ignore[no-untyped-call]
        do_sample=False, max_new_tokens=512, eos_token_id=[end, text_end], pad_token_id=end
    )
    model.bfloat16().save_pretrained(folder)
    write_tokenizer(folder)
    write_processor(folder, CHAT_TEMPLATE)


def write_processor(folder: Path, template: str) -> None:
    """Write the settings of the feature extractor and of the processor, and the chat template."""
    _write_json(folder / "preprocessor_config.json", {**_EXTRACTOR, "processor_class": "Qwen3ASRProcessor"})
    processor = {"feature_extractor": _EXTRACTOR, "processor_class": "Qwen3ASRProcessor", "timestamp_segment_time": 80}
    _write_json(folder / "processor_config.json", processor)
    (folder / "chat_template.jinja").write_text(template)


def _write_json(path: Path, value: object) -> None:
    path.write_text(json.dumps(value, indent=2, ensure_ascii=False, sort_keys=True) + "\n")
