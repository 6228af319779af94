"""From a folder to an aligner that has proven itself.

The proof: in a recording whose text is known, nearly all times that the aligner names must lie within the recording, in
order, and spread over it. Repaired times always look orderly, so the unrepaired ones are asked; random weights name
times all over the minutes that the head can express.
"""

from __future__ import annotations

from pathlib import Path

from harken.engine.aligner import Aligner
from harken.engine.canary import Canary
from harken.engine.resolve import AUTO, NO_ALIGNER
from harken.engine.stub_aligner import StubAligner
from harken.errors import CanaryFailed, ConfigError
from harken.types import SAMPLE_RATE, Word

_AGREEMENT = 0.67
_SPREAD = 0.5


def load_aligner(folder: Path, device: str, dtype: str, *, max_segment_s: float) -> Aligner:
    """Load an aligner; blocks.

    Args:
        folder: with its checkpoint.
        device: where to compute: where the model does.
        dtype: in which type of numbers, in the words of the configuration.
        max_segment_s: the longest segment that the model takes.

    Raises:
        ConfigError: the aligner takes only shorter segments.
        CheckpointError: the folder is incomplete, contradicts itself, or holds a recogniser.
    """
    from harken.qwen3_asr.aligner import ForcedAligner

    aligner = ForcedAligner.load(folder, device=device, dtype=dtype)
    if aligner.max_segment_s < max_segment_s:
        raise ConfigError(
            f"The aligner {aligner.info.name} takes segments of at most {aligner.max_segment_s:g} s, "
            f"the model has them of up to {max_segment_s:g} s."
        )
    return aligner


def stub_aligner(spec: str) -> Aligner | None:
    """Return the aligner of a stub: a stub, too, unless the configuration wants none.

    Raises:
        ConfigError: it wants a real one.
    """
    if spec == NO_ALIGNER:
        return None
    if spec != AUTO:
        raise ConfigError(f"A stub has no use for the aligner {spec!r}; say auto or none.")
    return StubAligner()


def prove(aligner: Aligner, canary: Canary) -> None:
    """Let an aligner find the words of a recording whose text is known.

    Raises:
        CanaryFailed: it does not; the message says what it found.
    """
    prompt = aligner.prompt(canary.samples, canary.text, canary.language)
    words: tuple[Word, ...] = ()
    agreement = 0.0
    if prompt is not None:
        (aligned,) = aligner.align([prompt])
        words, agreement = aligned.words, aligned.agreement
    spread = (words[-1].end_s - words[0].start_s) / (len(canary.samples) / SAMPLE_RATE) if words else 0.0
    if agreement < _AGREEMENT or spread < _SPREAD:
        raise CanaryFailed(
            f"The aligner {aligner.info.name} does not find the words of the canary recording: {agreement:.0%} of its "
            f"times agree, and they cover {spread:.0%} of it."
        )
