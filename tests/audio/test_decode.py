"""Decoding: every container and codec, every rate, the limits, and the errors that a client sees."""

from __future__ import annotations

import io
import sys
import tracemalloc
from concurrent.futures import CancelledError
from pathlib import Path

import numpy as np
import pytest
import soundfile

from harken.audio import DecodeLimits, decode
from harken.errors import (
    AudioTooLong,
    EmptyAudio,
    TimedOut,
    TruncatedAudio,
    UndecodableAudio,
    UploadTooLarge,
)
from harken.testing import FakeClock
from harken.testing.recordings import KINDS, Kind, can_encode, encode, silent_opus, tone, video

WAV = Kind(format="WAV", codec="PCM_16")
FLOAT = Kind(format="WAV", codec="FLOAT")


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_every_kind_gives_back_its_tone_at_its_length(kind: Kind) -> None:
    """A tone of 1.5 s keeps its frequency, its loudness and, within the codec's delay, its length."""
    if not can_encode(kind):
        pytest.skip(f"this build of FFmpeg has no encoder {kind.codec}")
    audio = decode(encode(tone(1.5, kind.rate, channels=kind.channels), kind))
    spectrum = np.abs(np.fft.rfft(audio.samples))
    assert audio.samples.dtype == np.float32
    assert spectrum.argmax() / audio.audio_s == pytest.approx(440, abs=2)
    assert np.sqrt(np.mean(audio.samples**2)) == pytest.approx(0.3 / np.sqrt(2), rel=0.2)
    assert abs(len(audio.samples) - 24_000) <= (0 if kind.is_exact else 800)
    assert audio.source.channels == kind.channels


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind.is_exact], ids=lambda kind: kind.name)
def test_lossless_kinds_are_exact_to_their_last_bit(kind: Kind) -> None:
    """At 16 kHz nothing is resampled, so only the coding's own rounding is left."""
    samples = tone(0.5)
    decoded = decode(encode(samples, kind)).samples
    coarse = any(name in kind.codec for name in ("8", "LAW"))
    assert np.abs(decoded - samples[:, 0]).max() <= (2**-6 if coarse else 2**-15)


def test_16_bit_samples_come_out_bit_for_bit() -> None:
    """Every 16-bit value is value / 32768, the lowest included."""
    values = np.arange(-(1 << 15), 1 << 15, 7, dtype=np.int16)
    file = io.BytesIO()
    soundfile.write(file, values, 16_000, format="WAV", subtype="PCM_16")
    assert np.array_equal(decode(file.getvalue()).samples, (values / 32768).astype(np.float32))


@pytest.mark.parametrize("rate", [8_000, 11_025, 22_050, 32_000, 44_100, 48_000, 96_000, 192_000])
@pytest.mark.parametrize("channels", [1, 2, 6])
def test_any_rate_becomes_16_khz_with_the_length_kept(rate: int, channels: int) -> None:
    """From n samples come n · 16,000 / rate, halves rounded up, whatever the blocks; the tone stays."""
    samples = tone(1.01, rate, channels=channels)[:-3]
    audio = decode(encode(samples, Kind(format="WAV", codec="PCM_24", rate=rate)))
    assert len(audio.samples) == int(len(samples) * 16_000 / rate + 0.5)
    expected = tone(1.01)[: len(audio.samples), 0]
    assert np.abs(audio.samples - expected[: len(audio.samples)])[800:-800].max() < 1e-3


def test_channels_are_averaged() -> None:
    """Left alone is half as loud, and opposite channels cancel."""
    left = np.concatenate([tone(0.1), np.zeros((1600, 1), np.float32)], axis=1)
    assert np.allclose(decode(encode(left, FLOAT)).samples, left[:, 0] / 2)
    opposite = np.concatenate([tone(0.1), -tone(0.1)], axis=1)
    assert not decode(encode(opposite, FLOAT)).samples.any()


