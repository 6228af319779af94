"""Where somebody speaks: Silero's voice activity model, and the rule that turns its probabilities into spans.

The model looks at frames of 512 samples (32 ms) and remembers what came before, so a recording is one serial pass; its
"sequence" graph takes many frames per call, which keeps Python and its lock out of the way. It runs on one thread of
onnxruntime and never imports torch. `speech_spans` is pure: a hysteresis, as in Silero's own post-processing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.resources import files
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from harken.types import SAMPLE_RATE

if TYPE_CHECKING:
    import onnxruntime

FRAME: Final = 512
"""Samples per probability."""
_CONTEXT: Final = 64
"""Samples of the previous frame that the model sees in front of each frame."""
_FRAMES_PER_CALL: Final = 512
_STATE: Final = (1, 1, 128)


@dataclass(frozen=True, kw_only=True, slots=True, order=True)
class Span:
    """Samples [start, end) of a recording."""

    start: int
    end: int


@dataclass(frozen=True, kw_only=True, slots=True)
class SpeechRule:
    """When a run of probabilities counts as speech. Chosen to miss nothing: noise taken for speech costs time only.

    Attributes:
        threshold: speech begins at a frame of at least this probability.
        release: and goes on until frames stay below this one (lower, so that it does not flicker) …
        min_silence_s: … for at least so long.
        min_speech_s: shorter runs are clicks, not words.
        padding_before_s: added in front, for soft beginnings …
        padding_after_s: … and behind, for soft ends. Where two runs would overlap by it, the pause between is shared.
    """

    threshold: float = 0.4
    release: float = 0.25
    min_silence_s: float = 0.2
    min_speech_s: float = 0.06
    padding_before_s: float = 0.15
    padding_after_s: float = 0.15


class SpeechDetector:
    """The loaded model. Its calls may come from several threads at once: it keeps no state between recordings.

    Args:
        session: of the sequence graph; see `load_detector`.
    """

    def __init__(self, session: onnxruntime.InferenceSession) -> None:
        self._session = session

    def probabilities(
        self, samples: NDArray[np.float32], check_time: Callable[[], None] = lambda: None
    ) -> NDArray[np.float32]:
        """Return the probability of speech in each frame.

        Args:
            samples: float32 [n], mono, 16 kHz; the last frame is filled up with zeros.
            check_time: called between the model's calls; what it raises ends the pass.

        Returns:
            float32 [ceil(n / 512)], in [0, 1].
        """
        hidden, cell = np.zeros(_STATE, np.float32), np.zeros(_STATE, np.float32)
        found: list[NDArray[np.float32]] = [np.zeros(0, np.float32)]
        for block in _blocks(samples):
            check_time()
            values, hidden, cell = self._session.run(
                ["speech_probs", "hn", "cn"], {"input": block, "h": hidden, "c": cell}
            )
            found.append(values.reshape(-1))
        return np.concatenate(found)


def load_detector() -> SpeechDetector:
    """Load the model from the package (some 30 ms, and onnxruntime's import the first time)."""
    import onnxruntime  # here and not above: importing it takes longer than a gateway may need to start

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    model = (files("harken.audio") / "data" / "silero_vad.onnx").read_bytes()
    return SpeechDetector(onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"]))


def _blocks(samples: NDArray[np.float32]) -> Iterator[NDArray[np.float32]]:
    """Yield float32 [frames ≤ 512, 64 + 512]: each frame behind the end of the one before it, zeros at the start."""
    step = _FRAMES_PER_CALL * FRAME
    for start in range(0, len(samples), step):
        piece = samples[start : start + step]
        frames = -(-len(piece) // FRAME)
        line = np.zeros(_CONTEXT + frames * FRAME, np.float32)
        if start:
            line[:_CONTEXT] = samples[start - _CONTEXT : start]
        line[_CONTEXT : _CONTEXT + len(piece)] = piece
        windows = np.lib.stride_tricks.sliding_window_view(line, _CONTEXT + FRAME)
        yield np.ascontiguousarray(windows[::FRAME])


def speech_spans(
    probabilities: NDArray[np.float32], n_samples: int, rule: SpeechRule | None = None
) -> tuple[Span, ...]:
    """Turn probabilities into spans of speech: sorted, disjoint, not touching, inside [0, n_samples).

    Args:
        probabilities: float32 [frames], of frames of 512 samples from the start on.
        n_samples: length of the recording.
        rule: the hysteresis; None means the defaults.
    """
    rule = rule or SpeechRule()
    before, after = round(rule.padding_before_s * SAMPLE_RATE), round(rule.padding_after_s * SAMPLE_RATE)
    spans: list[Span] = []
    for start, end in _runs(probabilities, rule):
        span = Span(start=max(0, start * FRAME - before), end=min(n_samples, end * FRAME + after))
        if spans and span.start <= spans[-1].end:
            span = Span(start=spans.pop().start, end=span.end)
        if span.start < span.end:
            spans.append(span)
    return tuple(spans)


def _runs(probabilities: NDArray[np.float32], rule: SpeechRule) -> Iterator[tuple[int, int]]:
    """Yield the frames [start, end) of each run of speech."""
    patience = max(1, round(rule.min_silence_s * SAMPLE_RATE / FRAME))
    shortest = rule.min_speech_s * SAMPLE_RATE / FRAME
    start, last = -1, -1
    for index, value in enumerate(probabilities.tolist()):
        if start < 0:
            if value >= rule.threshold:
                start = last = index
        elif value >= rule.release:
            last = index
        elif index - last >= patience:
            if last + 1 - start >= shortest:
                yield start, last + 1
            start = -1
    if start >= 0 and last + 1 - start >= shortest:
        yield start, last + 1
