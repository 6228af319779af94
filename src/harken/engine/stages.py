"""What an engine tells of a segment's stages. Pure; the canary's are nobody's, and nobody hears of them.

The invariant: the stages of one recognition follow one another, `WAIT`, `PREFILL`, `GENERATE`, then perhaps `ALIGN`.
"""

from __future__ import annotations

from harken.engine.canary import REQUEST_ID
from harken.events import Span, Stage, Tell
from harken.types import SAMPLE_RATE, Segment


def tell_stage(
    tell: Tell, segment: Segment, stage: Stage, began: float, ended: float, *, target: str, tokens: int = 0
) -> None:
    """Tell of one stage that is over, unless the segment is the canary.

    Args:
        tell: takes it.
        segment: whose stage.
        stage: which.
        began: seconds of the monotonic clock.
        ended: likewise.
        target: the instance's name.
        tokens: that were written in it.
    """
    if segment.request_id == REQUEST_ID:
        return
    trace = segment.requester.trace
    tell(
        Span(
            request_id=segment.request_id,
            stage=stage,
            began=began,
            ended=ended,
            priority=segment.requester.priority,
            segment=segment.index,
            start_s=segment.start / SAMPLE_RATE,
            audio_s=segment.audio_s,
            target=target,
            tokens=tokens,
            # Pieces of one segment may be recognised again; when they were tells them apart.
            trace=trace and trace.child(f"{stage} {segment.start} {began}"),
        )
    )
