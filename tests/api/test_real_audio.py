"""The API over the real audio reader: real files in, real refusals out."""

from __future__ import annotations

import asyncio
import dataclasses
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
import soundfile
import soxr
from numpy.typing import NDArray

import harken
from harken.api.app import create_app
from harken.api.service import Service
from harken.audio import AudioReader
from harken.config import LimitsConfig
from harken.testing.recordings import KINDS, encode, silent_opus, tone
from harken.transcribe.transcriber import Transcriber
from harken.types import Options, Segment, Transcript
from tests.api.world import READY, serving
from tests.transcribe.fakes import INFO, FakeRecognizer

pytestmark = pytest.mark.slow

BY_NAME = {kind.name: kind for kind in KINDS}
WAV = BY_NAME["wav-pcm_16-16000-1ch"]
LIMITS = LimitsConfig(upload_bytes=5_000_000, audio_s=3600.0)


def length(segment: Segment, options: Options) -> Transcript:
    """Answers how much was heard."""
    return Transcript(text=f"{segment.audio_s:.1f}", language="English", audio_s=segment.audio_s, instance="asr-1")


def upload_all(files: list[bytes], *, max_segment_s: float = 30.0) -> tuple[list[httpx.Response], FakeRecognizer]:
    """Send files one after another to a server with a real reader."""
    info = dataclasses.replace(INFO, max_segment_s=max_segment_s)
    recognizer = FakeRecognizer(answer=length, info=info)

    async def run() -> list[httpx.Response]:
        async with asyncio.timeout(60), AudioReader() as reader:
            service = Service(
                name="asr-1",
                transcriber=Transcriber(recognizer, reader, LIMITS),
                recognizer=recognizer,
                health=lambda: READY,
                limits=LIMITS,
            )
            app = create_app(lambda: service)
            async with serving(app) as url, httpx.AsyncClient(base_url=url, timeout=60, verify=False) as client:
                return [await client.post("/asr", files={"audio": ("录音.wav", data)}) for data in files]

    return asyncio.run(run()), recognizer


def spoken(rate: int, channels: int) -> NDArray[np.float32]:
    """Somebody who says digits for about a second; [n, channels]."""
    path = Path(harken.__file__).parent / "samples" / "english-01.wav"
    samples, at = soundfile.read(path, dtype="float32")
    resampled = soxr.resample(samples, at, rate).astype(np.float32)
    return np.repeat(resampled[:, None], channels, axis=1)


def test_recordings_in_several_containers_are_transcribed() -> None:
    """The same words in four coats; the name says .wav each time, and nobody believes it."""
    kinds = [WAV, BY_NAME["flac-pcm_16-16000-1ch"], BY_NAME["ogg-opus-48000-1ch"], BY_NAME["ipod-aac-44100-2ch"]]
    files = [encode(spoken(kind.rate, kind.channels), kind) for kind in kinds]
    answers, _ = upload_all(files)
    assert [answer.status_code for answer in answers] == [200] * 4
    assert all(float(answer.json()["text"]) == pytest.approx(1.26, abs=0.1) for answer in answers)


def test_bad_recordings_are_refused_one_by_one() -> None:
    """Text, a cut file, ten silent hours in a small file, too many bytes: status and code of each; then all is well."""
    whole = encode(tone(2.0), WAV)
    mp3 = encode(tone(5.0), BY_NAME["mp3-mpeg_layer_iii-16000-1ch"])
    files = [
        b"This is no recording.\n" * 50,
        whole[: len(whole) // 2],
        mp3[: len(mp3) // 2],
        encode(tone(0.0), WAV),
        silent_opus(36_000.0),
        bytes(6_000_000),
        whole,
    ]
    answers, _ = upload_all(files)
    found: list[tuple[int, Any]] = [(answer.status_code, answer.json().get("code")) for answer in answers]
    assert found == [
        (400, "undecodable_audio"),
        (400, "truncated_audio"),
        (400, "truncated_audio"),
        (400, "empty_audio"),
        (413, "audio_too_long"),
        (413, "upload_too_large"),
        (200, None),
    ]


def test_a_long_recording_is_cut_and_no_piece_is_too_long() -> None:
    """Through decoding, voice activity and cutting; silence is not sent to the model."""
    answers, recognizer = upload_all([encode(np.zeros((20 * 16_000, 1), np.float32), WAV)], max_segment_s=5.0)
    assert answers[0].json() == {"text": "", "language": "", "status": "success"}
    assert recognizer.seen == []
