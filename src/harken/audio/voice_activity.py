"""How likely somebody speaks, frame by frame: Silero's voice activity model.

The model looks at frames of 512 samples (32 ms) and remembers what came before, so a recording is one serial pass; its
"sequence" graph takes many frames per call, which keeps Python and its lock out of the way and makes its products large
(`scripts/silero_graph.py`). It runs on one thread of onnxruntime and never imports torch. What it remembers of a
recording is the listener's, so that a recording can be heard bit by bit, and many recordings by the same loaded model.
"""

from __future__ import annotations

from importlib.resources import files
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from harken.audio.spans import FRAME

if TYPE_CHECKING:
    import onnxruntime

CALL_SAMPLES: Final = 128 * FRAME
"""Samples per call of the model: 4.1 s. Always the same, because the last bits of the figures depend on it, and the
same bytes have to give the same pieces."""
_CONTEXT: Final = 64
"""Samples of the previous frame that the model sees in front of each frame."""
_USUAL_PEAK: Final = 0.3
_SOFTEST_PEAK: Final = 16 / (1 << 15)
_STATE: Final = (1, 1, 128)


class SpeechDetector:
    """The loaded model. Many listeners may use it at once: it keeps no state between calls.

    Args:
        session: of the sequence graph; see `load_detector`.
    """

    def __init__(self, session: onnxruntime.InferenceSession) -> None:
        self._session = session

    def listen(self) -> Listener:
        """Begin a recording."""
        return Listener(self._session)

    def loud_probabilities(self, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the probabilities of samples that were made as loud as speech usually is, or less loud.

        The model was trained on speech of usual loudness: of single words 26 dB softer it misses a quarter, of the same
        words made louder none. What is softer than 16 steps of 16 bits is no word any more, and stays as it is.
        """
        peak = float(np.abs(samples).max(initial=0.0))
        return self.probabilities(samples * np.float32(_USUAL_PEAK / peak) if peak > _SOFTEST_PEAK else samples)

    def probabilities(self, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the probability of speech in each frame of a whole recording; see `Listener.feed`."""
        listener = self.listen()
        found = [listener.feed(samples[at : at + CALL_SAMPLES]) for at in range(0, len(samples), CALL_SAMPLES)]
        return np.concatenate([np.zeros(0, np.float32), *found])


class Listener:
    """One recording that is being heard."""

    def __init__(self, session: onnxruntime.InferenceSession) -> None:
        self._session = session
        self._hidden = np.zeros(_STATE, np.float32)
        self._cell = np.zeros(_STATE, np.float32)
        self._context = np.zeros(_CONTEXT, np.float32)

    def feed(self, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the probability of speech in each of the next frames.

        Args:
            samples: float32 [n ≥ 1], mono, 16 kHz; n is a multiple of 512 but in the last call, whose last frame is
                filled up with zeros.

        Returns:
            float32 [ceil(n / 512)], in [0, 1].
        """
        frames = -(-len(samples) // FRAME)
        line = np.zeros(_CONTEXT + frames * FRAME, np.float32)
        line[:_CONTEXT] = self._context
        line[_CONTEXT : _CONTEXT + len(samples)] = samples
        self._context = line[-_CONTEXT:]
        # Each frame behind the end of the one before it: float32 [frames, 64 + 512].
        windows = np.lib.stride_tricks.sliding_window_view(line, _CONTEXT + FRAME)[::FRAME]
        values, self._hidden, self._cell = self._session.run(
            ["speech_probs", "hn", "cn"],
            {"input": np.ascontiguousarray(windows), "h": self._hidden, "c": self._cell},
        )
        return np.asarray(values, np.float32).reshape(-1)


def load_detector() -> SpeechDetector:
    """Load the model from the package (some 30 ms, and onnxruntime's import the first time)."""
    import onnxruntime  # here and not above: importing it takes longer than a gateway may need to start

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    model = (files("harken.audio") / "data" / "silero_vad.onnx").read_bytes()
    return SpeechDetector(onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"]))
