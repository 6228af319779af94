"""The reader: off the event loop, bounded, fair, and tidy when callers leave."""

from __future__ import annotations

import asyncio
import io
import mmap
import threading
import tracemalloc
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import numpy as np
import pytest
import soundfile

from harken.audio import AudioReader, CutRule, DecodeLimits, Piece, SpeechRule, decode
from harken.errors import AudioTooLong, Draining, QueueFull, TimedOut, TruncatedAudio, UndecodableAudio
from harken.testing import FakeClock
from harken.testing.recordings import Kind, encode, tone

WAV = encode(tone(0.5), Kind(format="WAV", codec="PCM_16"))
LONG_S = 40
LONG = encode(tone(LONG_S), Kind(format="WAV", codec="PCM_16"))
SHORT = CutRule(max_segment_s=5)
ALL_IS_SPEECH = SpeechRule(threshold=0.0, release=0.0)


class SlowFile(io.BytesIO):
    """An upload whose reading waits until the test lets it go."""

    def __init__(self, data: bytes = WAV) -> None:
        super().__init__(data)
        self.started = threading.Event()
        self.go = threading.Event()

    def read(self, size: int | None = -1) -> bytes:
        """Wait, then read."""
        self.started.set()
        assert self.go.wait(10)
        return super().read(size)


class GatedClock(FakeClock):
    """A clock that stops whoever looks at it while the gate is shut; decoding looks at it with every block."""

    def __init__(self) -> None:
        super().__init__()
        self.gate = threading.Event()
        self.gate.set()
        self.looked = threading.Event()

    def now(self) -> float:
        """The time, once the gate is open."""
        self.looked.set()
        assert self.gate.wait(10)
        return super().now()


async def _idle(reader: AudioReader) -> None:
    async with asyncio.timeout(10):
        while reader.unfinished:
            await asyncio.sleep(0)


@asynccontextmanager
async def idle_reader(*, workers: int, waiting: int = 512) -> AsyncIterator[AudioReader]:
    """A reader that has nothing left to do on the way out."""
    async with AudioReader(workers=workers, waiting=waiting) as reader:
        yield reader
        await _idle(reader)


async def read(reader: AudioReader, upload: bytes | Path | SlowFile, **arguments: object) -> list[Piece]:
    """All pieces."""
    async with reader.open(upload, **arguments) as stream:  # type: ignore[arg-type]
        return [piece async for piece in stream]


def test_a_short_recording_is_one_piece_whole() -> None:
    """The whole way; a tone is no speech, and its length is known before and after."""

    async def scenario() -> None:
        async with idle_reader(workers=1) as reader, reader.open(WAV) as stream:
            assert stream.total_s == 0.5
            assert stream.decoded_s == 0.0
            (piece,) = [piece async for piece in stream]
            assert (piece.start, piece.end, piece.has_speech, len(piece.samples)) == (0, 8_000, False, 0)
            assert 0.0 <= piece.speech_prob < 0.1
            assert stream.decoded_s == 0.5
            assert reader.unfinished == 0, "what is decoded to its end waits for nobody"

    asyncio.run(scenario())


def test_the_pieces_of_a_long_recording_are_its_samples() -> None:
    """In order, and none longer than asked for."""

    async def scenario() -> None:
        async with idle_reader(workers=1) as reader:
            pieces = await read(reader, LONG, cut=CutRule(max_segment_s=20.0), speech=ALL_IS_SPEECH)
            assert np.array_equal(np.concatenate([piece.samples for piece in pieces]), decode(LONG).samples)
            assert [len(piece.samples) for piece in pieces] == [piece.end - piece.start for piece in pieces]
            assert max(piece.audio_s for piece in pieces) <= 20.0

    asyncio.run(scenario())


def test_only_what_is_pulled_is_decoded() -> None:
    """The first piece comes out of the first part of a file whose last part is damaged; the damage comes later."""
    damaged = bytearray(encode(tone(LONG_S), Kind(format="FLAC", codec="PCM_16")))
    damaged[-2000:-1900] = bytes(100)

    async def scenario() -> None:
        async with idle_reader(workers=1) as reader:
            cut = CutRule(max_segment_s=10.0)
            async with reader.open(bytes(damaged), DecodeLimits(), cut, ALL_IS_SPEECH) as stream:
                first = await anext(stream)
                assert first.end <= 160_000
                assert stream.decoded_s < 30
                with pytest.raises((UndecodableAudio, TruncatedAudio)) as caught:
                    _ = [piece async for piece in stream]
                with pytest.raises(type(caught.value)):
                    await anext(stream)

    asyncio.run(scenario())


def test_errors_reach_the_caller_as_they_are() -> None:
    """Limits and damage alike, before anything is decoded where the head tells."""

    async def scenario() -> None:
        async with idle_reader(workers=1) as reader:
            with pytest.raises(AudioTooLong):
                await read(reader, WAV, limits=DecodeLimits(max_audio_s=0.1))
            with pytest.raises(UndecodableAudio):
                await read(reader, b"no audio")

    asyncio.run(scenario())


