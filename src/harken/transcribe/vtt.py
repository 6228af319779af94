"""Cues → WebVTT (`.vtt`). Pure. The escapes are those of https://www.w3.org/TR/webvtt1/#webvtt-cue-text-span."""

from __future__ import annotations

from collections.abc import Sequence

from harken.transcribe.cues import Cue


def write_vtt(cues: Sequence[Cue]) -> str:
    """Write cues; the bare head where there are none."""
    return "WEBVTT\n\n" + "".join(
        f"{_time(cue.start_ms)} --> {_time(cue.end_ms)}\n{_escaped(cue.text)}\n\n" for cue in cues
    )


def _time(ms: int) -> str:
    seconds, ms = divmod(ms, 1000)
    minutes, seconds = divmod(seconds, 60)
    return f"{minutes // 60:02}:{minutes % 60:02}:{seconds:02}.{ms:03}"


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
