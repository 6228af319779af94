"""What the log may say of a result: figures and codes, and the text only where an operator asked for it. Pure.

The same fields for a request and for a file of a job, so that a summary of logs has one thing to read. Fields that say
"nothing special" are left out. The invariant: unless the text was asked for, nothing in it lets anybody guess what was
said, but for its length.
"""

from __future__ import annotations

from typing import Any

from harken.transcribe.result import WORDS_MISSING, PlacedTranscript, RecordingTranscript


def facts_of(result: RecordingTranscript, model: str, *, with_text: bool = False) -> dict[str, Any]:
    """Sum a result up for the log.

    Args:
        result: whole.
        model: the name of what recognised it.
        with_text: `log.transcripts` is on.

    Returns:
        Always `model`, `audio_s`, `speech_s` (between first and last sound of speech, over all segments), `segments`,
        `language`, `chars` (of the text), `instances`, `is_complete`; where they apply also `cache` ("hit", "partial",
        "miss"), `repairs` (kinds of `RepairKind`), `warnings` (codes of `Flag`), `empty_s` (speech for which there is
        no text); and `text`, last, where that was asked for. Several words are joined by commas; seconds are rounded
        to thousandths.
    """
    segments = result.segments
    warnings = dict.fromkeys(flag.code for flag in result.warnings)
    special = {
        "cache": result.cache,
        "repairs": ",".join(dict.fromkeys(repair.kind.value for one in segments for repair in one.repairs)),
        "warnings": ",".join(warnings),
        "empty_s": round(sum(_speech_s(one) for one in segments if not one.text), 3),
    }
    return {
        "model": model,
        "audio_s": round(result.audio_s, 3),
        "speech_s": round(sum(map(_speech_s, segments)), 3),
        "segments": len(segments),
        "language": result.language,
        "chars": len(result.text),
        "instances": ",".join(result.instances),
        "is_complete": all(code == WORDS_MISSING for code in warnings),
        **{name: value for name, value in special.items() if value},
        **({"text": result.text} if with_text else {}),
    }


def _speech_s(segment: PlacedTranscript) -> float:
    if segment.speech_start_s is None or segment.speech_end_s is None:
        return segment.end_s - segment.start_s
    return max(0.0, segment.speech_end_s - segment.speech_start_s)
