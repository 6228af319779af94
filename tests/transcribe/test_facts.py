"""What the log may say of a result."""

from __future__ import annotations

from harken.transcribe.facts import facts_of
from harken.transcribe.result import PlacedTranscript, Repair, RepairKind
from harken.transcribe.stitch import stitch
from harken.types import Finish


def _piece(text: str, start_s: float, **more: object) -> PlacedTranscript:
    return PlacedTranscript(
        text=text, language="English", start_s=start_s, end_s=start_s + 10, instance="asr-1", **more  # type: ignore[arg-type]
    )  # fmt: skip


def _repair(kind: RepairKind, *, is_resolved: bool) -> Repair:
    return Repair(kind=kind, start_s=0, end_s=1, is_resolved=is_resolved)


def test_an_ordinary_result_has_figures_and_no_remarks() -> None:
    """Only what is always there; nothing of the text but its length."""
    result = stitch([_piece("secret words", 0, speech_start_s=1.0, speech_end_s=9.5)], 12.34567)
    facts = facts_of(result, "digits")
    assert facts == {
        "model": "digits",
        "audio_s": 12.346,
        "speech_s": 8.5,
        "segments": 1,
        "language": "English",
        "chars": 12,
        "instances": "asr-1",
        "is_complete": True,
    }
    assert "secret" not in str(facts)


def test_what_is_suspicious_is_said_in_codes() -> None:
    """Loops, token caps, leaks, speech without text, and what could not be mended."""
    pieces = [
        _piece("a", 0, repairs=(_repair(RepairKind.LOOP, is_resolved=True),), is_cached=True),
        _piece("b", 10, repairs=(_repair(RepairKind.CONTEXT_LEAK, is_resolved=True),), is_cached=False),
        _piece("c", 20, finish=Finish.LENGTH),
        _piece("", 30, speech_start_s=31.0, speech_end_s=34.0),
    ]
    facts = facts_of(stitch(pieces, 40.0), "digits")
    assert facts["repairs"] == "loop,context_leak"
    assert facts["warnings"] == "length_unresolved"
    assert (facts["cache"], facts["empty_s"], facts["is_complete"]) == ("partial", 3.0, False)


def test_silence_is_not_speech_without_text() -> None:
    """No segment, no suspicion."""
    facts = facts_of(stitch([], 5.0), "digits")
    assert (facts["speech_s"], facts["segments"], facts["chars"], "empty_s" in facts) == (0, 0, 0, False)
