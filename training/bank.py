"""Recordings of the synthesisers that are only programs: flite and festival (English).

Each call costs tens of milliseconds, too slow to stream, so a seeded bank of isolated digits and
short strings is made once, kept as one `.npz` outside version control, and drawn from in training.
The flite voice `rms` is never in the bank: it is the unheard voice of `evaluate.py`.

Invariant: the same seed and the same program versions give the same bank.
"""

import argparse
import itertools
import random
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import soundfile

from training.vocabulary import ENGLISH_DIGITS

FLITE_TRAINED = ("kal", "kal16", "awb", "slt")
FLITE_UNHEARD = "rms"
FESTIVAL_TRAINED = ("voice_ked_diphone", "voice_cmu_us_slt_arctic_hts")
DEFAULT_PATH = Path("training/build/bank.npz")
_SEPARATORS = (" ", ", ", ". ")


@dataclass(frozen=True, kw_only=True)
class Recording:
    """One banked recording: trimmed float32 samples at `rate_hz`, the digits said, who said them, and where it
    is known the (start, end) seconds of every digit.
    """

    samples: npt.NDArray[np.float32]
    rate_hz: int
    digits: tuple[int, ...]
    speaker: str
    spans_s: tuple[tuple[float, float], ...] | None = None


def flite(text: str, voice: str, *, stretch: float, pitch_hz: int | None = None) -> tuple[npt.NDArray[np.float32], int]:
    """Speak `text` with flite; samples and their rate. Raises CalledProcessError where flite fails."""
    with tempfile.NamedTemporaryFile(suffix=".wav") as out:
        command = ["flite", "-voice", voice, "--setf", f"duration_stretch={stretch}"]
        if pitch_hz is not None:
            command += ["--setf", f"int_f0_target_mean={pitch_hz}"]
        subprocess.run([*command, "-t", text, "-o", out.name], check=True, capture_output=True)
        samples, rate_hz = soundfile.read(out.name, dtype="float32")
    return samples, rate_hz


def festival(text: str, voice: str, *, stretch: float) -> tuple[npt.NDArray[np.float32], int]:
    """Speak `text` with festival's `text2wave`; samples and their rate."""
    with tempfile.NamedTemporaryFile(suffix=".wav") as out:
        setup = f"(begin ({voice}) (Parameter.set 'Duration_Stretch {stretch}))"
        subprocess.run(
            ["text2wave", "-eval", setup, "-o", out.name], input=text.encode(), check=True, capture_output=True
        )
        samples, rate_hz = soundfile.read(out.name, dtype="float32")
    return samples, rate_hz


def trimmed(samples: npt.NDArray[np.float32], rate_hz: int, floor: float = 0.015) -> npt.NDArray[np.float32]:
    """`samples` without the silence at both ends (10 ms kept), silence being below `floor` of the peak."""
    loud = np.flatnonzero(np.abs(samples) > floor * float(np.abs(samples).max(initial=1e-9)))
    if len(loud) == 0:
        return samples
    keep = rate_hz // 100
    return samples[max(0, int(loud[0]) - keep) : int(loud[-1]) + keep]


def _texts(rng: random.Random, strings: int) -> Iterator[tuple[int, ...]]:
    """All ten digits alone, then random strings of 2 to 8."""
    for digit in range(10):
        yield (digit,)
    for _ in range(strings):
        yield tuple(rng.randrange(10) for _ in range(rng.randint(2, 8)))


def record(seed: int, rounds: int, strings: int) -> list[Recording]:
    """Every trained voice in `rounds` random manners, each saying `10 + strings` texts."""
    rng = random.Random(seed)
    bank: list[Recording] = []
    for voice in (*FLITE_TRAINED, *FESTIVAL_TRAINED):
        for _ in range(rounds):
            stretch = round(rng.uniform(0.7, 1.45), 2)
            pitch_hz = rng.choice((None, rng.randint(80, 220)))
            for digits in _texts(rng, strings):
                text = rng.choice(_SEPARATORS).join(ENGLISH_DIGITS[digit] for digit in digits)
                if voice in FLITE_TRAINED:
                    samples, rate_hz = flite(text, voice, stretch=stretch, pitch_hz=pitch_hz)
                else:
                    samples, rate_hz = festival(text, voice, stretch=stretch)
                cut = trimmed(samples, rate_hz)
                bank.append(Recording(samples=cut, rate_hz=rate_hz, digits=digits, speaker=voice))
    return bank


def save(bank: list[Recording], path: Path) -> None:
    """Write the bank as one file of 16-bit samples; word times where every recording has them."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pcm = np.concatenate([(r.samples * 32767).clip(-32768, 32767).astype(np.int16) for r in bank])
    np.savez(
        path,
        pcm=pcm,
        lengths=np.array([len(r.samples) for r in bank]),
        rates=np.array([r.rate_hz for r in bank]),
        digits=np.array(["".join(map(str, r.digits)) for r in bank]),
        speakers=np.array([r.speaker for r in bank]),
        spans_s=np.array([span for r in bank for span in r.spans_s or ()]).reshape(-1, 2),
    )


def load(path: Path = DEFAULT_PATH) -> list[Recording]:
    """Read a bank; raises FileNotFoundError where `python -m training.bank` has not run yet."""
    with np.load(path) as data:
        pieces = np.split(data["pcm"].astype(np.float32) / 32768.0, np.cumsum(data["lengths"])[:-1])
        texts = [tuple(int(letter) for letter in str(digits)) for digits in data["digits"]]
        # A bank made before there were word times has no such array.
        times = iter(data["spans_s"].tolist() if "spans_s" in data else ())
        spans = [tuple((start, end) for start, end in itertools.islice(times, len(text))) or None for text in texts]
        return [
            Recording(samples=piece, rate_hz=int(rate), digits=text, speaker=str(speaker), spans_s=known)
            for piece, rate, text, speaker, known in zip(
                pieces, data["rates"], texts, data["speakers"], spans, strict=True
            )
        ]


def main() -> None:
    """Command line: make the bank."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=20261122)
    parser.add_argument("--rounds", type=int, default=14)
    parser.add_argument("--strings", type=int, default=6)
    parser.add_argument("--out", type=Path, default=DEFAULT_PATH)
    options = parser.parse_args()
    bank = record(options.seed, options.rounds, options.strings)
    save(bank, options.out)
    seconds = sum(len(r.samples) / r.rate_hz for r in bank)
    print(f"{len(bank)} recordings, {seconds:.0f} s, in {options.out}")


if __name__ == "__main__":
    main()
