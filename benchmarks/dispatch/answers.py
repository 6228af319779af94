"""Is an answer right? A stub's text names every segment it heard, so a lost or foreign one shows.

Pure. A clip is one segment, whose text is computed from the very samples that were sent. Of a longer recording the
cuts are the server's own, so there the sum of the segments' lengths must be the recording's, but for silence left out;
and since the cuts depend on nothing but the samples, all arms must give the same text, which `digest` is for.
"""

from __future__ import annotations

import json
import re
import zlib

from benchmarks.dispatch.client import Reply
from benchmarks.dispatch.tape import Recording

_SEGMENT = re.compile(r"stub [0-9a-f]{8} (\d+\.\d\d)s")
_ONE_SEGMENT_S = 30.0
_SPOKEN = 0.9
"""At least this part of the tape is within segments: its pauses are shorter than the silence that is left out."""


def problem(recording: Recording, reply: Reply) -> str:
    """Say what is wrong with an answer; "" when it is right."""
    if reply.status != 200:
        return f"{reply.status} {_code(reply)}"
    text = _text(reply)
    segments = _SEGMENT.findall(text)
    if recording.audio_s <= _ONE_SEGMENT_S:
        expected = f"stub {recording.checksum():08x} {recording.audio_s:.2f}s"
        return "" if text == expected else "another text"
    heard_s = sum(map(float, segments))
    if _SEGMENT.sub("", text).strip():
        return "not a stub's text"
    slack_s = 0.01 * len(segments)
    is_whole = recording.audio_s * _SPOKEN - slack_s <= heard_s <= recording.audio_s + slack_s
    return "" if is_whole else "segments missing"


def digest(reply: Reply) -> int:
    """A number that differs when the text does; 0 without a text."""
    return zlib.crc32(_text(reply).encode()) if reply.status == 200 else 0


def _text(reply: Reply) -> str:
    try:
        return str(json.loads(reply.body)["text"])
    except (ValueError, KeyError, TypeError):
        return ""


def _code(reply: Reply) -> str:
    """Our error code, or what else there is to tell."""
    try:
        return str(json.loads(reply.body)["code"])
    except (ValueError, KeyError, TypeError):
        return reply.reason or "from the proxy"
