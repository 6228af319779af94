"""The reader: off the event loop, bounded, and tidy when callers leave."""

from __future__ import annotations

import asyncio
import io
import threading

import numpy as np
import pytest

from harken.audio import AudioReader, CutRule, DecodeLimits
from harken.errors import AudioTooLong, Draining, QueueFull, UndecodableAudio
from harken.testing.recordings import Kind, encode, tone

WAV = encode(tone(0.5), Kind(format="WAV", codec="PCM_16"))


class SlowFile(io.BytesIO):
    """An upload whose reading waits until the test lets it go."""

    def __init__(self) -> None:
        super().__init__(WAV)
        self.started = threading.Event()
        self.go = threading.Event()

    def read(self, size: int | None = -1) -> bytes:
        """Wait, then read."""
        self.started.set()
        assert self.go.wait(10)
        return super().read(size)


async def _idle(reader: AudioReader) -> None:
    async with asyncio.timeout(10):
        while reader.unfinished:
            await asyncio.sleep(0)


def test_a_recording_is_read_and_cut() -> None:
    """The whole way; a tone is no speech."""

    async def scenario() -> None:
        async with AudioReader(workers=1) as reader:
            audio = await reader.read(WAV)
            assert len(audio.samples) == 8_000
            pieces = await reader.cut(audio, CutRule(max_segment_s=2.0))
            assert [(piece.start, piece.end, piece.has_speech) for piece in pieces] == [(0, 8_000, False)]
            await _idle(reader)

    asyncio.run(scenario())


def test_errors_reach_the_caller_as_they_are() -> None:
    """Limits and damage alike."""

    async def scenario() -> None:
        async with AudioReader(workers=1) as reader:
            with pytest.raises(AudioTooLong):
                await reader.read(WAV, DecodeLimits(max_audio_s=0.1))
            with pytest.raises(UndecodableAudio):
                await reader.read(b"no audio")
            await _idle(reader)

    asyncio.run(scenario())


def test_the_loop_runs_while_a_recording_is_decoded() -> None:
    """Otherwise the file, which the loop releases, would never go on."""

    async def scenario() -> None:
        async with AudioReader(workers=1) as reader:
            file = SlowFile()
            reading = asyncio.create_task(reader.read(file))
            await asyncio.to_thread(file.started.wait, 10)
            file.go.set()
            assert len((await reading).samples) == 8_000

    asyncio.run(scenario())


def test_more_than_may_wait_is_refused_with_a_time() -> None:
    """One works, one waits, the third is told when to come again."""

    async def scenario() -> None:
        async with AudioReader(workers=1, waiting=1) as reader:
            first, second = SlowFile(), SlowFile()
            second.go.set()
            tasks = [asyncio.create_task(reader.read(file)) for file in (first, second)]
            await asyncio.to_thread(first.started.wait, 10)
            with pytest.raises(QueueFull) as refusal:
                await reader.read(WAV)
            assert refusal.value.retry_after_s
            assert not second.started.is_set(), "only one may work"
            first.go.set()
            assert [len(audio.samples) for audio in await asyncio.gather(*tasks)] == [8_000, 8_000]
            await _idle(reader)

    asyncio.run(scenario())


def test_a_caller_who_leaves_gives_the_worker_back() -> None:
    """What runs for it stops at its next block; what waits for it never starts."""

    async def scenario() -> None:
        async with AudioReader(workers=1) as reader:
            running, waiting = SlowFile(), SlowFile()
            tasks = [asyncio.create_task(reader.read(file)) for file in (running, waiting)]
            await asyncio.to_thread(running.started.wait, 10)
            for task in tasks:
                task.cancel()
            for result in await asyncio.gather(*tasks, return_exceptions=True):
                assert isinstance(result, asyncio.CancelledError)
            assert reader.unfinished == 1, "the thread is still inside the first file"
            running.go.set()
            await _idle(reader)
            assert not waiting.started.is_set()
            assert np.any((await reader.read(WAV)).samples)

    asyncio.run(scenario())


def test_closing_answers_those_who_still_wait() -> None:
    """They hear that the server shuts down; nobody hangs."""

    async def scenario() -> None:
        reader = AudioReader(workers=1)
        running, waiting = SlowFile(), SlowFile()
        async with reader:
            tasks = [asyncio.create_task(reader.read(file)) for file in (running, waiting)]
            await asyncio.to_thread(running.started.wait, 10)
            threading.Timer(0.02, running.go.set).start()
        for result in await asyncio.gather(*tasks, return_exceptions=True):
            assert isinstance(result, Draining)
        assert reader.unfinished == 0

    asyncio.run(scenario())


def test_the_reader_is_used_inside_its_block() -> None:
    """Constructors only store."""
    with pytest.raises(RuntimeError, match="async with"):
        asyncio.run(AudioReader().read(WAV))
