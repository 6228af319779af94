"""Put a trained aligner into the package: `python -m training.ship_aligner`.

Copies the files of a run and writes `harken.json`: name, revision, the longest segment, languages,
and the facts of the training. Refuses to ship an aligner that does not place the words of the
recogniser's canary in order inside it.
"""

import argparse
import hashlib
import json
import shutil
import sys
from itertools import pairwise
from pathlib import Path

import soundfile

from training.align import Aligner
from training.features import RATE_HZ
from training.vocabulary import LANGUAGES

DESTINATION = Path("src/harken/checkpoints/digits-aligner")
_RECOGNISER = Path("src/harken/checkpoints/digits")
_FILES = (
    "chat_template.jinja", "config.json", "model.safetensors", "preprocessor_config.json", "processor_config.json",
    "tokenizer.json", "tokenizer_config.json",
)  # fmt: skip


def write_card(folder: Path, max_segment_s: float, trained: dict[str, object]) -> None:
    """Write `harken.json`; the revision is the beginning of the weights' SHA-256."""
    card = {
        "name": "digits-aligner",
        "revision": hashlib.sha256((folder / "model.safetensors").read_bytes()).hexdigest()[:12],
        "max_segment_s": max_segment_s,
        "languages": list(LANGUAGES),
        "trained": trained,
    }
    (folder / "harken.json").write_text(json.dumps(card, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def facts(run: Path, evaluation: Path | None) -> dict[str, object]:
    """What is known of the training: the run's own record and, where given, the measured medians."""
    found: dict[str, object] = json.loads((run / "record.json").read_text(encoding="utf-8"))
    if evaluation is not None:
        sets = json.loads(evaluation.read_text(encoding="utf-8"))
        found["median_error_ms"] = {name: round(values["median_ms"], 1) for name, values in sets.items()}
    return found


def places_its_canary(folder: Path) -> bool:
    """Whether the words of the recogniser's canary come out in order, inside it, none without a length."""
    card = json.loads((_RECOGNISER / "harken.json").read_text(encoding="utf-8"))["canary"]
    samples, _ = soundfile.read(_RECOGNISER / card["file"], dtype="float32")
    words = Aligner.load(folder).place(samples, card["text"], card["language"])
    for word in words:
        print(f"{word.start_s:6.2f} {word.end_s:6.2f} {word.text}")
    inside = words[-1].end_s <= len(samples) / RATE_HZ + 0.08
    long_enough = all(word.start_s < word.end_s for word in words)
    return inside and long_enough and all(a.end_s <= b.start_s for a, b in pairwise(words))


def main() -> None:
    """Command line: ship."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--run", type=Path, default=Path("training/build/aligner"))
    parser.add_argument("--evaluation", type=Path, help="the JSON that training.evaluate_aligner wrote")
    parser.add_argument("--max-segment-s", type=float, default=30.0)
    parser.add_argument("--to", type=Path, default=DESTINATION)
    options = parser.parse_args()
    options.to.mkdir(parents=True, exist_ok=True)
    for name in _FILES:
        # Not the mode: safetensors writes files that only their owner may read.
        shutil.copyfile(options.run / "checkpoint" / name, options.to / name)
    write_card(options.to, options.max_segment_s, facts(options.run, options.evaluation))
    sys.exit(0 if places_its_canary(options.to) else 1)


if __name__ == "__main__":
    main()
