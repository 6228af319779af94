"""Where live sound comes from."""

from __future__ import annotations

import asyncio
import os
import sys
import threading
import time
from collections.abc import AsyncIterator
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from harken.cli.live_sources import microphone, paced, piped, read_file
from harken.clock import SystemClock
from harken.errors import ConfigError, SetupError
from harken.samples import packaged_samples


async def _all(packets: AsyncIterator[bytes]) -> list[bytes]:
    return [packet async for packet in packets]


def _through_a_pipe(*writes: bytes, rate: int = 16_000) -> list[bytes]:
    reader, writer = os.pipe()

    def write() -> None:
        for data in writes:
            os.write(writer, data)
        os.close(writer)

    thread = threading.Thread(target=write)
    thread.start()
    try:
        return asyncio.run(_all(piped(reader, rate)))
    finally:
        thread.join()
        # A thread that reads still, because `piped` leaves it alone, would read the next pipe, which gets this number.
        for reading in (one for one in threading.enumerate() if one.name == "standard-input"):
            reading.join(10.0)
        os.close(reader)


def test_a_recording_of_any_container_is_read() -> None:
    """Mono, 16 kHz, 16 bits."""
    samples = read_file(next(one.path for one in packaged_samples() if one.path.suffix == ".m4a"))
    assert samples.dtype == np.int16 and len(samples) > 16_000 and np.abs(samples).max() > 1000


def test_a_recording_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    """By its name and why."""
    with pytest.raises(ConfigError, match=r"none\.wav cannot be read: No such file"):
        read_file(tmp_path / "none.wav")


@pytest.mark.slow
def test_a_recording_goes_out_at_the_pace_of_speech_and_not_before_it_was_said() -> None:
    """Half a second at double speed takes a quarter of one; without a pace it takes no time."""
    samples = np.arange(8000, dtype=np.int16)
    for speed, least_s, most_s in ((2.0, 0.25, 0.6), (0.0, 0.0, 0.2)):
        began = time.monotonic()
        packets = asyncio.run(_all(paced(samples, speed=speed, clock=SystemClock())))
        assert least_s <= time.monotonic() - began <= most_s
        assert b"".join(packets) == samples.tobytes() and [len(one) for one in packets] == [3200] * 5


@pytest.mark.parametrize("writes", [[b"ab" * 5000], [b"a", b"b" * 4001, b"c" * 5998], [b"", b"ab" * 7, b"c"], []])
def test_a_pipe_is_read_to_its_end_in_whole_samples(writes: list[bytes]) -> None:
    """However it was written; half a sample at the end is no sound."""
    whole = b"".join(writes)
    packets = _through_a_pipe(*writes)
    assert b"".join(packets) == whole[: len(whole) // 2 * 2]
    assert all(len(one) == 3200 for one in packets[:-1])


def test_a_file_with_a_head_in_a_pipe_is_refused_with_the_way_out() -> None:
    """Its head would be heard as a click, and its rate be wrong."""
    mp3 = next(one.path for one in packaged_samples() if one.path.suffix == ".mp3").read_bytes()
    for writes in ((b"RI", b"FF" + bytes(5000)), (mp3[:100], mp3[100:200], mp3[200:])):
        with pytest.raises(ConfigError, match="arecord -t raw"):
            _through_a_pipe(*writes)


def test_sound_that_might_be_a_file_until_its_end_is_heard() -> None:
    """Nothing of it is lost while that is not told."""
    sound = b"\xff\xfb\x90\x64" + bytes(50)
    assert _through_a_pipe(sound[:6], sound[6:]) == [sound]


def test_without_the_package_the_microphone_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """One sentence, with the pipe that does without."""
    monkeypatch.setitem(sys.modules, "sounddevice", None)
    with pytest.raises(SetupError, match=r"pip install 'harken\[microphone\]'.*arecord"):
        asyncio.run(_all(microphone(16_000, lambda _: None)))


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        ("Error querying device -1", "This machine has no microphone"),
        ("Invalid sample rate [PaErrorCode -9997]", "cannot be opened: Invalid sample rate"),
    ],
)
def test_a_microphone_that_is_not_there_is_told_in_our_words(
    monkeypatch: pytest.MonkeyPatch, reason: str, words: str
) -> None:
    """PortAudio has a number for it; what else it says is passed on."""

    def refuse(**_: object) -> None:
        raise OSError(reason)

    module = ModuleType("sounddevice")
    module.RawInputStream, module.PortAudioError = refuse, OSError  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "sounddevice", module)
    with pytest.raises(SetupError, match=words):
        asyncio.run(_all(microphone(16_000, lambda _: None)))


class _Stream:
    """A microphone that hears three packets at once, and then nothing."""

    def __init__(self, *, callback: object, blocksize: int, **_: object) -> None:
        self._callback = callback
        self._size = 2 * blocksize

    def __enter__(self) -> None:
        def hear() -> None:
            for number in range(3):
                self._callback(memoryview(bytes([number]) * self._size), None, None, None)  # type: ignore[operator]

        self._thread = threading.Thread(target=hear)
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._thread.join()


def test_a_microphone_is_heard_from_its_own_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    """Packets come in their order."""
    module = ModuleType("sounddevice")
    module.RawInputStream, module.PortAudioError = _Stream, OSError  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "sounddevice", module)

    async def three() -> list[bytes]:
        sound = microphone(16_000, lambda _: None)
        packets = [await anext(sound) for _ in range(3)]
        await sound.aclose()  # type: ignore[attr-defined] # it is a generator
        return packets

    assert asyncio.run(three()) == [bytes([number]) * 3200 for number in range(3)]
