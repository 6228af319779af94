"""What a load test sends: real recordings, never the same twice."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from harken.audio import decode
from harken.bench.takes import Take, packaged_takes, take_of, takes_of
from harken.errors import UndecodableAudio


@pytest.fixture(scope="module")
def takes() -> list[Take]:
    """The packaged ones."""
    return packaged_takes()


def test_the_packaged_recordings_have_known_texts(takes: list[Take]) -> None:
    """Of both languages."""
    assert len(takes) == 24
    assert all(take.text and take.audio_s > 0.5 for take in takes)
    assert {take.language for take in takes} == {"English", "Chinese"}


def test_an_upload_is_a_wav_file_of_the_recording(takes: list[Take]) -> None:
    """No sample is off by more than the lowest bit."""
    decoded = decode(takes[0].wav(12345)).samples * 32768
    assert np.abs(decoded - takes[0].samples).max() <= 1


def test_no_window_is_equal_between_two_numbers(takes: list[Take]) -> None:
    """A piece of a recording is looked up alone, and so are windows of eight seconds."""
    one, other = (np.frombuffer(takes[0].wav(number)[44:], np.int16) for number in (7, 8))
    assert all((one[at : at + 32] != other[at : at + 32]).any() for at in range(0, len(one) - 32, 32))
    assert takes[0].wav(7) == takes[0].wav(7) == takes[0].wav(7 + 2**32)


def test_own_files_are_decoded(tmp_path: Path, takes: list[Take]) -> None:
    """What is said in them, nobody knows; what is no recording is an error."""
    path = tmp_path / "a.mp3"
    path.write_bytes(next(take for take in takes if take.name.endswith(".mp3")).data)
    (take,) = takes_of([path])
    assert (take.name, take.text, take.audio_s > 0.5) == ("a.mp3", None, True)
    with pytest.raises(UndecodableAudio):
        take_of("b.wav", b"not a recording")
