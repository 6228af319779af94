"""Print the word-boundary errors of an aligner on held-out recordings: `python -m training.evaluate_aligner`.

Runs the shipped checkpoint (or `--checkpoint`) through transformers' own class, processor and repair.
Ends with status 1 when the median absolute error of a language, of the 20 to 30 s strings or of the
unheard synthesiser is above 60 ms.
"""

import argparse
import json
import random
import sys
import time
from dataclasses import asdict, dataclass
from importlib import resources
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from training.align import Aligner, errors_s
from training.aligner_test_sets import Timed, damaged, long_strings, strings, unheard_voice, with_silences
from training.espeak import Espeak
from training.vocabulary import LANGUAGES, spell

HIGHEST_MEDIAN_MS = 60.0
FAR_S = 0.24
_LONG = ((10.0, 20.0), (20.0, 30.0))
_DAMAGES = ("telephone", "codec", "noise", "soft")
_JUDGED = ("joined", "pauses", "20 to 30 s", "unheard")


@dataclass(frozen=True, kw_only=True)
class Errors:
    """Absolute boundary errors of one set, in milliseconds, starts and ends together and apart; `far` is the
    share of boundaries more than 240 ms off.
    """

    words: int
    median_ms: float
    mean_ms: float
    p90_ms: float
    far: float
    starts_median_ms: float
    starts_p90_ms: float
    ends_median_ms: float
    ends_p90_ms: float


def summed(errors: npt.NDArray[np.float64]) -> Errors:
    """The figures of signed errors in seconds, [words, 2] (starts, ends)."""
    off = np.abs(errors) * 1000
    return Errors(
        words=len(off),
        median_ms=float(np.median(off)), mean_ms=float(off.mean()), p90_ms=float(np.quantile(off, 0.9)),
        far=float((off > FAR_S * 1000).mean()),
        starts_median_ms=float(np.median(off[:, 0])), starts_p90_ms=float(np.quantile(off[:, 0], 0.9)),
        ends_median_ms=float(np.median(off[:, 1])), ends_p90_ms=float(np.quantile(off[:, 1], 0.9)),
    )  # fmt: skip


def measure(aligner: Aligner, timed: list[Timed]) -> Errors:
    """Place the words of every recording, given what was really said."""
    found = [errors_s(t.spans_s, aligner.place(t.samples, t.text, t.language)) for t in timed]
    return summed(np.concatenate(found))


def measure_mistaken(aligner: Aligner, timed: list[Timed], seed: str) -> Errors:
    """As `measure`, but every text has one digit too many or lacks one; only what was said is judged."""
    rng, found = random.Random(f"mistaken/{seed}"), []
    for t in timed:
        place, digits = rng.randrange(len(t.digits)), list(t.digits)
        spans = list(t.spans_s)
        if rng.random() < 0.5 and len(digits) > 1:
            del digits[place], spans[place]
            found.append(errors_s(spans, aligner.place(t.samples, spell(tuple(digits), t.language), t.language)))
        else:
            digits.insert(place, rng.randrange(10))
            placed = aligner.place(t.samples, spell(tuple(digits), t.language), t.language)
            del placed[place]
            found.append(errors_s(spans, placed))
    return summed(np.concatenate(found))


def line(name: str, e: Errors) -> str:
    """One row of the table, in the README's form."""
    return (
        f"| {name} | {e.words} | {e.median_ms:.0f} | {e.mean_ms:.0f} | {e.p90_ms:.0f} | {e.far:.2%} "
        f"| {e.starts_median_ms:.0f} / {e.starts_p90_ms:.0f} | {e.ends_median_ms:.0f} / {e.ends_p90_ms:.0f} |"
    )


HEAD = (
    "| held-out set | words | median ms | mean | p90 | > 240 ms | starts median / p90 | ends |\n" + "| --- " * 8 + "|"
)


def run(aligner: Aligner, seed: str, count: int) -> dict[str, Errors]:
    """Measure every set of recordings, printing as it goes; `count` strings of each language and kind."""
    espeak, results = Espeak(), dict[str, Errors]()

    def report(name: str, errors: Errors) -> None:
        results[name] = errors
        print(line(name, errors), flush=True)

    print(HEAD)
    for language in LANGUAGES:
        joined = strings(espeak, seed, language, count, (1, 10), joined=True)
        paused = strings(espeak, seed, language, count, (1, 10), joined=False)
        report(f"{language}, 1 to 10 digits, joined", measure(aligner, joined))
        report(f"{language}, 1 to 10 digits, pauses", measure(aligner, paused))
        part = max(1, count // 6)
        for bounds in _LONG:
            for repeats in (False, True):
                spoken = long_strings(espeak, seed, language, part, bounds, repeats=repeats)
                kind = "many repeats" if repeats else "random"
                report(f"{language}, {bounds[0]:.0f} to {bounds[1]:.0f} s, {kind}", measure(aligner, spoken))
        report(f"{language}, silences of 1 to 4 s", measure(aligner, with_silences(joined[: 3 * part], seed)))
        for kind in _DAMAGES:
            report(f"{language}, {kind}", measure(aligner, damaged(joined[: 2 * part], kind, seed)))
        report(f"{language}, a digit too many or missing", measure_mistaken(aligner, joined[: 2 * part], seed))
    report("English, unheard synthesiser", measure(aligner, unheard_voice(seed, max(1, count // 3))))
    return results


def worst_median_ms(results: dict[str, Errors]) -> float:
    """The highest median of the sets that are judged."""
    return max(errors.median_ms for name, errors in results.items() if any(part in name for part in _JUDGED))


def main() -> None:
    """Command line: evaluate."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--checkpoint", type=Path, help="a folder; default: the checkpoint in the package")
    parser.add_argument("--seed", type=int, default=2027)
    parser.add_argument("--strings", type=int, default=150, help="strings per language; the other sets scale with it")
    parser.add_argument("--json", type=Path, help="also write the numbers here")
    options = parser.parse_args()
    torch.set_num_threads(1)
    folder = options.checkpoint or Path(str(resources.files("harken") / "checkpoints" / "digits-aligner"))
    began = time.monotonic()
    results = run(Aligner.load(folder), str(options.seed), options.strings)
    print(f"{time.monotonic() - began:.0f} s")
    if options.json:
        rows = {name: asdict(errors) for name, errors in results.items()}
        options.json.write_text(json.dumps(rows, indent=2) + "\n", encoding="utf-8")
    sys.exit(1 if worst_median_ms(results) > HIGHEST_MEDIAN_MS else 0)


if __name__ == "__main__":
    main()
