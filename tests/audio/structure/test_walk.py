"""Every kind of file that is cut, damaged in the middle, or legitimately odd."""

from __future__ import annotations

import struct

import numpy as np
import pytest

from harken.audio import decode
from harken.audio.container import sniff
from harken.audio.structure.mpeg import adts_frame, mpeg_frame
from harken.audio.structure.ogg import page_crc
from harken.audio.structure.walk import walk
from harken.errors import ClientError, EmptyAudio, TruncatedAudio, UndecodableAudio
from harken.testing.recordings import KINDS, Kind, can_encode, encode, tone

CHECKED = [kind for kind in KINDS if kind.format not in ("ac3", "tta")]
"""All but those without a walker."""
WAV = Kind(format="WAV", codec="PCM_16")
MP3 = Kind(format="MP3", codec="MPEG_LAYER_III", rate=44_100, channels=2)
OPUS = Kind(format="OGG", codec="OPUS", rate=48_000)
WEBM = Kind(format="webm", codec="libopus", rate=48_000, by="av")
M4A = Kind(format="ipod", codec="aac", rate=44_100, by="av")
FLAC = Kind(format="FLAC", codec="PCM_16")
FLV = Kind(format="flv", codec="aac", rate=44_100, by="av")


def _file(kind: Kind, seconds: float = 1.0) -> bytes:
    return encode(tone(seconds, kind.rate, channels=kind.channels), kind)


