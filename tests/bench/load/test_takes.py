"""What a load test sends: real recordings, never the same twice."""

from __future__ import annotations

import numpy as np
import pytest

from harken.audio import decode
from harken.bench.load.takes import Take, packaged_takes, samples_of
from harken.errors import UndecodableAudio


@pytest.fixture(scope="module")
def takes() -> list[Take]:
    """The packaged ones."""
    return packaged_takes()


def test_the_packaged_recordings_have_known_texts(takes: list[Take]) -> None:
    """Of both languages."""
    assert len(takes) == 24
    assert all(take.text and take.audio_s > 0.5 and take.is_packaged for take in takes)
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


def test_where_a_cache_may_answer_the_bytes_are_the_same_every_time(takes: list[Take]) -> None:
    """The file itself; of what was made here, one and the same WAV."""
    assert takes[0].file() == (takes[0].name, takes[0].data)
    made = Take(name="made", samples=takes[0].samples)
    assert made.file() == made.file() and made.file()[1].startswith(b"RIFF")


def test_what_is_no_recording_is_an_error() -> None:
    """Before anything is sent."""
    with pytest.raises(UndecodableAudio):
        samples_of(b"not a recording")
