"""Decoding with FFmpeg's libraries through PyAV: M4A and other AAC, WebM, MP4 and other video, AMR, WMA, and the rest.

The demuxer is named by us and not guessed, nothing else is opened (no second file, no address), and only the codecs
listed here run: FFmpeg would otherwise decode video frames just to describe them. One thread per recording. Knows
nothing about limits. The invariant: a packet or a frame that FFmpeg calls corrupt is an error, never a gap.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NoReturn

import numpy as np
from numpy.typing import NDArray

from harken.audio.container import Container
from harken.audio.recording import Block, Source
from harken.audio.view import Bytes
from harken.audio.window import Window
from harken.errors import TruncatedAudio, UndecodableAudio

if TYPE_CHECKING:
    import av
    import av.container

CODECS: Final = (
    "aac", "aac_latm", "ac3", "adpcm_ima_qt", "adpcm_ima_wav", "adpcm_ms", "adpcm_swf", "adpcm_yamaha", "alac",
    "amrnb", "amrwb", "ape", "dca", "eac3", "flac", "g722", "g723_1", "g726", "g729", "gsm", "gsm_ms", "ilbc",
    "libgsm", "libopencore_amrnb", "libopencore_amrwb", "libopus", "libspeex", "libvorbis", "mlp", "mp1", "mp1float",
    "mp2", "mp2float", "mp3", "mp3float", "nellymoser", "opus", "pcm_alaw", "pcm_dvd", "pcm_bluray", "pcm_f32be",
    "pcm_f32le", "pcm_f64be", "pcm_f64le", "pcm_mulaw", "pcm_s16be", "pcm_s16le", "pcm_s24be", "pcm_s24le",
    "pcm_s32be", "pcm_s32le", "pcm_s8", "pcm_u8", "qcelp", "qdm2", "speex", "truehd", "tta", "vorbis", "wavpack",
    "wmalossless", "wmapro", "wmav1", "wmav2", "wmavoice",
)  # fmt: skip

_BLOCK_SAMPLES = 1 << 15
"""Samples of each channel per block: less than a second."""

_SCALE: Final = {
    "u8": 1 / 128,
    "s16": 1 / (1 << 15),
    "s32": 1 / (1 << 31),
    "s64": 1 / (1 << 63),
    "flt": 1.0,
    "dbl": 1.0,
}


_BETTER: Final = {"amrnb": "libopencore_amrnb", "amrwb": "libopencore_amrwb"}
"""FFmpeg's own decoders give up at comfort noise (DTX), which phones and SoX write in every pause."""
_AMR_RATES: Final = {"libopencore_amrnb": 8_000, "libopencore_amrwb": 16_000}