@pytest.mark.parametrize("kind", CHECKED, ids=lambda kind: kind.name)
def test_a_cut_file_is_truncated_wherever_it_was_cut(kind: Kind) -> None:
    """At odd places of the first header, of the middle and of the last bytes."""
    if not can_encode(kind):
        pytest.skip(f"this build of FFmpeg has no encoder {kind.codec}")
    data = _file(kind)
    for keep in (len(data) // 3 + 1, len(data) // 2 + 1, len(data) * 9 // 10 + 1, len(data) - 3):
        if kind.format == "amr" and _is_amr_edge(keep):
            continue
        with pytest.raises(TruncatedAudio):
            decode(data[:keep])


def _is_amr_edge(keep: int) -> bool:
    """AMR has neither an index nor a length: a cut between two frames of 13 bytes cannot be seen."""
    return (keep - 6) % 13 == 0


@pytest.mark.parametrize("size", [0, 0xFFFF_FFFF, 0x7FFF_FFFF, 0x7FFF_F000], ids=hex)
def test_a_streamed_wav_has_no_length_and_is_whole(size: int) -> None:
    """What recorders write into a pipe ends where the file ends."""
    data = bytearray(_file(WAV))
    at = data.index(b"data") + 4
    data[at : at + 4] = struct.pack("<I", size)
    assert len(decode(data).samples) == 16_000


def test_a_wav_with_an_empty_data_chunk_and_a_tag_is_empty() -> None:
    """The tag is not taken for sound."""
    data = bytearray(_file(WAV)[:44])
    data[40:44] = bytes(4)
    with pytest.raises(EmptyAudio):
        decode(bytes(data) + b"LIST" + struct.pack("<I", 4) + b"INFO")


def test_a_wav_whose_last_pad_byte_is_missing_is_whole() -> None:
    """Many writers forget it."""
    odd = encode(tone(1.0)[:-1], Kind(format="WAV", codec="PCM_U8")).rstrip(b"\0")
    header = _file(Kind(format="WAV", codec="PCM_U8"))[:44]
    assert len(decode(header[:40] + struct.pack("<I", len(odd) - 44) + odd[44:]).samples) == len(odd) - 44


def test_an_mp3_may_carry_tags_before_between_and_behind() -> None:
    """ID3v2 (also in the middle, where files were joined), APE, ID3v1, and padding."""
    data = _file(MP3)
    id3v2 = b"ID3\x04\x00\x00\x00\x00\x01\x00" + bytes(128)
    ape = b"APETAGEX" + struct.pack("<IIII", 2000, 32, 0, 0) + bytes(8) + bytes(32)
    id3v1 = b"TAG" + bytes(125)
    assert len(decode(id3v2 + id3v2 + data + ape + id3v1).samples) == 16_000
    assert len(decode(data + bytes(5000)).samples) == 16_000


def test_joined_mp3_files_are_decoded_to_the_end_of_the_last() -> None:
    """The first file's header promises only its own frames, and a player that believes it stops there."""
    data = _file(MP3)
    id3v2 = b"ID3\x04\x00\x00\x00\x00\x01\x00" + bytes(128)
    assert len(decode(data + id3v2 + data).samples) == pytest.approx(32_000, abs=2)
    frames = data[mpeg_frame_size(data) :]
    assert len(decode(frames).samples) == pytest.approx(16_000, abs=1000)
    assert len(decode(data + id3v2 + frames).samples) == pytest.approx(32_000, abs=1000)


def mpeg_frame_size(data: bytes) -> int:
    """Bytes of the first frame."""
    frame = mpeg_frame(int.from_bytes(data[:4], "big"))
    assert frame is not None
    return frame.size


def test_an_mp3_with_fewer_frames_than_promised_is_truncated() -> None:
    """Cut exactly between two frames, only the Xing header tells."""
    data = _file(MP3)
    at, ends = 0, []
    while at < len(data):
        frame = mpeg_frame(int.from_bytes(data[at : at + 4], "big"))
        assert frame is not None
        at += frame.size
        ends.append(at)
    with pytest.raises(TruncatedAudio, match="promises"):
        decode(data[: ends[len(ends) // 2]])


def test_an_mp3_recorded_from_the_middle_of_a_stream_is_whole() -> None:
    """Its first bytes are the rest of a frame, and the frames behind lean on what was before."""
    data = _file(MP3, 4.0)
    assert decode(data[7001:]).audio_s == pytest.approx(4.0 * (1 - 7001 / len(data)), abs=0.25)


@pytest.mark.parametrize("kind", [MP3, FLAC, OPUS, M4A, WEBM, Kind(format="adts", codec="aac", by="av")], ids=str)
def test_bytes_missing_in_the_middle_are_an_error(kind: Kind) -> None:
    """A decoder would resynchronise behind the gap and say nothing."""
    data = _file(kind, 4.0)
    middle = len(data) // 2
    with pytest.raises((UndecodableAudio, TruncatedAudio)):
        decode(data[:middle] + data[middle + 301 :])


@pytest.mark.parametrize("kind", [FLAC, OPUS], ids=str)
def test_one_flipped_bit_is_noticed_where_there_are_checksums(kind: Kind) -> None:
    """A decoder that resynchronises would skip the whole page."""
    data = bytearray(_file(kind, 4.0))
    data[len(data) // 2] ^= 1
    with pytest.raises((UndecodableAudio, TruncatedAudio)):
        decode(data)


def test_an_ogg_file_without_its_last_page_is_whole() -> None:
    """Recorders that are stopped do not write the end-of-stream page."""
    data = _file(OPUS, 4.0)
    last = data.rindex(b"OggS")
    assert 1.0 < decode(data[:last]).audio_s < 4.0


def test_a_missing_ogg_page_is_an_error() -> None:
    """The sequence numbers have a hole."""
    data = _file(OPUS, 6.0)
    pages = data.split(b"OggS")[1:]
    assert len(pages) > 5
    with pytest.raises(UndecodableAudio, match="missing"):
        decode(b"OggS" + b"OggS".join(pages[:3] + pages[4:]))


def test_the_ogg_checksum_is_that_of_the_specification() -> None:
    """Bit by bit, as RFC 3533 describes it."""
    page = bytes(range(256)) * 3
    crc = 0
    for byte in page:
        crc ^= byte << 24
        for _ in range(8):
            crc = (crc << 1 ^ 0x04C11DB7 if crc & 1 << 31 else crc << 1) & 0xFFFF_FFFF
    assert page_crc(page) == crc


def test_a_webm_recorded_live_has_no_sizes_and_is_whole() -> None:
    """A browser's recorder never goes back to fill them in."""
    data = _file(WEBM)
    for element in (b"\x18\x53\x80\x67", b"\x1f\x43\xb6\x75"):
        at = data.index(element) + 4
        width = 9 - data[at].bit_length()
        data = data[:at] + ((1 << 7 * width + 1) - 1).to_bytes(width, "big") + data[at + width :]
    assert decode(data).audio_s == pytest.approx(1.0, abs=0.05)


def test_an_mp4_without_its_index_is_truncated() -> None:
    """The index comes last, so an interrupted recording has none."""
    data = _file(M4A)
    with pytest.raises(TruncatedAudio, match="index"):
        decode(data[: data.index(b"moov") - 4])


def test_an_mp4_whose_last_box_is_open_is_whole() -> None:
    """Size 0 means: to the end of the file."""
    data = bytearray(_file(M4A))
    at = data.index(b"moov") - 4
    data[at : at + 4] = bytes(4)
    assert decode(data).audio_s == pytest.approx(1.0, abs=0.05)


@pytest.mark.parametrize(
    ("head", "size", "samples", "rate"),
    [
        (0xFFFB9064, 417, 1152, 44_100),
        (0xFFFB9264, 418, 1152, 44_100),
        (0xFFF388C4, 288, 576, 16_000),
        (0xFFFD9400, 480, 1152, 48_000),
        (0xFFFF9000, 312, 384, 44_100),
    ],
)
def test_mpeg_headers_are_read_as_the_standard_says(head: int, size: int, samples: int, rate: int) -> None:
    """Layers III, II and I, MPEG 1 and 2, with and without padding."""
    frame = mpeg_frame(head)
    assert frame is not None
    assert (frame.size, frame.samples, frame.rate) == (size, samples, rate)


@pytest.mark.parametrize("head", [0, 0xFFFFFFFF, 0xFFFBF064, 0xFFFB0064, 0xFFFB9C64, 0xFFEB9064, 0xFFF99064])
def test_what_is_no_mpeg_header_is_none(head: int) -> None:
    """Reserved versions, layers, bit rates and sample rates, and free format."""
    assert mpeg_frame(head) is None


def test_an_adts_header_is_never_an_mpeg_header() -> None:
    """The layer bits tell them apart."""
    data = _file(Kind(format="adts", codec="aac", rate=44_100, by="av"))
    assert adts_frame(int.from_bytes(data[:7], "big")) is not None
    assert mpeg_frame(int.from_bytes(data[:4], "big")) is None


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind.by == "soundfile"], ids=lambda kind: kind.name)
def test_promised_seconds_are_those_of_the_recording(kind: Kind) -> None:
    """Where a header tells the length, it is used to refuse early, so it must be read right."""
    data = memoryview(_file(kind, 2.0))
    found = sniff(data)
    assert found is not None
    container, offset = found
    audio_s = walk(container, data[offset:]).audio_s
    assert audio_s is None or audio_s == pytest.approx(2.0, abs=0.15)


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_damaged_files_raise_our_errors_and_nothing_else(kind: Kind) -> None:
    """Sixty files per kind, cut, overwritten or with a piece missing; what still decodes is finite."""
    if not can_encode(kind):
        pytest.skip(f"this build of FFmpeg has no encoder {kind.codec}")
    chance = np.random.default_rng(len(kind.name))
    data = _file(kind, 0.7)
    for index in range(60):
        damaged = _damage(bytearray(data), index % 3, chance)
        try:
            samples = decode(damaged).samples
        except ClientError:
            pass
        else:
            assert len(samples)
            assert np.isfinite(samples).all()
            assert np.abs(samples).max() <= 1.0


def _damage(data: bytearray, how: int, chance: np.random.Generator) -> bytearray:
    at = int(chance.integers(1, len(data)))
    if how == 0:
        del data[at:]
    elif how == 1:
        for place in chance.integers(0, len(data), size=int(chance.integers(1, 6))):
            data[place] = int(chance.integers(0, 256))
    else:
        del data[at : at + int(chance.integers(1, 200))]
    return data


def _piped_flac(seconds: float = 4.0) -> bytes:
    """What an encoder writes into a pipe: the total stays 0."""
    data = bytearray(_file(FLAC, seconds))
    data[21] &= 0xF0
    data[22:26] = bytes(4)
    return bytes(data)


def test_a_flac_from_a_pipe_is_whole_though_its_header_has_no_total() -> None:
    """The last frame tells; also where its number takes two bytes, and behind it a tag or padding."""
    samples = decode(_file(FLAC, 40.0)).samples
    assert np.array_equal(decode(_piped_flac(40.0)).samples, samples)
    for behind in (b"TAG" + bytes(125), bytes(100)):
        assert len(decode(_piped_flac() + behind).samples) == 64_000


def test_a_flac_from_a_pipe_is_checked_like_any_other() -> None:
    """Cut, with a gap, or with one bit flipped, it is an error; without a frame it is empty."""
    data = _piped_flac()
    for keep in (len(data) // 2, len(data) - 3):
        with pytest.raises(TruncatedAudio):
            decode(data[:keep])
    damaged = bytearray(data)
    damaged[len(data) // 2] ^= 1
    for bad in (damaged, data[: len(data) // 3] + data[len(data) // 3 + 301 :]):
        with pytest.raises((UndecodableAudio, TruncatedAudio)):
            decode(bad)
    metadata_end = data.index(b"\xff\xf8")
    with pytest.raises(EmptyAudio):
        decode(data[:metadata_end])


@pytest.mark.parametrize("behind", [b"TAG" + bytes(125), bytes(100), b"\r\n"], ids=["id3v1", "zeros", "newline"])
def test_a_whole_flac_may_have_something_behind_it(behind: bytes) -> None:
    """All promised samples are there, so nothing is cut off."""
    assert len(decode(_file(FLAC) + behind).samples) == 16_000


JUNK = (b"\r\n", b"hello, this is left over", b"\x01\xff\xee\xdd\x99\x98\x97\xff" * 9, bytes(9))


@pytest.mark.parametrize("kind", [M4A, MP3, Kind(format="CAF", codec="PCM_16"), FLV], ids=str)
def test_a_whole_file_may_have_something_behind_it(kind: Kind) -> None:
    """Its index, or its count of frames, shows that nothing is cut off."""
    data = _file(kind)
    expected = len(decode(data).samples)
    for junk in JUNK:
        assert len(decode(data + junk).samples) == expected


def test_the_start_of_another_frame_or_box_is_no_junk() -> None:
    """It shows that something was cut off."""
    mp3, m4a = _file(MP3), _file(M4A)
    for data in (mp3 + mp3[:1000], m4a + (1000).to_bytes(4, "big") + b"moof" + bytes(100)):
        with pytest.raises(TruncatedAudio):
            decode(data)


def test_a_name_that_cannot_be_printed_is_not_repeated() -> None:
    """Messages go into logs and terminals."""
    data = _file(M4A)
    with pytest.raises(TruncatedAudio, match="its unnamed box"):
        decode(data[: data.index(b"moov") - 4] + b"\x7f\xff\xff\xff\x1b[2J" + bytes(20))


def test_an_ogg_flac_without_its_last_page_is_truncated() -> None:
    """Its header promises a number of samples."""
    data = bytearray(_file(Kind(format="ogg", codec="flac", by="av"), 4.0))
    page_end = data.index(b"OggS", 4)
    at = data.index(b"\x7fFLAC") + 30
    data[at : at + 5] = (int.from_bytes(data[at : at + 5], "big") | 64_000).to_bytes(5, "big")
    data[22:26] = bytes(4)
    data[22:26] = page_crc(bytes(data[:page_end])).to_bytes(4, "little")
    assert len(decode(data).samples) == 64_000
    with pytest.raises(TruncatedAudio, match="promises 64000"):
        decode(data[: data.rindex(b"OggS")])


def test_an_avi_from_a_pipe_is_whole_and_a_cut_one_truncated() -> None:
    """Its sizes are open, but each chunk of samples has its own."""
    data = bytearray(_file(Kind(format="avi", codec="pcm_s16le", by="av"), 2.0))
    for at in (4, data.index(b"movi") - 4):
        data[at : at + 4] = b"\xff\xff\xff\xff"
    assert decode(data).audio_s == pytest.approx(2.0, abs=0.01)
    for keep in (len(data) // 2, len(data) - 3):
        with pytest.raises(TruncatedAudio):
            decode(data[:keep])