def test_a_path_and_an_open_file_are_read_like_bytes(tmp_path: Path) -> None:
    """From where the open file stands; it is left open."""
    path = tmp_path / "recording"
    path.write_bytes(b"junk" + LONG)

    async def scenario() -> None:
        async with idle_reader(workers=1) as reader:
            expected = await read(reader, LONG, speech=ALL_IS_SPEECH)
            with path.open("rb") as file:
                file.seek(4)
                async with reader.open(file, speech=ALL_IS_SPEECH) as stream:
                    found = [piece async for piece in stream]
                assert not file.closed
            path.write_bytes(LONG)
            for pieces in (found, await read(reader, path, speech=ALL_IS_SPEECH)):
                assert [(piece.start, piece.end) for piece in pieces] == [(p.start, p.end) for p in expected]

    asyncio.run(scenario())


def test_the_loop_runs_while_a_recording_is_decoded() -> None:
    """Otherwise the file, which the loop releases, would never go on."""

    async def scenario() -> None:
        async with idle_reader(workers=1) as reader:
            file = SlowFile()
            reading = asyncio.create_task(read(reader, file))
            await asyncio.to_thread(file.started.wait, 10)
            file.go.set()
            assert (await reading)[0].end == 8_000

    asyncio.run(scenario())


def test_a_long_recording_holds_no_thread_while_nobody_pulls() -> None:
    """With one worker, a short recording is read in the middle of a long one."""

    async def scenario() -> None:
        async with idle_reader(workers=1) as reader, reader.open(LONG) as stream:
            await anext(stream)
            assert len(await read(reader, WAV)) == 1
            assert reader.unfinished == 1
            assert [piece async for piece in stream][-1].end == LONG_S * 16_000

    asyncio.run(scenario())


def test_waiting_for_a_reader_costs_no_decoding_time() -> None:
    """The limit is on work; the clock goes on while nobody pulls."""

    async def scenario() -> None:
        clock = FakeClock()
        async with AudioReader(workers=1, clock=clock) as reader:
            limits = DecodeLimits(timeout_s=5.0)
            async with reader.open(LONG, limits, CutRule(max_segment_s=10)) as stream:
                async for _ in stream:
                    clock.advance(100.0)

    asyncio.run(scenario())


def test_decoding_ends_when_its_time_is_over() -> None:
    """The time of all pulls is added up."""

    class Ticking(FakeClock):
        def now(self) -> float:
            self.advance(2.0)
            return super().now()

    async def scenario() -> None:
        async with AudioReader(workers=1, clock=Ticking()) as reader:
            with pytest.raises(TimedOut):
                await read(reader, LONG, limits=DecodeLimits(timeout_s=2.0), cut=CutRule(max_segment_s=10))
            await _idle(reader)

    asyncio.run(scenario())


def test_more_than_may_wait_is_refused_with_a_time() -> None:
    """One works, one waits, the third is told when to come again."""

    async def scenario() -> None:
        async with idle_reader(workers=1, waiting=1) as reader:
            first, second = SlowFile(), SlowFile()
            second.go.set()
            tasks = [asyncio.create_task(read(reader, file)) for file in (first, second)]
            await asyncio.to_thread(first.started.wait, 10)
            with pytest.raises(QueueFull) as refusal:
                await read(reader, WAV)
            assert refusal.value.retry_after_s
            assert not second.started.is_set(), "only one may work"
            first.go.set()
            assert [pieces[0].end for pieces in await asyncio.gather(*tasks)] == [8_000, 8_000]

    asyncio.run(scenario())


def test_a_caller_who_leaves_gives_the_worker_back() -> None:
    """What runs for it stops at its next block; what waits for it never starts."""

    async def scenario() -> None:
        async with idle_reader(workers=1) as reader:
            running, waiting = SlowFile(), SlowFile()
            tasks = [asyncio.create_task(read(reader, file)) for file in (running, waiting)]
            await asyncio.to_thread(running.started.wait, 10)
            for task in tasks:
                task.cancel()
            for result in await asyncio.gather(*tasks, return_exceptions=True):
                assert isinstance(result, asyncio.CancelledError)
            assert reader.unfinished == 1, "the thread is still inside the first file"
            running.go.set()
            await _idle(reader)
            assert not waiting.started.is_set()
            assert len(await read(reader, WAV)) == 1

    asyncio.run(scenario())


def test_a_cancelled_pull_loses_nothing() -> None:
    """What it had started comes to the next one."""

    async def scenario() -> None:
        clock = GatedClock()
        async with AudioReader(workers=1, clock=clock) as reader, reader.open(LONG, cut=SHORT) as stream:
            first = await anext(stream)
            clock.gate.clear()
            clock.looked.clear()
            pull = asyncio.ensure_future(anext(stream))
            await asyncio.to_thread(clock.looked.wait, 10)
            pull.cancel()
            with pytest.raises(asyncio.CancelledError):
                await pull
            clock.gate.set()
            pieces = [first, *[piece async for piece in stream]]
            assert [piece.start for piece in pieces] == [0, *(piece.end for piece in pieces[:-1])]
            assert pieces[-1].end == LONG_S * 16_000

    asyncio.run(scenario())