_SLACK_S: Final = 0.25
"""Headers round, encoders pad, and some decoders hold back their last frame."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Frame:
    """What a decoder gives at a time: float32 [samples, channels], their rate, and when they are heard, if it says."""

    samples: NDArray[np.float32]
    rate: int
    at_s: float | None


def blocks_by_ffmpeg(
    container: Container, data: Bytes, check_time: Callable[[], None], promised_s: float | None = None
) -> Iterator[Block]:
    """Decode the best audio stream of a file, block by block.

    Args:
        container: whose demuxer to use.
        data: the file.
        check_time: called with every packet (it may hold no frame, and a file a million of those).
        promised_s: seconds that the header promises; compared where nothing but this stream can be meant.

    Raises:
        UndecodableAudio: there is no audio stream, its codec is not read here, or it is damaged.
        TruncatedAudio: it ends inside a packet, or is shorter than promised.
    """
    import av

    try:
        with av.open(
            Window(data),
            mode="r",
            format=container.value,
            options={"codec_whitelist": ",".join(CODECS)},
            metadata_errors="ignore",
            buffer_size=1 << 16,
            io_open=_refuse_to_open,
        ) as file:
            found_s = yield from _decode(container, file, check_time)
            if promised_s is not None and len(file.streams) == 1:
                _compare(promised_s, found_s)
    except (av.FFmpegError, ValueError, NotImplementedError) as error:
        raise UndecodableAudio(f"The file cannot be decoded: {_reason(error)}") from error


def _compare(promised_s: float, found_s: float) -> None:
    """Demuxers step over damaged packets; what they left out shows in the length."""
    if found_s < promised_s * 0.99 - _SLACK_S:
        raise TruncatedAudio(f"The file promises {promised_s:.2f} s of audio and has {found_s:.2f} s.")


def _refuse_to_open(url: str, flags: int, options: dict[str, str]) -> NoReturn:
    """Never open what an upload refers to."""
    raise PermissionError("an upload may not refer to other files")


def _decode(
    container: Container, file: av.container.InputContainer, check_time: Callable[[], None]
) -> Generator[Block, None, float]:
    """Yield the blocks; returns how many seconds they were."""
    import av

    stream = file.streams.best("audio")
    if not isinstance(stream, av.AudioStream):
        raise UndecodableAudio("The file has no audio stream.")
    codec = stream.codec_context
    # A codec that this FFmpeg cannot decode at all has no context.
    if codec is None or codec.name not in CODECS:
        raise UndecodableAudio("The file's audio has a codec that is not supported.")
    codec.thread_count = 1
    found_s = 0.0
    frames = _frames(file, stream, check_time)
    if container is Container.MATROSKA:
        frames = _without_gaps(frames)
    frames = _from_the_beginning(frames, file)
    for samples, rate in _joined((frame.samples, frame.rate) for frame in frames):
        found_s += len(samples) / rate
        source = Source(container=container.value, codec=codec.name, sample_rate=rate, channels=samples.shape[1])
        yield Block(samples=samples, source=source)
    if not found_s and (stream.frames or stream.duration):
        raise UndecodableAudio("None of the file's audio can be decoded.")
    return found_s


def _frames(
    file: av.container.InputContainer, stream: av.AudioStream, check_time: Callable[[], None]
) -> Iterator[_Frame]:
    """Yield the frames of a stream."""
    decoder = _decoder(stream)
    for packet in file.demux(stream):
        check_time()
        if packet.is_corrupt:
            raise TruncatedAudio("A packet of the file is cut off or damaged.")
        for frame in decoder.decode(packet):
            if frame.is_corrupt:
                raise UndecodableAudio("A part of the file is damaged.")
            yield _Frame(samples=_as_float(frame), rate=frame.sample_rate, at_s=frame.time)


def _from_the_beginning(frames: Iterator[_Frame], file: av.container.InputContainer) -> Iterator[_Frame]:
    """Put silence before sound that begins later than the film, as in screen recordings: subtitles show on the film."""
    begins_s = (file.start_time or 0) / 1_000_000
    is_film = len(file.streams) > 1
    for frame in frames:
        late_s = frame.at_s - begins_s if is_film and frame.at_s is not None else 0.0
        # A sound that begins behind the file's own end has lost its clock.
        if late_s > _SLACK_S and not (file.duration and late_s > file.duration / 1_000_000):
            yield from _silence(round(late_s * frame.rate), frame)
        yield frame
        break
    yield from frames


def _silence(samples: int, like: _Frame) -> Iterator[_Frame]:
    """Frames of so many samples of silence."""
    for start in range(0, samples, _BLOCK_SAMPLES):
        silence = np.zeros((min(_BLOCK_SAMPLES, samples - start), like.samples.shape[1]), np.float32)
        yield _Frame(samples=silence, rate=like.rate, at_s=None)


def _without_gaps(frames: Iterator[_Frame]) -> Iterator[_Frame]:
    """Fill with silence what a live recorder left out: it writes nothing while a line is dead or somebody is mute.

    Its container says when each frame is heard. Without the silence all times behind it would be too early.
    """
    expected_s: float | None = None
    for frame in frames:
        at_s = expected_s if frame.at_s is None else frame.at_s
        missing = round((at_s - expected_s) * frame.rate) if at_s is not None and expected_s is not None else 0
        if missing > _SLACK_S * frame.rate:
            yield from _silence(missing, frame)
            expected_s = at_s
        yield frame
        expected_s = (at_s or 0.0 if expected_s is None else expected_s) + len(frame.samples) / frame.rate


def _joined(frames: Iterator[tuple[NDArray[np.float32], int]]) -> Iterator[tuple[NDArray[np.float32], int]]:
    """Put frames of one kind together into blocks.

    A frame is 20 ms. Mixing and resampling that little at a time costs more in Python than in arithmetic, and holds
    Python's lock, which another decoding thread waits for.
    """
    held: list[NDArray[np.float32]] = []
    samples, kind = 0, (0, 0)
    for frame, rate in frames:
        if held and (samples >= _BLOCK_SAMPLES or (rate, frame.shape[1]) != kind):
            yield np.concatenate(held), kind[0]
            held, samples = [], 0
        kind = (rate, frame.shape[1])
        held.append(frame)
        samples += len(frame)
    if held:
        yield np.concatenate(held), kind[0]


def _decoder(stream: av.AudioStream) -> av.AudioCodecContext:
    """Return the stream's own decoder, or a better one where FFmpeg has two."""
    import av

    own = stream.codec_context
    name = _BETTER.get(own.name)
    if name is None or name not in av.codecs_available:
        return own
    better = av.AudioCodecContext.create(name, "r")
    assert isinstance(better, av.AudioCodecContext), f"{name} decodes audio"
    better.sample_rate, better.layout = own.sample_rate or _AMR_RATES[name], "mono"
    better.thread_count = 1
    return better


def _as_float(frame: av.AudioFrame) -> NDArray[np.float32]:
    """Convert a frame of any sample format to float32 [samples, channels] in [-1, 1]."""
    layout = frame.format.name
    values = frame.to_ndarray()
    kind = layout.removesuffix("p")
    block = values.T if layout.endswith("p") else values.reshape(-1, len(frame.layout.channels))
    if kind == "u8":
        block = block.astype(np.float32) - 128.0
    return np.asarray(block * _SCALE[kind], dtype=np.float32)


def _reason(error: Exception) -> str:
    """Say it in our words: FFmpeg's own are numbers, or talk to its developers. They stay in the error's cause."""
    import av

    if isinstance(error, av.PatchWelcomeError | NotImplementedError):
        return "it uses a variant of its coding that is not supported."
    if isinstance(error, av.InvalidDataError):
        return "its content is damaged."
    return "the decoder refuses it."
