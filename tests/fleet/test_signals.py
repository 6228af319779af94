"""Single signals: what they ask for, and what they keep."""

from __future__ import annotations

import dataclasses

from hypothesis import given
from hypothesis import strategies as st

from harken.config import AutoscaleConfig
from harken.fleet.sample import Sample
from harken.fleet.signals import backlog_s, read_signals

CONFIG = AutoscaleConfig()
SAMPLE = Sample(now=0.0, wanted=2, ready=2, slots=16, pace=10.0)


def test_every_signal_is_read_whether_it_is_known_or_not() -> None:
    """An explanation shows all of them; what is not known asks for nothing and says so."""
    signals = read_signals(SAMPLE, CONFIG)
    assert [signal.name for signal in signals] == ["backlog", "wait", "slots", "cpu", "gpu"]
    assert [signal.value for signal in signals] == [0.0, 0.0, 0.0, None, None]
    assert [signal.text for signal in signals][-2:] == ["the CPU is not known", "the busiest GPU is not known"]
    assert not any(signal.is_over for signal in signals)
    assert {signal.keeps for signal in signals} == {0}


@given(
    st.integers(0, 12),
    st.integers(0, 200),
    st.floats(0.0, 1e7),
    st.none() | st.floats(0.0, 1e4),
    st.none() | st.floats(0.0, 1.0),
    st.sampled_from(["auto", "cpu"]),
)
def test_what_asks_for_a_count_keeps_that_count(
    wanted: int, in_flight: int, queued_audio_s: float, pace: float | None, share: float | None, signals: str
) -> None:
    """Otherwise the next moment would undo it."""
    sample = Sample(
        now=0.0,
        wanted=wanted,
        ready=wanted,
        slots=8 * wanted,
        in_flight=in_flight,
        queued_audio_s=queued_audio_s,
        oldest_wait_s=queued_audio_s / 10,
        pace=pace,
        cpu_share=share,
        gpu_share=share,
    )
    for signal in read_signals(sample, dataclasses.replace(CONFIG, signals=signals)):
        assert signal.wants >= wanted
        assert not signal.is_over or signal.keeps >= signal.wants > wanted


def test_a_backlog_is_counted_in_seconds_of_work() -> None:
    """None where nobody knows how fast the instances are; a tiny pace asks for many, not for infinity."""
    waits = dataclasses.replace(SAMPLE, queued_audio_s=100.0)
    assert (backlog_s(waits, 2), backlog_s(waits, 0)) == (5.0, 10.0)
    assert backlog_s(dataclasses.replace(waits, pace=None), 2) is None
    assert backlog_s(dataclasses.replace(waits, pace=0.0), 2) is None
    assert read_signals(dataclasses.replace(waits, pace=1e-300), CONFIG)[0].wants == 9999