def test_several_tasks_may_pull_from_one_recording() -> None:
    """Each piece comes to one of them."""

    async def scenario() -> None:
        async with idle_reader(workers=2) as reader, reader.open(LONG, cut=SHORT) as stream:
            found: list[Piece] = []

            async def work() -> None:
                found.extend([piece async for piece in stream])

            await asyncio.gather(work(), work(), work())
            assert sum(piece.end - piece.start for piece in found) == LONG_S * 16_000

    asyncio.run(scenario())


@pytest.mark.parametrize("leaves", [True, False])
def test_leaving_in_the_middle_of_a_pull_stops_it(leaves: bool) -> None:
    """At its next block; the same when the reader itself goes away."""

    async def scenario() -> None:
        clock = GatedClock()
        async with AudioReader(workers=1, clock=clock) as reader:
            pull: asyncio.Future[Piece]
            async with reader.open(LONG, cut=SHORT) as stream:
                await anext(stream)
                clock.gate.clear()
                clock.looked.clear()
                pull = asyncio.ensure_future(anext(stream))
                await asyncio.to_thread(clock.looked.wait, 10)
                if leaves:
                    pull.cancel()
            assert reader.unfinished == 1, "the thread is still in it"
            clock.gate.set()
            await _idle(reader)
            with pytest.raises((asyncio.CancelledError, Draining)):
                await pull

    asyncio.run(scenario())


def test_closing_answers_those_who_still_wait() -> None:
    """They hear that the server shuts down; nobody hangs."""

    async def scenario() -> None:
        reader = AudioReader(workers=1)
        running, waiting = SlowFile(), SlowFile()
        async with reader:
            tasks = [asyncio.create_task(read(reader, file)) for file in (running, waiting)]
            await asyncio.to_thread(running.started.wait, 10)
            threading.Timer(0.02, running.go.set).start()
        for result in await asyncio.gather(*tasks, return_exceptions=True):
            assert isinstance(result, Draining)
        assert reader.unfinished == 0

    asyncio.run(scenario())


def test_a_recording_that_is_open_when_the_reader_closes_is_told_so() -> None:
    """By the next pull, and again by the one behind it."""

    async def scenario() -> None:
        reader = AudioReader(workers=1)
        async with reader:
            opened = reader.open(LONG)
            stream = await opened.__aenter__()
            await anext(stream)
        for _ in range(2):
            with pytest.raises(Draining):
                await anext(stream)
        await opened.__aexit__(None, None, None)
        assert reader.unfinished == 0
        with pytest.raises(Draining):
            await read(reader, WAV)

    asyncio.run(scenario())


def test_the_reader_is_used_inside_its_block() -> None:
    """Constructors only store."""
    with pytest.raises(RuntimeError, match="async with"):
        asyncio.run(read(AudioReader(), WAV))


@pytest.mark.slow
@pytest.mark.parametrize("way", ["path", "mapping"])
def test_a_long_recording_is_never_whole_in_memory(tmp_path: Path, way: str) -> None:
    """Ten minutes are 38 MB of samples; the reader holds a piece and a half of them, and the caller one."""
    path = tmp_path / "recording.wav"
    soundfile.write(path, np.random.default_rng(0).uniform(-0.5, 0.5, 600 * 16_000), 16_000, subtype="PCM_16")

    async def scenario() -> None:
        async with idle_reader(workers=1) as reader:
            await read(reader, WAV)  # loads the libraries
            with path.open("rb") as file:
                mapped = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
            tracemalloc.start()
            async with reader.open(path if way == "path" else mapped, speech=ALL_IS_SPEECH) as stream:
                async for piece in stream:
                    assert len(piece.samples) <= 30 * 16_000
            _, peak_bytes = tracemalloc.get_traced_memory()
            tracemalloc.stop()
            assert stream.decoded_s == 600.0
            assert peak_bytes < 12e6

    asyncio.run(scenario())


@pytest.mark.slow
def test_the_same_bytes_give_the_same_pieces(tmp_path: Path) -> None:
    """Whatever way they come; jobs resume by the places of their pieces."""
    path = tmp_path / "recording"
    data = encode(tone(10, 48_000), Kind(format="OGG", codec="OPUS", rate=48_000))
    path.write_bytes(data)
    uploads: list[Callable[[], bytes | Path]] = [lambda: data, lambda: path, lambda: data]

    async def scenario() -> None:
        async with idle_reader(workers=2) as reader:
            cut = CutRule(max_segment_s=3.0)
            found = [await read(reader, upload(), cut=cut, speech=ALL_IS_SPEECH) for upload in uploads]
            for pieces in found[1:]:
                for piece, same in zip(pieces, found[0], strict=True):
                    assert (piece.start, piece.end, piece.speech_prob) == (same.start, same.end, same.speech_prob)
                    assert np.array_equal(piece.samples, same.samples)

    asyncio.run(scenario())
