"""Recordings of ordinary English for error rates: a fixed list of sentences, spoken by synthesisers that are programs.

Writes one WAV file for each sentence and voice, and for each voice a manifest and a long recording with all sentences;
`harken bench` then measures what a server hears in them. Usage: python -m benchmarks.speech FOLDER
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import soundfile
import soxr

SENTENCES = Path(__file__).parent / "data" / "english_sentences.txt"
VOICES = {
    "flite-rms": ("flite", "-voice", "rms", "-o"),
    "flite-slt": ("flite", "-voice", "slt", "-o"),
    "flite-awb": ("flite", "-voice", "awb", "-o"),
    "flite-kal16": ("flite", "-voice", "kal16", "-o"),
    "espeak-en-us": ("espeak-ng", "-v", "en-us", "-w"),
}
RATE = 16_000
PAUSE_S = 0.8


def main() -> None:
    """Speak everything into a folder."""
    folder = Path(sys.argv[1])
    sentences = SENTENCES.read_text(encoding="utf-8").split("\n")
    sentences = [line for line in sentences if line]
    for voice, command in VOICES.items():
        (folder / voice).mkdir(parents=True, exist_ok=True)
        rows, sounds = [], []
        for number, text in enumerate(sentences, start=1):
            path = folder / voice / f"{number:02}.wav"
            options = ("-t", text) if command[0] == "flite" else (text,)
            subprocess.run([*command, str(path), *options], check=True)
            samples, rate = soundfile.read(path, dtype="float32")
            samples = soxr.resample(samples, rate, RATE)
            soundfile.write(path, samples, RATE)
            sounds += [samples, np.zeros(round(PAUSE_S * RATE), np.float32)]
            rows.append({"audio_filepath": f"{voice}/{path.name}", "text": text, "language": "English"})
        lines = "".join(json.dumps(row) + "\n" for row in rows)
        (folder / f"{voice}.jsonl").write_text(lines, encoding="utf-8")
        soundfile.write(folder / f"{voice}-long.wav", np.concatenate(sounds), RATE)
        long = {"audio_filepath": f"{voice}-long.wav", "text": " ".join(sentences), "language": "English"}
        (folder / f"{voice}-long.jsonl").write_text(json.dumps(long) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
