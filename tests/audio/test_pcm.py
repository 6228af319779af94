"""Bare samples: every encoding and rate, however the bytes come."""

from __future__ import annotations

import io

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from harken.audio import decode
from harken.audio.pcm import RATES, Encoding, PcmStream
from harken.errors import UnsupportedOption
from harken.testing.sounds import speech_like

SUBTYPES = {Encoding.PCM16: "PCM_16", Encoding.ULAW: "ULAW", Encoding.ALAW: "ALAW"}


@pytest.mark.parametrize("encoding", [Encoding.ULAW, Encoding.ALAW])
def test_every_byte_of_g711_is_what_libsndfile_says(encoding: Encoding) -> None:
    """All 256 of them."""
    every = bytes(range(256))
    expected, _ = soundfile.read(
        io.BytesIO(every), dtype="float32", samplerate=8000, channels=1, format="RAW", subtype=SUBTYPES[encoding]
    )
    stream = PcmStream(encoding)
    assert stream.sample_rate == 8000
    np.testing.assert_array_equal(stream._decode(every), expected)


@pytest.mark.parametrize(
    ("encoding", "rate"),
    [(Encoding.PCM16, 16_000), (Encoding.PCM16, 24_000), (Encoding.PCM16, 48_000), (Encoding.ULAW, 8000)],
)
@given(sizes=st.lists(st.integers(0, 5000), max_size=30))
@settings(max_examples=15, deadline=None)
def test_packets_of_any_size_give_the_samples_of_a_file(encoding: Encoding, rate: int, sizes: list[int]) -> None:
    """To the bit, whatever the rate."""
    sound = np.resize(speech_like(1.0), rate)
    file = io.BytesIO()
    soundfile.write(file, sound, rate, format="WAV", subtype=SUBTYPES[encoding])
    raw = io.BytesIO()
    soundfile.write(raw, sound, rate, format="RAW", subtype=SUBTYPES[encoding])
    data, stream, found = raw.getvalue(), PcmStream(encoding, rate), []
    for size in [*sizes, len(data)]:
        found.append(stream.feed(data[:size]))
        data = data[size:]
    found.append(stream.finish())
    np.testing.assert_array_equal(np.concatenate(found), decode(file.getvalue()).samples)


def test_half_a_sample_at_the_end_is_no_sample() -> None:
    """It has no other half."""
    stream = PcmStream()
    assert len(stream.feed(b"\x00")) == 0
    assert len(stream.feed(b"\x40\x00")) == 1
    assert len(stream.finish()) == 0


@pytest.mark.parametrize(
    ("encoding", "rate", "field"),
    [("opus", None, "encoding"), ("pcm16", 7, "sample_rate"), ("g711_ulaw", 16_000, "sample_rate")],
)
def test_what_is_not_known_is_refused_by_name(encoding: str, rate: int | None, field: str) -> None:
    """With what is known."""
    with pytest.raises(UnsupportedOption) as refused:
        PcmStream(encoding, rate)
    assert refused.value.field == field


def test_usual_rates_are_known() -> None:
    """Of sound cards, telephones and OpenAI's clients."""
    assert {8000, 16_000, 24_000, 44_100, 48_000} <= set(RATES)
