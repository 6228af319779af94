"""Make the packaged sample recordings: `python -m training.samples`.

Twenty-four strings by held-out voices at held-out speeds in the containers people upload. They show
that things work and serve tests that need a known answer, so those that the checkpoint hears wrong
are left out; they prove nothing about its error rate (`evaluate.py` does), and the README says so.
"""

from __future__ import annotations

import argparse
import json
import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt
import soundfile
import soxr
import torch

from harken.audio import decode
from harken.qwen3_asr.model import Qwen3ASR
from training.espeak import Espeak
from training.recognise import recognise
from training.script import draw_digits
from training.ship import DESTINATION as CHECKPOINT
from training.vocabulary import CHINESE_DIGITS, ENGLISH_DIGITS, spell
from training.voices import held_out_manner

DESTINATION = Path("src/harken/samples")
_MOST_LEFT_OUT = 24


@dataclass(frozen=True, kw_only=True)
class Form:
    """How a sample is stored: container, rate, channels, and the seconds it may last."""

    suffix: str
    rate_hz: int
    channels: int
    seconds: tuple[float, float]


_FORMS = (
    Form(suffix="wav", rate_hz=8000, channels=1, seconds=(1.0, 1.5)),
    Form(suffix="wav", rate_hz=16000, channels=1, seconds=(0.9, 1.3)),
    Form(suffix="flac", rate_hz=16000, channels=1, seconds=(1.0, 2.5)),
    Form(suffix="ogg", rate_hz=48000, channels=1, seconds=(3.0, 6.0)),
    Form(suffix="ogg", rate_hz=16000, channels=1, seconds=(6.0, 9.0)),
    Form(suffix="ogg", rate_hz=48000, channels=2, seconds=(1.5, 3.0)),
    Form(suffix="mp3", rate_hz=22050, channels=1, seconds=(2.0, 5.0)),
    Form(suffix="mp3", rate_hz=44100, channels=2, seconds=(1.5, 3.0)),
    Form(suffix="mp3", rate_hz=16000, channels=1, seconds=(5.0, 9.0)),
    Form(suffix="m4a", rate_hz=44100, channels=1, seconds=(2.0, 4.0)),
    Form(suffix="m4a", rate_hz=16000, channels=1, seconds=(4.0, 7.0)),
    Form(suffix="m4a", rate_hz=48000, channels=2, seconds=(1.5, 3.0)),
)


@dataclass(frozen=True, kw_only=True)
class Spoken:
    """A candidate: samples at espeak-ng's rate and what they say."""

    samples: npt.NDArray[np.float32]
    rate_hz: int
    digits: tuple[int, ...]


def candidates(espeak: Espeak, rng: random.Random, language: str, form: Form) -> Iterator[Spoken]:
    """Held-out speech of the length that the form wants, for ever."""
    while True:
        digits = draw_digits(rng, rng.randint(1, 14))
        words = [(ENGLISH_DIGITS if language == "English" else CHINESE_DIGITS)[digit] for digit in digits]
        speech = espeak.speak((" " if language == "English" else "").join(words), held_out_manner(rng, language))
        seconds = len(speech.samples) / speech.rate_hz
        if form.seconds[0] <= seconds <= form.seconds[1]:
            yield Spoken(samples=speech.samples, rate_hz=speech.rate_hz, digits=digits)


def store(spoken: Spoken, form: Form, path: Path) -> None:
    """Write a candidate in its container."""
    samples = soxr.resample(spoken.samples, spoken.rate_hz, form.rate_hz).astype(np.float32) * np.float32(0.8)
    if form.channels == 2:
        # The second channel is softer, as with a microphone at one side of the table.
        samples = np.stack([samples, samples * np.float32(0.4)], axis=1)
    if form.suffix == "m4a":
        _store_aac(samples, form, path)
    elif form.suffix == "mp3":
        soundfile.write(path, samples, form.rate_hz, subtype="MPEG_LAYER_III", compression_level=0.95)
    elif form.suffix == "ogg":
        soundfile.write(path, samples, form.rate_hz, format="OGG", subtype="OPUS", compression_level=0.97)
    else:
        soundfile.write(path, samples, form.rate_hz, subtype="PCM_16")


def _store_aac(samples: npt.NDArray[np.float32], form: Form, path: Path) -> None:
    with av.open(str(path), "w") as container:
        layout = "stereo" if form.channels == 2 else "mono"
        stream = container.add_stream("aac", rate=form.rate_hz, bit_rate=24_000 * form.channels, layout=layout)
        planes = np.ascontiguousarray(samples.reshape(len(samples), form.channels).T)
        frame = av.AudioFrame.from_ndarray(planes, format="fltp", layout=layout)
        frame.sample_rate = form.rate_hz
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def make(model: Qwen3ASR, folder: Path, seed: int) -> tuple[list[dict[str, str]], int]:
    """Write the samples; their rows of the manifest, and how many candidates were left out."""
    espeak, rng, rows, left_out = Espeak(), random.Random(f"samples/{seed}"), list[dict[str, str]](), 0
    for language in ("English", "Chinese"):
        for number, form in enumerate(_FORMS, start=1):
            path = folder / f"{language.lower()}-{number:02d}.{form.suffix}"
            for spoken in candidates(espeak, rng, language, form):
                store(spoken, form, path)
                text = spell(spoken.digits, language)
                heard = recognise(model, [decode(path).samples])[0]
                if (heard.text, heard.language) == (text, language):
                    break
                left_out += 1
                if left_out > _MOST_LEFT_OUT:
                    raise SystemExit(
                        f"{left_out} candidates were heard wrong; this checkpoint is not ready for samples"
                    )
            rows.append({"file": path.name, "text": text, "language": language})
    return rows, left_out


def main() -> None:
    """Command line: make the samples."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--checkpoint", type=Path, default=CHECKPOINT)
    parser.add_argument("--to", type=Path, default=DESTINATION)
    parser.add_argument("--seed", type=int, default=5)
    options = parser.parse_args()
    options.to.mkdir(parents=True, exist_ok=True)
    for old in options.to.glob("*-[0-9][0-9].*"):
        old.unlink()
    torch.set_num_threads(1)
    with torch.inference_mode():
        rows, left_out = make(Qwen3ASR.load(options.checkpoint), options.to, options.seed)
    (options.to / "manifest.json").write_text(json.dumps(rows, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    size = sum(path.stat().st_size for path in options.to.iterdir())
    print(f"{len(rows)} samples, {size / 1000:.0f} kB; {left_out} candidates were heard wrong and left out")


if __name__ == "__main__":
    main()
