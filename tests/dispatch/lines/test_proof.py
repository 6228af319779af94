"""What counts as a proof of a server of which nothing is known."""

from __future__ import annotations

import numpy as np
import pytest

from harken.dispatch.lines.openai.request import wav_of
from harken.dispatch.lines.proof import Proof
from harken.errors import CanaryFailed
from harken.types import Transcript

PROOF = Proof(samples=np.zeros(32_000, dtype=np.float32))


@pytest.mark.parametrize("text", ["nine nine five", "9 9 5", "九九五", "noise"])
def test_any_plausible_text_will_do(text: str) -> None:
    """The server was never promised to know our recording."""
    PROOF.check(Transcript(text=text, language="", audio_s=2.0))


@pytest.mark.parametrize(("text", "words"), [("", "recognised nothing"), ("nine " * 100, "more")])
def test_nothing_and_endless_text_are_no_proof(text: str, words: str) -> None:
    """A server that answers 200 and recognises nothing, and one that never stops."""
    with pytest.raises(CanaryFailed, match=words):
        PROOF.check(Transcript(text=text, language="", audio_s=2.0))


def test_the_job_is_the_recording_and_nothing_else() -> None:
    """No language is forced, no text is wanted as it comes."""
    job = PROOF.job(0.0)
    assert (job.segment.audio_s, job.options.language, job.wants_deltas) == (2.0, None, False)


def test_no_two_proofs_are_the_same_recording() -> None:
    """A cache must not answer for a model; and none is louder than what was recorded."""
    proof = Proof(samples=np.full(16_000, 0.5, dtype=np.float32))
    heard = [proof.job(1_800_000_000.0 + 30.0 * turn).segment.samples for turn in range(50)]
    assert len({wav_of(samples) for samples in heard}) == 50
    assert all(0.35 <= samples.max() <= 0.5 for samples in heard)
