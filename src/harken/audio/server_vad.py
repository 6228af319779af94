"""OpenAI's `server_vad` in our rules: a segment ends at each pause of a length that the client names. Pure."""

from __future__ import annotations

from harken.audio.cutting import CutRule
from harken.audio.spans import SpeechRule


def server_vad_rules(
    *, threshold: float = 0.5, prefix_padding_s: float = 0.3, silence_s: float = 0.2
) -> tuple[CutRule, SpeechRule]:
    """Return the rules that cut as OpenAI's voice activity options ask; the defaults are OpenAI's.

    Args:
        threshold: a sound of at least this probability of speech begins a segment, in [0, 1].
        prefix_padding_s: sound that is kept in front of it, in seconds.
        silence_s: a pause of this length ends it, in seconds; shorter than a frame of 32 ms counts as one frame.
    """
    speech = SpeechRule(
        threshold=threshold,
        release=max(0.0, threshold - 0.15),
        min_silence_s=silence_s,
        padding_before_s=prefix_padding_s,
        possible=None,
    )
    return CutRule(splits_at_pauses=True), speech
