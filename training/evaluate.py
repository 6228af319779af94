"""Print the digit error rates of a checkpoint on held-out recordings: `python -m training.evaluate`.

Runs the shipped checkpoint (or `--checkpoint`) through Harken's own network. Ends with status 1 when
a language's rate on strings of 1 to 10 digits is above 3 %, or a recording without speech gave text.
"""

from __future__ import annotations

import argparse
import itertools
import json
import sys
import time
from importlib import resources
from pathlib import Path

import torch

from harken.qwen3_asr.model import Qwen3ASR
from training.espeak import Espeak
from training.recognise import recognise
from training.score import Score, score
from training.test_sets import Spoken, damaged, long_strings, strings, unheard_voice, without_speech
from training.vocabulary import LANGUAGES

HIGHEST_RATE = 0.03
_LONG = ((10.0, 20.0), (20.0, 30.0))
_DAMAGES = ("telephone", "codec", "noise", "soft")


def measure(model: Qwen3ASR, spoken: list[Spoken], *, show: int = 0) -> Score:
    """Recognise a set and score it; print the first `show` misheard ones."""
    heard = recognise(model, [s.samples for s in spoken])
    for s, h in zip(spoken, heard, strict=True):
        if show and s.digits != h.digits:
            show -= 1
            print(f"    {s.voice}: said {_plain(s.digits)} heard {_plain(h.digits)} ({h.language})")
    return score((s.digits, h.digits, h.language == s.language) for s, h in zip(spoken, heard, strict=True))


def _plain(digits: tuple[int, ...]) -> str:
    return "".join("?" if digit < 0 else str(digit) for digit in digits)


def line(name: str, result: Score) -> str:
    """One row of the table."""
    return (
        f"{name:<34} {result.rate:7.2%}  {result.wrong:4d} of {result.digits:5d} digits   "
        f"exact {result.exact:3d} of {result.strings:3d}   language {result.language_right:3d}"
    )


def run(model: Qwen3ASR, options: argparse.Namespace) -> dict[str, Score]:
    """Measure every set of recordings, printing as it goes."""
    espeak, seed, results = Espeak(), str(options.seed), dict[str, Score]()

    def report(name: str, spoken: list[Spoken]) -> None:
        results[name] = measure(model, spoken, show=options.show)
        print(line(name, results[name]), flush=True)

    for language in LANGUAGES:
        clean = strings(espeak, seed, language, options.strings, (1, 10))
        report(f"{language}, 1 to 10 digits", clean)
        for bounds, repeats in itertools.product(_LONG, (False, True)):
            spoken = long_strings(espeak, seed, language, max(1, options.strings // 6), bounds, repeats=repeats)
            kind = "many repeats" if repeats else "random"
            report(f"{language}, {bounds[0]:.0f} to {bounds[1]:.0f} s, {kind}", spoken)
        for kind in _DAMAGES:
            report(f"{language}, {kind}", damaged(clean[: max(1, options.strings // 3)], kind, seed))
    report("English, unheard synthesiser", unheard_voice(seed, max(1, options.strings // 3)))
    return results


def invented(model: Qwen3ASR, seed: str) -> list[str]:
    """Recordings without speech in which the model heard words, with the words."""
    named = list(without_speech(seed))
    heard = recognise(model, [samples for _, samples in named])
    return [f"{name}: {h.text!r}" for (name, _), h in zip(named, heard, strict=True) if h.text]


def main() -> None:
    """Command line: evaluate."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--checkpoint", type=Path, help="a folder; default: the checkpoint in the package")
    parser.add_argument("--seed", type=int, default=2027)
    parser.add_argument("--strings", type=int, default=300, help="strings per language; the other sets scale with it")
    parser.add_argument("--show", type=int, default=0, help="misheard strings to print per set")
    parser.add_argument("--json", type=Path, help="also write the numbers here")
    options = parser.parse_args()
    torch.set_num_threads(1)
    folder = options.checkpoint or Path(str(resources.files("harken") / "checkpoints" / "digits"))
    began = time.monotonic()
    with torch.inference_mode():
        model = Qwen3ASR.load(folder)
        results = run(model, options)
        wrong = invented(model, str(options.seed))
    count = len(list(without_speech(str(options.seed))))
    print(f"{'without speech':<34} {len(wrong)} of {count} recordings gave text")
    for text in wrong:
        print(f"    {text}")
    print(f"{time.monotonic() - began:.0f} s")
    if options.json:
        rates = {name: {"rate": round(r.rate, 5), **vars(r)} for name, r in results.items()}
        options.json.write_text(json.dumps({"sets": rates, "without_speech": wrong}, indent=2) + "\n")
    worst = max(results[f"{language}, 1 to 10 digits"].rate for language in LANGUAGES)
    sys.exit(1 if worst > HIGHEST_RATE or wrong else 0)


if __name__ == "__main__":
    main()
