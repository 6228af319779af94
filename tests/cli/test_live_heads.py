"""What is a file's head, and what is sound."""

from __future__ import annotations

import io
from pathlib import Path

import av
import numpy as np
import pytest

from harken.cli.live_heads import is_file
from harken.samples import packaged_samples

_HEAD = 12
_MP3_HEADS = (b"\xff\xfb\x90\x64", b"\xff\xf3\x80\xc4", b"\xff\xfd\x84\x04", b"\xff\xe3\x18\xc4")


def _encoded(form: str, codec: str, rate: int, bit_rate: int) -> bytes:
    """A second of sound."""
    file, bare = io.BytesIO(), {"id3v2_version": "0", "write_xing": "0"}
    with av.open(file, "w", format=form, options=bare if form == "mp3" else {}) as container:
        stream = container.add_stream(codec, rate=rate, layout="mono")
        assert isinstance(stream, av.AudioStream)
        stream.bit_rate = bit_rate
        noise = np.random.default_rng(1).integers(-9000, 9000, (1, rate)).astype(np.int16)
        frame = av.AudioFrame.from_ndarray(noise, format="s16", layout="mono")
        frame.sample_rate = rate
        for packet in [*stream.encode(frame), *stream.encode(None)]:
            container.mux(packet)
    return file.getvalue()


@pytest.mark.parametrize("path", [one.path for one in packaged_samples()], ids=lambda path: Path(path).name)
def test_packaged_recordings_of_every_container_are_files(path: Path) -> None:
    """WAV, FLAC, Ogg, MP3, M4A."""
    assert is_file(path.read_bytes()[:4096]) is True


@pytest.mark.parametrize(
    "head",
    [
        b"RF64\xff\xff\xff\xffWAVE",
        b"caff\x00\x01\x00\x00desc",
        b"\x1a\x45\xdf\xa3\x9f\x42\x86\x81\x01\x42\xf7\x81",
        b"FORM\x00\x00\x9d\x5eAIFFCOMM",
        b"FORM\x00\x00\x9d\x5eAIFCFVER",
        b"ID3\x04\x00\x00\x00\x00\x00\x23TSSE",
        b"\x00\x00\x00\x1cftypisom",
    ],
)
def test_heads_are_known(head: bytes) -> None:
    """Containers of which no recording is in the package."""
    assert is_file(head) is True
    assert is_file(bytes(2) + head) is False  # only at the beginning


@pytest.mark.parametrize(
    ("codec", "rate", "bit_rate"),
    [("mp3", 44_100, 128_000), ("mp3", 16_000, 24_000), ("mp3", 8_000, 8_000), ("mp2", 48_000, 192_000),
     ("mp2", 22_050, 64_000)],
)  # fmt: skip
def test_frames_of_mpeg_audio_without_any_tag_are_a_file(codec: str, rate: int, bit_rate: int) -> None:
    """Layers II and III, MPEG-1, 2 and 2.5; told as soon as three headers are there."""
    data = _encoded(codec, codec, rate, bit_rate)
    assert is_file(data[:_HEAD]) is None
    assert is_file(data[:4096]) is True


def test_bytes_are_awaited_until_it_can_be_told() -> None:
    """However they come; four of a mark are enough."""
    assert [is_file(data) for data in (b"", b"RI", b"RIFF", b"Ogg", bytes(11), bytes(12))] == [
        None, None, True, None, None, False,
    ]  # fmt: skip


def test_noise_is_sound() -> None:
    """Of any loudness, and also behind a valid header of MP3, which noise has once in ten thousand times."""
    random = np.random.default_rng(5)
    for most in (2, 300, 32_768):
        for sound in random.integers(-most, most, (1000, 2048)).astype("<i2"):
            assert is_file(sound.tobytes()) is not True
    for sound in random.integers(-32_768, 32_768, (1000, 2048)).astype("<i2"):
        for head in _MP3_HEADS:
            assert is_file(head + sound.tobytes()) is not True


@pytest.mark.parametrize("head", _MP3_HEADS)
def test_sound_that_repeats_itself_is_sound(head: bytes) -> None:
    """A tone that begins like a header has it again wherever its period fits, also where the frame would end."""
    for period in range(2, 300):
        pattern = head + np.random.default_rng(period).bytes(2 * period - 4)
        assert is_file(pattern * (8000 // len(pattern) + 1)) is False


def test_speech_that_begins_at_any_place_is_sound() -> None:
    """A pipe may be joined in the middle of a word."""
    from harken.cli.live_sources import read_file

    for sample in packaged_samples()[:3]:
        sound = read_file(sample.path).astype("<i2").tobytes()
        assert all(is_file(sound[at : at + 4096]) is False for at in range(0, len(sound) - 4096, 2))