def test_a_peak_above_one_divides_the_whole_recording() -> None:
    """Float files may hold integers' values; the shape stays and nothing is clipped."""
    samples = tone(0.1) * 100_000
    decoded = decode(encode(samples, FLOAT)).samples
    assert np.abs(decoded).max() == pytest.approx(1.0)
    assert np.allclose(decoded, samples[:, 0] / np.abs(samples).max(), atol=1e-6)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 1e30])
@pytest.mark.parametrize("rate", [16_000, 44_100])
def test_a_sample_that_is_no_number_is_an_error(bad: float, rate: int) -> None:
    """It would poison the features of its whole segment; replacing it would hide a damaged file."""
    samples = tone(0.2, rate)
    samples[1000] = bad
    with pytest.raises(UndecodableAudio, match="finite"):
        decode(encode(samples, Kind(format="WAV", codec="FLOAT", rate=rate)))


@pytest.mark.parametrize("form", ["mp4", "matroska", "avi", "mpegts"])
def test_the_sound_of_a_video_is_decoded(form: str) -> None:
    """Pictures are stepped over."""
    audio = decode(video(tone(1.0, 48_000), 48_000, form=form))
    assert audio.audio_s == pytest.approx(1.0, abs=0.05)
    assert np.sqrt(np.mean(audio.samples**2)) == pytest.approx(0.21, rel=0.1)


@pytest.mark.parametrize("form", ["mp4", "matroska", "webm", "mpegts"])
def test_sound_that_begins_later_than_its_film_keeps_its_times(form: str) -> None:
    """Screen recordings and edited films: silence stands for what is missing, or subtitles would show too early."""
    codec = "libopus" if form == "webm" else "aac"
    audio = decode(video(tone(1.0, 48_000), 48_000, form=form, audio_codec=codec, sound_begins_s=2.0))
    assert audio.audio_s == pytest.approx(3.0, abs=0.06)
    assert not audio.samples[: round(1.9 * 16_000)].any()
    assert np.sqrt(np.mean(audio.samples[round(2.1 * 16_000) : round(2.9 * 16_000)] ** 2)) == pytest.approx(
        0.21, rel=0.1
    )


def test_vorbis_in_webm_is_decoded() -> None:
    """FFmpeg's own Vorbis encoder is experimental, so libsndfile's is moved into the other container."""
    import av

    ogg = io.BytesIO(encode(tone(1.0, 44_100), Kind(format="OGG", codec="VORBIS", rate=44_100)))
    webm = io.BytesIO()
    with av.open(ogg, "r") as source, av.open(webm, "w", format="webm") as target:
        stream = target.add_stream_from_template(source.streams.audio[0])
        for packet in source.demux(source.streams.audio[0]):
            if packet.dts is not None:
                packet.stream = stream
                target.mux(packet)
    audio = decode(webm.getvalue())
    assert audio.source.codec == "vorbis"
    assert audio.audio_s == pytest.approx(1.0, abs=0.05)


def test_what_a_live_recorder_left_out_is_silence() -> None:
    """Nothing is written while a line is dead; the times behind it stay true."""
    import av

    whole = io.BytesIO(encode(tone(4.0, 48_000), Kind(format="webm", codec="libopus", rate=48_000, by="av")))
    gappy = io.BytesIO()
    with av.open(whole, "r") as source, av.open(gappy, "w", format="webm") as target:
        stream = target.add_stream_from_template(source.streams.audio[0])
        for packet in source.demux(source.streams.audio[0]):
            if packet.dts is not None and not 1.0 <= packet.dts * packet.time_base < 2.5:
                packet.stream = stream
                target.mux(packet)
    audio = decode(gappy.getvalue())
    assert audio.audio_s == pytest.approx(4.0, abs=0.05)
    assert not audio.samples[17_000:39_000].any()
    for part in (audio.samples[2_000:15_000], audio.samples[41_000:62_000]):
        assert np.sqrt(np.mean(part**2)) == pytest.approx(0.21, rel=0.1)


def test_wide_band_amr_is_decoded() -> None:
    """No encoder is at hand, so fifty frames of "no data": a second of silence."""
    audio = decode(b"#!AMR-WB\n" + b"\x7c" * 50)
    assert (audio.source.codec, audio.audio_s) == ("amrwb", 1.0)


