"""SRT and WebVTT, read back by other people's readers."""

from __future__ import annotations

import html
import io
from datetime import timedelta

import av
import pysubs2
import pytest
import srt  # type: ignore[import-untyped]
import webvtt
from av.stream import Stream
from hypothesis import given, settings

from harken.transcribe.cues import Cue, cues_of
from harken.transcribe.result import RecordingTranscript
from harken.transcribe.srt import JOINER, write_srt
from harken.transcribe.vtt import write_vtt
from tests.transcribe.recordings import CHINESE, ENGLISH, piece, recording, recordings

Read = list[tuple[int, int, str]]
"""Start and end in milliseconds, and text."""

NASTY = "Is <b>fat</b> & {\\an8} &lt; an arrow --> here, 00:01? שלום 👨‍👩‍👧 1\n\n2\n3"


def as_read(cues: tuple[Cue, ...]) -> Read:
    """What a reader has to find."""
    return [(cue.start_ms, cue.end_ms, cue.text) for cue in cues]


def ms(time: timedelta) -> int:
    """Whole milliseconds."""
    return time // timedelta(milliseconds=1)


def by_srt(text: str) -> Read:
    """Read SRT with the `srt` library."""
    return [(ms(one.start), ms(one.end), one.content.replace(JOINER, "")) for one in srt.parse(text)]


def by_pysubs2(text: str, format_: str) -> Read:
    """Read either with pysubs2."""
    found = pysubs2.SSAFile.from_string(text, format_=format_)
    return [(one.start, one.end, one.text.replace("\\N", "\n").replace(JOINER, "")) for one in found]


def by_webvtt(text: str) -> Read:
    """Read WebVTT with webvtt-py."""
    found = webvtt.from_string(text).captions
    return [
        (one.start_time.in_milliseconds(), one.end_time.in_milliseconds(), html.unescape(one.raw_text)) for one in found
    ]


def by_ffmpeg(text: str, format_: str) -> list[tuple[int, int]]:
    """Read with FFmpeg: start and end of each cue in milliseconds."""
    with av.open(io.BytesIO(text.encode()), "r", format=format_) as container:
        return [_times(one) for one in container.demux() if one.pts is not None and one.size]


def _times(packet: av.Packet[Stream]) -> tuple[int, int]:
    assert packet.time_base is not None
    assert packet.pts is not None
    tick_ms = packet.time_base * 1000
    return round(packet.pts * tick_ms), round((packet.pts + (packet.duration or 0)) * tick_ms)


@settings(max_examples=60, deadline=None)
@given(recordings())
def test_any_result_is_read_back_as_it_was_written(result: RecordingTranscript) -> None:
    """Same number, order, times to the millisecond, and text, whatever was said."""
    cues = cues_of(result)
    assert by_srt(write_srt(cues)) == as_read(cues)
    assert by_webvtt(write_vtt(cues)) == as_read(cues)


@pytest.mark.parametrize("text", [ENGLISH, CHINESE, NASTY])
def test_players_read_the_same(text: str) -> None:
    """The libraries and FFmpeg agree with what was written."""
    cues = cues_of(recording(piece(text, 0.5, 15.25), piece(text, 3700.0, 3713.0)))
    assert len(cues) >= 2
    assert by_pysubs2(write_srt(cues), "srt") == as_read(cues)
    assert [one[:2] for one in by_pysubs2(write_vtt(cues), "vtt")] == [one[:2] for one in as_read(cues)]
    for text_, format_ in ((write_srt(cues), "srt"), (write_vtt(cues), "webvtt")):
        assert by_ffmpeg(text_, format_) == [(cue.start_ms, cue.end_ms) for cue in cues]


def test_commands_in_the_text_are_text() -> None:
    """A player shows "<b>" as it was said, and no line looks like times."""
    cues = cues_of(recording(piece(NASTY, 0, 12)))
    for line in write_srt(cues).splitlines():
        assert "-->" not in line or line[:2].isdigit()
    assert "<b>" not in write_srt(cues)
    assert "&lt;b&gt;fat&lt;/b&gt; &amp; {\\an8} &amp;lt;" in write_vtt(cues).replace("\n", " ")


def test_hours_beyond_99_are_written_in_full() -> None:
    """No wrap-around, and both formats can be read."""
    cues = (Cue(start_ms=360_000_000, end_ms=362_345_678, lines=("late",)),)
    assert "100:00:00,000 --> 100:39:05,678" in write_srt(cues)
    assert by_srt(write_srt(cues)) == by_webvtt(write_vtt(cues)) == as_read(cues)


def test_silence_is_an_empty_file_that_is_valid() -> None:
    """SRT has no head; WebVTT has one."""
    assert write_srt(()) == ""
    assert write_vtt(()) == "WEBVTT\n\n"
    assert by_srt("") == by_webvtt("WEBVTT\n\n") == []
