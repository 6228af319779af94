"""The aligner's bank: recordings of flite and festival whose word times are known.

flite prints the phones it speaks and where each one ends; the digits' phones are counted off to find
where each word begins. festival is used for digits alone. The unheard voice is never in it.

Invariant: every recording has one (start, end) for every digit, by `clips.word_spans`, the rule that
espeak-ng's words are measured with.
"""

import argparse
import random
import subprocess
import tempfile
from pathlib import Path

import numpy as np
import soundfile
import soxr

from training.bank import FESTIVAL_TRAINED, FLITE_TRAINED, Recording, festival, save
from training.clips import word_spans
from training.features import RATE_HZ
from training.script import draw_digits
from training.vocabulary import ENGLISH_DIGITS

DEFAULT_PATH = Path("training/build/timed-bank.npz")
SEED, ROUNDS, STRINGS = 20261123, 14, 8
# zero one two three four five six seven eight nine, in flite's lexicon
_PHONES = (4, 3, 2, 3, 3, 3, 4, 5, 2, 3)
_SILENCE = "pau"


class FliteError(RuntimeError):
    """flite spoke other phones than its lexicon has for the digits."""


def flite_timed(
    digits: tuple[int, ...], separator: str, voice: str, *, stretch: float, pitch_hz: int | None = None
) -> Recording:
    """Speak digits with flite; untrimmed, at 16 kHz, with the words' times.

    Raises CalledProcessError where flite fails and FliteError where its phones are not the expected ones.
    """
    with tempfile.NamedTemporaryFile(suffix=".wav") as out:
        command = ["flite", "-voice", voice, "-psdur", "--setf", f"duration_stretch={stretch}"]
        if pitch_hz is not None:
            command += ["--setf", f"int_f0_target_mean={pitch_hz}"]
        text = separator.join(ENGLISH_DIGITS[digit] for digit in digits)
        done = subprocess.run([*command, "-t", text, "-o", out.name], check=True, capture_output=True)
        samples, rate_hz = soundfile.read(out.name, dtype="float32")
    wave = soxr.resample(samples, rate_hz, RATE_HZ).astype(np.float32)
    starts = [int(start * RATE_HZ) for start in word_starts(done.stdout.decode(), digits)]
    return Recording(samples=wave, rate_hz=RATE_HZ, digits=digits, speaker=voice, spans_s=word_spans(wave, starts))


def word_starts(printed: str, digits: tuple[int, ...]) -> list[float]:
    """Seconds at which each digit's first phone begins, from what `flite -psdur` printed (`phone:end ...`)."""
    before, sounding = 0.0, []
    for entry in printed.split():
        phone, end = entry.rsplit(":", 1)
        if phone != _SILENCE:
            sounding.append(before)
        before = float(end)
    firsts = np.cumsum([0, *(_PHONES[digit] for digit in digits)])
    if firsts[-1] != len(sounding):
        raise FliteError(f"{len(sounding)} phones for {digits}: {printed}")
    return [sounding[first] for first in firsts[:-1]]


def trimmed(recording: Recording, keep_s: float = 0.01) -> Recording:
    """The recording from its first word to its last, with `keep_s` at both ends."""
    spans = recording.spans_s or ()
    first = max(0.0, spans[0][0] - keep_s)
    begin, stop = int(first * recording.rate_hz), int((spans[-1][1] + keep_s) * recording.rate_hz)
    moved = tuple((start - first, end - first) for start, end in spans)
    return Recording(
        samples=recording.samples[begin:stop], rate_hz=recording.rate_hz, digits=recording.digits,
        speaker=recording.speaker, spans_s=moved,
    )  # fmt: skip


def record(seed: int, rounds: int, strings: int) -> list[Recording]:
    """Every trained voice in `rounds` random manners: all digits alone, and by flite `strings` strings of 2 to 9."""
    rng = random.Random(seed)
    bank: list[Recording] = []
    for _ in range(rounds):
        stretch, pitch_hz = round(rng.uniform(0.7, 1.45), 2), rng.choice((None, rng.randint(80, 220)))
        for voice in FLITE_TRAINED:
            texts = [(digit,) for digit in range(10)] + [draw_digits(rng, rng.randint(2, 9)) for _ in range(strings)]
            for digits in texts:
                separator = rng.choice((" ", " ", ", ", ". "))
                bank.append(trimmed(flite_timed(digits, separator, voice, stretch=stretch, pitch_hz=pitch_hz)))
        for voice in FESTIVAL_TRAINED:
            bank += [trimmed(_festival_digit(digit, voice, stretch)) for digit in range(10)]
    return bank


def _festival_digit(digit: int, voice: str, stretch: float) -> Recording:
    samples, rate_hz = festival(ENGLISH_DIGITS[digit], voice, stretch=stretch)
    wave = soxr.resample(samples, rate_hz, RATE_HZ).astype(np.float32)
    return Recording(samples=wave, rate_hz=RATE_HZ, digits=(digit,), speaker=voice, spans_s=word_spans(wave, [0]))


def main() -> None:
    """Command line: make the bank."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=DEFAULT_PATH)
    options = parser.parse_args()
    bank = record(SEED, ROUNDS, STRINGS)
    save(bank, options.out)
    seconds = sum(len(r.samples) / r.rate_hz for r in bank)
    print(f"{len(bank)} recordings, {seconds:.0f} s, in {options.out}")


if __name__ == "__main__":
    main()
