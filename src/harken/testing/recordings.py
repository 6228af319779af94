"""Recordings of every kind, made on the spot: tones in each container and codec that decoding must read.

Nothing is checked in as a binary and no program has to be installed: libsndfile and FFmpeg's libraries, which decoding
needs anyway, encode as well. The invariant: the same call gives the same sound.
"""

from __future__ import annotations

import io
import struct
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harken.audio.structure.ogg import page_crc


@dataclass(frozen=True, kw_only=True, slots=True)
class Kind:
    """A container with a codec, and what may be expected of it.

    Attributes:
        format: libsndfile's or FFmpeg's name of the container.
        codec: libsndfile's subtype or FFmpeg's encoder.
        rate: samples per second that it is encoded at.
        channels: how many.
        is_exact: decoding gives back the samples to within one step of 8 bits, and exactly as many.
        by: "soundfile" or "av".
    """

    format: str
    codec: str
    rate: int = 16_000
    channels: int = 1
    is_exact: bool = False
    by: str = "soundfile"

    @property
    def name(self) -> str:
        """For test ids and reports."""
        return f"{self.format}-{self.codec}-{self.rate}-{self.channels}ch".lower()


def _pcm() -> list[Kind]:
    codings = {
        "WAV": ("PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE", "ULAW", "ALAW"),
        "WAVEX": ("PCM_16", "PCM_24", "FLOAT"),
        "RF64": ("PCM_16",),
        "W64": ("PCM_16", "PCM_24"),
        "AIFF": ("PCM_S8", "PCM_16", "PCM_24", "FLOAT", "ULAW"),
        "AU": ("PCM_16", "FLOAT", "ULAW"),
        "CAF": ("PCM_16", "PCM_24", "ALAC_16"),
        "FLAC": ("PCM_S8", "PCM_16", "PCM_24"),
    }
    return [Kind(format=form, codec=code, is_exact=True) for form, codes in codings.items() for code in codes]


def _lossy() -> list[Kind]:
    return [
        Kind(format="WAV", codec="IMA_ADPCM"),
        Kind(format="WAV", codec="MS_ADPCM"),
        Kind(format="WAV", codec="GSM610", rate=8_000),
        Kind(format="OGG", codec="VORBIS", rate=44_100, channels=2),
        Kind(format="OGG", codec="OPUS", rate=48_000),
        Kind(format="OGG", codec="OPUS", rate=48_000, channels=2),
        Kind(format="MP3", codec="MPEG_LAYER_III"),
        Kind(format="MP3", codec="MPEG_LAYER_III", rate=44_100, channels=2),
    ]


def _by_ffmpeg() -> list[Kind]:
    rows = [
        ("ipod", "aac", 44_100, 2),
        ("ipod", "alac", 16_000, 1),
        ("mp4", "aac", 48_000, 1),
        ("mov", "pcm_s16le", 48_000, 2),
        ("mp4", "libmp3lame", 44_100, 1),
        ("adts", "aac", 44_100, 1),
        ("webm", "libopus", 48_000, 1),
        ("matroska", "aac", 44_100, 1),
        ("matroska", "flac", 16_000, 1),
        ("matroska", "pcm_s16le", 16_000, 1),
        ("asf", "wmav2", 44_100, 2),
        ("asf", "wmav1", 44_100, 1),
        ("amr", "libopencore_amrnb", 8_000, 1),
        ("3gp", "libopencore_amrnb", 8_000, 1),
        ("3gp", "aac", 16_000, 1),
        ("avi", "libmp3lame", 44_100, 2),
        ("flv", "aac", 44_100, 1),
        ("mpegts", "aac", 48_000, 1),
        ("mpeg", "mp2", 48_000, 2),
        ("mp2", "mp2", 48_000, 1),
        ("ac3", "ac3", 48_000, 2),
        ("wv", "wavpack", 44_100, 1),
        ("tta", "tta", 44_100, 1),
        ("ogg", "flac", 16_000, 1),
    ]
    return [Kind(format=form, codec=code, rate=rate, channels=count, by="av") for form, code, rate, count in rows]


KINDS: tuple[Kind, ...] = (*_pcm(), *_lossy(), *_by_ffmpeg())
"""Everything that decoding is tested with. FFmpeg's encoders differ between builds: see `can_encode`."""


def tone(seconds: float, rate: int = 16_000, *, hertz: float = 440.0, channels: int = 1) -> NDArray[np.float32]:
    """Return a sine of amplitude 0.3 in every channel, float32 [samples, channels]."""
    time = np.arange(round(seconds * rate)) / rate
    wave = (0.3 * np.sin(2 * np.pi * hertz * time)).astype(np.float32)
    return np.repeat(wave[:, None], channels, axis=1)


