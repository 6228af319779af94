"""Put a trained checkpoint into the package: `python -m training.ship`.

Copies the files of a run, makes the canary recording (a held-out voice), and writes `harken.json`:
name, revision, the longest segment, languages, canary, and the facts of the training. Refuses to
ship a checkpoint that does not recognise its own canary.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import shutil
import sys
from pathlib import Path

import soundfile
import soxr
import torch

from harken.qwen3_asr.model import Qwen3ASR
from training.espeak import Espeak, Manner
from training.features import RATE_HZ
from training.recognise import recognise
from training.stages import FIRST
from training.vocabulary import LANGUAGES, spell

DESTINATION = Path("src/harken/checkpoints/digits")
_CANARY_DIGITS = (3, 1, 4, 1, 5, 9, 2)
_CANARY_MANNER = Manner(voice="en-us+f4", speed_wpm=142)
_FILES = (
    "chat_template.jinja", "config.json", "generation_config.json", "model.safetensors", "preprocessor_config.json",
    "processor_config.json", "tokenizer.json", "tokenizer_config.json",
)  # fmt: skip


def write_canary(path: Path) -> str:
    """Speak the canary into `path` (16 kHz mono FLAC) and return its text."""
    text = spell(_CANARY_DIGITS, "English")
    speech = Espeak().speak(text, _CANARY_MANNER)
    soundfile.write(path, soxr.resample(speech.samples, speech.rate_hz, RATE_HZ), RATE_HZ, subtype="PCM_16")
    return text


PAUSE_S = 0.05
"""Beyond the 0.3 s that stay with speech. Pieces in which several voices follow one another double its errors."""


def write_card(folder: Path, max_segment_s: float, canary_text: str, trained: dict[str, object]) -> None:
    """Write `harken.json`; the revision is the beginning of the weights' SHA-256."""
    weights = (folder / "model.safetensors").read_bytes()
    card = {
        "name": "qwen3-asr-digits",
        "revision": hashlib.sha256(weights).hexdigest()[:12],
        "max_segment_s": max_segment_s,
        "pause_s": PAUSE_S,
        "languages": list(LANGUAGES),
        "canary": {"file": "canary.flac", "text": canary_text, "language": "English"},
        "trained": trained,
    }
    (folder / "harken.json").write_text(json.dumps(card, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def facts(run: Path, evaluation: Path | None) -> dict[str, object]:
    """What is known of the training: the run's own record and, where given, the measured error rates."""
    record = json.loads((run / "record.json").read_text(encoding="utf-8"))
    found: dict[str, object] = {
        "seed": record["seed"],
        "steps": {FIRST.name: FIRST.last_step, record["stage"]: record["step"]},
        "parameters": record["parameters"],
    }
    if evaluation is not None:
        sets = json.loads(evaluation.read_text(encoding="utf-8"))["sets"]
        found["digit_error_rates"] = {name: values["rate"] for name, values in sets.items()}
    return found


def main() -> None:
    """Command line: ship."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--run", type=Path, default=Path("training/build/run/second"))
    parser.add_argument("--evaluation", type=Path, help="the JSON that training.evaluate wrote")
    parser.add_argument("--max-segment-s", type=float, default=10.0)
    parser.add_argument("--to", type=Path, default=DESTINATION)
    options = parser.parse_args()
    options.to.mkdir(parents=True, exist_ok=True)
    for name in _FILES:
        # Not the mode: safetensors writes files that only their owner may read.
        shutil.copyfile(options.run / "checkpoint" / name, options.to / name)
    text = write_canary(options.to / "canary.flac")
    write_card(options.to, options.max_segment_s, text, facts(options.run, options.evaluation))
    with torch.inference_mode():
        samples, _ = soundfile.read(options.to / "canary.flac", dtype="float32")
        heard = recognise(Qwen3ASR.load(options.to), [samples])[0]
    print(f"canary: said {text!r}, heard {heard.text!r} ({heard.language})")
    sys.exit(0 if heard.text == text and heard.language == "English" else 1)


if __name__ == "__main__":
    main()
