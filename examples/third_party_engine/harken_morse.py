"""An engine for Harken: Morse code as tones in, letters out. It needs no model, so this is all of it."""

import numpy as np
from numpy.typing import NDArray

from harken.plugin import SAMPLE_RATE, EngineInfo, Heard, Options, Proof, Report, Setup, Word

CODES = (
    "a.- b-... c-.-. d-.. e. f..-. g--. h.... i.. j.--- k-.- l.-.. m-- n-. o--- p.--. q--.- r.-. s... t- u..- v...- "
    "w.-- x-..- y-.-- z--.. 0----- 1.---- 2..--- 3...-- 4....- 5..... 6-.... 7--... 8---.. 9----."
)
LETTERS = {code[1:]: code[0] for code in CODES.split()}
FRAME = SAMPLE_RATE // 200  # 5 ms


def keyed(text: str, dot_s: float = 0.06) -> NDArray[np.float32]:
    """Morse code of a text, as a tone of 700 Hz."""
    codes = {letter: code for code, letter in LETTERS.items()}
    words = ["   ".join(" ".join(codes[letter]) for letter in word) for word in text.split()]
    units = "   " + "       ".join(words).replace(".", "#").replace("-", "###") + "   "
    gate = np.repeat([unit == "#" for unit in units], round(dot_s * SAMPLE_RATE))
    tone = np.sin(2 * np.pi * 700 / SAMPLE_RATE * np.arange(len(gate), dtype=np.float32))
    return np.where(gate, tone / 2, 0).astype(np.float32)


class Morse:
    """Implements `harken.plugin.SpeechEngine`."""

    def __init__(self, setup: Setup) -> None:
        proof = Proof(samples=keyed("sos harken"), text="sos harken")
        self.info = EngineInfo(
            name="morse", languages=("English",), times_words=True, slots=setup.slots or 2, proof=proof
        )

    def recognize(self, samples: NDArray[np.float32], options: Options, report: Report) -> Heard:
        """Measure how long the tone is there and not there; the shortest tone is a dot."""
        loud = np.abs(samples[: len(samples) // FRAME * FRAME]).reshape(-1, FRAME).max(axis=1, initial=0.0)
        is_on = loud > max(0.01, loud.max(initial=0.0) / 2)
        edges = np.flatnonzero(np.diff(is_on, prepend=False, append=False))
        tones = edges.reshape(-1, 2)
        dot = np.diff(tones).min(initial=12)
        words: list[Word] = []
        word, code, began = "", "", 0.0
        for (on, off), following in zip(tones, np.append(tones[1:, 0], len(is_on) + 7 * dot), strict=False):
            report.progress()
            began = began if word or code else on * FRAME / SAMPLE_RATE
            code += "-" if off - on > 2 * dot else "."
            if following - off > 2 * dot:
                word, code = word + LETTERS.get(code, "?"), ""
            if following - off > 5 * dot:
                words.append(Word(text=word, start_s=began, end_s=off * FRAME / SAMPLE_RATE))
                word = ""
        return Heard(text=" ".join(found.text for found in words), words=tuple(words))