def encode(samples: NDArray[np.float32], kind: Kind) -> bytes:
    """Encode float32 [samples, channels] as `kind`."""
    if kind.by == "soundfile":
        import soundfile

        file = io.BytesIO()
        soundfile.write(file, samples, kind.rate, format=kind.format, subtype=kind.codec)
        return file.getvalue()
    return _encode_with_ffmpeg(samples, kind)


def can_encode(kind: Kind) -> bool:
    """Whether this machine's libraries have the encoder."""
    if kind.by == "soundfile":
        import soundfile

        return bool(soundfile.check_format(kind.format, kind.codec))
    import av

    try:
        av.Codec(kind.codec, "w")
    except ValueError:
        return False
    return True


def video(
    samples: NDArray[np.float32] | None,
    rate: int,
    *,
    form: str = "mp4",
    audio_codec: str = "aac",
    sound_begins_s: float = 0.0,
) -> bytes:
    """Return one second of small MPEG-4 or VP8 pictures with the samples as sound; without sound where None."""
    import av

    file = io.BytesIO()
    with av.open(file, "w", format=form) as container:
        pictures = container.add_stream("libvpx" if form == "webm" else "mpeg4", rate=10)
        pictures.width, pictures.height, pictures.pix_fmt = 64, 48, "yuv420p"
        if samples is not None:
            sound = _sound_stream(container, audio_codec, rate, samples.shape[1])
        for index in range(10):
            picture = av.VideoFrame.from_ndarray(np.full((48, 64, 3), index * 20, np.uint8), format="rgb24")
            container.mux(pictures.encode(picture))
        container.mux(pictures.encode(None))
        if samples is not None:
            _mux_sound(container, sound, samples, rate, begins=round(sound_begins_s * rate))
    return file.getvalue()


def _encode_with_ffmpeg(samples: NDArray[np.float32], kind: Kind) -> bytes:
    import av

    file = io.BytesIO()
    with av.open(file, "w", format=kind.format) as container:
        stream = _sound_stream(container, kind.codec, kind.rate, samples.shape[1])
        _mux_sound(container, stream, samples, kind.rate)
    return file.getvalue()


def _sound_stream(container: Any, codec: str, rate: int, channels: int) -> Any:
    # FFmpeg has a default bit rate for every encoder but the WMA ones.
    options = {"bit_rate": 64_000} if codec.startswith("wma") else {}
    stream = container.add_stream(codec, rate=rate, **options)
    stream.layout = "stereo" if channels == 2 else "mono"
    return stream


def _mux_sound(container: Any, stream: Any, samples: NDArray[np.float32], rate: int, begins: int = 0) -> None:
    import av

    layout = "stereo" if samples.shape[1] == 2 else "mono"
    for start in range(0, len(samples), 1000):
        block = np.ascontiguousarray(samples[start : start + 1000].reshape(1, -1))
        frame = av.AudioFrame.from_ndarray(block, format="flt", layout=layout)
        frame.sample_rate, frame.pts, frame.time_base = rate, begins + start, Fraction(1, rate)
        container.mux(stream.encode(frame))
    container.mux(stream.encode(None))


def silent_opus(seconds: float, *, honest: bool = True) -> bytes:
    """Return a tiny Ogg Opus file of digital silence that plays for `seconds`.

    A packet of one byte plays for 120 ms, and costs one more byte in its page's table: ten hours fit into 632 kB.

    Args:
        seconds: how long it plays.
        honest: whether the page clock (granule) says so; otherwise it claims one second.
    """
    # TOC: configuration 3 (SILK, narrow band, 60 ms), mono, code 1: two equal frames, here of no bytes each.
    packet = bytes([3 << 3 | 1])
    packets = round(seconds / 0.12)
    head = b"OpusHead\x01\x01" + struct.pack("<HIhB", 312, 48_000, 0, 0)
    tags = b"OpusTags" + struct.pack("<I", 6) + b"harken" + struct.pack("<I", 0)
    pages = [_ogg_page(head, [len(head)], 0, 0, flags=2), _ogg_page(tags, [len(tags)], 1, 0)]
    done = 0
    while done < packets:
        count = min(255, packets - done)
        done += count
        granule = round(done * 0.12 * 48_000) if honest else min(48_000, done * 5_760)
        flags = 4 if done == packets else 0
        pages.append(_ogg_page(packet * count, [1] * count, len(pages), granule, flags=flags))
    return b"".join(pages)


def _ogg_page(body: bytes, lacing: list[int], sequence: int, granule: int, *, flags: int = 0) -> bytes:
    """Return one page of stream number 7."""
    front = struct.pack("<4sBBqII", b"OggS", 0, flags, granule, 7, sequence)
    rest = bytes([len(lacing), *lacing]) + body
    return front + struct.pack("<I", page_crc(front + bytes(4) + rest)) + rest
