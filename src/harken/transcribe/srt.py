r"""Cues → SubRip (`.srt`). Pure.

SubRip has no way to write a mark that is not to be understood: players take "<b>" and "{\an8}" for commands, and
readers take "-->" for times. So an invisible character (U+2060, word joiner) is put into those; the text looks as it
was said.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from harken.transcribe.cues import Cue

JOINER = "\u2060"


def write_srt(cues: Sequence[Cue]) -> str:
    """Write cues, numbered from 1; "" where there are none."""
    return "".join(
        f"{number}\n{_time(cue.start_ms)} --> {_time(cue.end_ms)}\n{_harmless(cue.text)}\n\n"
        for number, cue in enumerate(cues, start=1)
    )


def _time(ms: int) -> str:
    seconds, ms = divmod(ms, 1000)
    minutes, seconds = divmod(seconds, 60)
    return f"{minutes // 60:02}:{minutes % 60:02}:{seconds:02},{ms:03}"


def _harmless(text: str) -> str:
    return re.sub(r"<|\{|--(?=>)", lambda found: found.group() + JOINER, text)