@pytest.mark.parametrize(
    ("start", "speech", "noise"),
    [(b"#!AMR\n", b"\x3c" + bytes(31), b"\x44" + bytes(5)), (b"#!AMR-WB\n", b"\x44" + bytes(60), b"\x4c" + bytes(5))],
    ids=["narrow", "wide"],
)
def test_amr_with_comfort_noise_is_decoded(start: bytes, speech: bytes, noise: bytes) -> None:
    """Phones send it in every pause: one frame that describes the noise, then frames of nothing."""
    data = start + (speech * 10 + noise + b"\x7c" * 7 + noise + b"\x7c" * 6) * 2
    assert decode(data).audio_s == 1.0


def test_a_decoders_own_words_do_not_reach_the_client() -> None:
    """FFmpeg's errors are numbers, or ask for patches."""
    data = bytearray(encode(tone(1.0, 44_100), Kind(format="ipod", codec="aac", rate=44_100, by="av")))
    at = data.index(b"mdat") + 4
    data[at : at + 2000] = b"\xa5" * 2000
    with pytest.raises(UndecodableAudio) as caught:
        decode(data)
    assert str(caught.value).startswith("The file cannot be decoded: ")
    assert not any(word in str(caught.value) for word in ("FFmpeg", "Error number", "patches", "Errno"))


def test_a_video_without_sound_says_so() -> None:
    """The message names what is missing."""
    with pytest.raises(UndecodableAudio, match="no audio stream"):
        decode(video(None, 48_000))


def test_a_chain_of_ogg_streams_is_decoded_to_its_end() -> None:
    """Internet radio changes stream at every title; a reader of only the first would lose the rest."""
    first = encode(tone(0.5, 48_000), Kind(format="OGG", codec="OPUS", rate=48_000))
    second = encode(tone(0.7, 44_100), Kind(format="OGG", codec="VORBIS", rate=44_100))
    assert len(decode(first + second).samples) == pytest.approx(1.2 * 16_000, abs=2)


@pytest.mark.parametrize("data", [b"", io.BytesIO(b"")], ids=["bytes", "file"])
def test_no_bytes_are_empty_audio(data: bytes | io.BytesIO) -> None:
    """Nothing was uploaded."""
    with pytest.raises(EmptyAudio):
        decode(data)


@pytest.mark.parametrize("codec", ["PCM_16", "FLOAT"])
def test_no_samples_are_empty_audio(codec: str) -> None:
    """A header alone is no recording."""
    with pytest.raises(EmptyAudio):
        decode(encode(np.zeros((0, 1), np.float32), Kind(format="WAV", codec=codec)))


@pytest.mark.parametrize(
    "data",
    [
        b"Dear server, this is a text and not a recording.\n" * 100,
        bytes(100_000),
        b"\x89PNG\r\n\x1a\n" + bytes(1000),
        b"%PDF-1.7" + bytes(range(256)) * 10,
        b"PK\x03\x04" + bytes(range(256)) * 10,
        b"\xff\xd8\xff\xe0" + bytes(range(256)) * 10,
        b"\xff" * 100_000,
        b"#EXTM3U\n#EXT-X-TARGETDURATION:5\n#EXTINF:5,\nfile:///etc/hostname\n#EXT-X-ENDLIST\n",
        b"ffconcat version 1.0\nfile /etc/hostname\n",
        b"x",
    ],
    ids=["text", "zeros", "png", "pdf", "zip", "jpeg", "ones", "playlist", "concat", "byte"],
)
def test_what_is_no_audio_is_undecodable(data: bytes) -> None:
    """Whatever its name was; playlists are no audio either, so nothing they point to is opened."""
    with pytest.raises(UndecodableAudio):
        decode(data)


def test_a_path_and_an_open_file_decode_like_bytes(tmp_path: Path) -> None:
    """The same samples, and a misleading name does not matter."""
    data = encode(tone(0.3), Kind(format="FLAC", codec="PCM_16"))
    path = tmp_path / "speech.mp3"
    path.write_bytes(data)
    expected = decode(data).samples
    assert np.array_equal(decode(path).samples, expected)
    assert np.array_equal(decode(memoryview(data)).samples, expected)
    with path.open("rb") as file:
        assert np.array_equal(decode(file).samples, expected)


def test_more_bytes_than_allowed_are_refused_before_anything_is_read(tmp_path: Path) -> None:
    """Bytes, paths and open files alike."""
    data, limits = encode(tone(0.3), WAV), DecodeLimits(max_bytes=1000)
    path = tmp_path / "long.wav"
    path.write_bytes(data)
    for upload in (data, path, io.BytesIO(data)):
        with pytest.raises(UploadTooLarge):
            decode(upload, limits)


def test_ten_hours_of_silence_in_a_small_file_are_refused_at_once() -> None:
    """The header admits the length, so not a block is decoded: `is_abandoned` would be asked."""
    data = silent_opus(36_000)
    assert len(data) < 700_000
    with pytest.raises(AudioTooLong, match="3600"):
        decode(data, is_abandoned=lambda: pytest.fail("a block was decoded"))


@pytest.mark.slow
def test_ten_hours_behind_a_lying_header_are_stopped_at_the_limit() -> None:
    """The limit holds while decoding: memory and time are those of the limit, not of the file."""
    data = silent_opus(36_000, honest=False)
    tracemalloc.start()
    with pytest.raises(AudioTooLong):
        decode(data, DecodeLimits(max_audio_s=300))
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak_bytes < 300 * 16_000 * 4 * 1.5


@pytest.mark.parametrize("name", ["wav", "mp3", "m4a", "webm"])
def test_a_recording_may_be_exactly_as_long_as_the_limit(name: str) -> None:
    """And not longer: one second passes a limit of 1.1 s and fails one of 0.9 s, whatever reads it."""
    kinds = {
        "wav": WAV,
        "mp3": Kind(format="MP3", codec="MPEG_LAYER_III"),
        "m4a": Kind(format="ipod", codec="aac", by="av"),
        "webm": Kind(format="webm", codec="libopus", rate=48_000, by="av"),
    }
    data = encode(tone(1.0, kinds[name].rate), kinds[name])
    assert decode(data, DecodeLimits(max_audio_s=1.15)).audio_s == pytest.approx(1.0, abs=0.05)
    with pytest.raises(AudioTooLong):
        decode(data, DecodeLimits(max_audio_s=0.9))


@pytest.mark.parametrize("kind", [WAV, Kind(format="ipod", codec="aac", by="av")], ids=["wav", "m4a"])
def test_decoding_ends_when_its_time_is_over(kind: Kind) -> None:
    """The clock is looked at with every block."""
    clock = FakeClock()

    def pass_time() -> bool:
        clock.advance(1.0)
        return False

    with pytest.raises(TimedOut):
        decode(encode(tone(20), kind), DecodeLimits(timeout_s=0.5), clock=clock, is_abandoned=pass_time)


def test_decoding_ends_when_nobody_waits_any_more() -> None:
    """A cancelled request gives its worker back."""
    with pytest.raises(CancelledError):
        decode(encode(tone(1), WAV), is_abandoned=lambda: True)


@pytest.mark.parametrize("rate", [1, 2_000_000_000])
def test_an_absurd_sample_rate_is_an_error(rate: int) -> None:
    """One second of header must not become hours of resampling."""
    data = bytearray(encode(tone(0.1), WAV))
    data[24:28] = rate.to_bytes(4, "little")
    data[28:32] = (0).to_bytes(4, "little")
    with pytest.raises(UndecodableAudio):
        decode(data)


def test_a_cut_mp3_is_called_truncated() -> None:
    """The commonest broken upload."""
    data = encode(tone(2.0, 44_100), Kind(format="MP3", codec="MPEG_LAYER_III", rate=44_100))
    with pytest.raises(TruncatedAudio):
        decode(data[: len(data) // 2])


def test_importing_the_package_loads_no_decoder() -> None:
    """A gateway starts before it needs them."""
    import subprocess

    heavy = ("av", "onnxruntime", "soundfile", "soxr", "torch")
    code = f"import sys, harken.audio; print([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
