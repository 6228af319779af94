"""Who is much worse than the others."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harken.dispatch.targets.outliers import SLOWER, VOLUME, Record, Standing, outliers, slow_ones
from harken.engine.stub_work import speedup


def standing(speed: float = 2.0, throughput: float = 20.0, failed: float = 0.0, volume: float = 14.0) -> Standing:
    """How a well-known target does."""
    return Standing(volume=volume, ends=2 * volume, failed=failed, speed=speed, throughput=throughput)


def found(*standings: Standing) -> list[int]:
    """The places of the outliers, the worst first."""
    return [outlier.target for outlier in outliers(enumerate(standings))]


WELL = standing()


@pytest.mark.parametrize(
    ("standings", "places"),
    [
        ([], []),
        ([standing(speed=0.01, throughput=0.01)], []),
        ([WELL, WELL, WELL, standing(speed=1.0, throughput=10.0)], []),
        ([WELL, WELL, WELL, standing(speed=0.5, throughput=5.0)], [3]),
        ([WELL, standing(speed=0.3, throughput=3.0)], [1]),
        ([standing(speed=0.3, throughput=3.0), standing(speed=0.2, throughput=2.0), WELL, WELL, WELL], [1, 0]),
        ([WELL, WELL, standing(speed=0.1, throughput=20.0)], []),
        ([WELL, WELL, standing(speed=2.0, throughput=1.0)], []),
        ([WELL, WELL, standing(speed=0.1, throughput=1.0, volume=VOLUME - 1)], []),
        ([WELL, WELL, standing(failed=0.5)], [2]),
        ([WELL, WELL, standing(failed=0.33)], [2]),
        ([WELL, standing(failed=0.33)], [1]),
        ([WELL, WELL, standing(failed=0.1)], []),
        ([WELL, WELL, standing(failed=0.19, volume=10.0)], []),
        ([standing(failed=0.2), standing(failed=0.2), standing(failed=0.33)], []),
        ([standing(failed=0.5), standing(failed=0.5), standing(failed=0.6)], []),
        ([WELL, standing(failed=1.0, speed=0.0, throughput=0.0)], [1]),
        ([standing(failed=0.5), WELL, standing(speed=0.2, throughput=2.0), WELL], [0, 2]),
    ],
)
def test_who_is_much_worse_is_found_and_nobody_else(standings: list[Standing], places: list[int]) -> None:
    """One row per rule: alone, at half speed, four times slower, by one measure only, too little known, by errors."""
    assert found(*standings) == places


def test_the_reason_is_a_sentence_with_figures() -> None:
    """It is what an operator reads in /health."""
    slow, failing = standing(speed=0.4, throughput=4.0), standing(failed=0.5)
    assert outliers([("a", slow), ("b", WELL)])[0].reason == "It is 5.0 times slower than the others."
    assert (
        outliers([("a", failing), ("b", WELL)])[0].reason == "50% of its segments failed lately, and 0% of the others'."
    )


def recorded(load: int, factor: float) -> Standing:
    """A target on the published curve under a steady load, so many times slower than normal."""
    record, throughput = Record(), speedup(load) / factor
    for number in range(40):
        took_s = 6.0 * load / throughput
        record.succeeded(now=number * 0.1, audio_s=6.0, took_s=took_s, load=load)
    return record.standing(4.0)


@settings(deadline=None)  # a busy machine is no defect
@given(
    load=st.integers(1, 64),
    loads=st.lists(st.integers(1, 64), min_size=1, max_size=6),
    factor=st.floats(1.0, SLOWER - 0.01),
)
def test_at_whatever_loads_nobody_is_taken_for_slower_than_it_is(load: int, loads: list[int], factor: float) -> None:
    """Busy or idle among idle or busy ones: half as fast stays half as fast, and is never set aside."""
    assert found(recorded(load, factor), *(recorded(each, 1.0) for each in loads)) == []


@pytest.mark.parametrize(("load", "others"), [(12, 30), (30, 12), (24, 24)])
def test_half_speed_is_slow_at_usual_loads_and_full_speed_is_not(load: int, others: int) -> None:
    """One that keeps room for clips has less to do than the others; its speed is known all the same."""
    peers = [(name, recorded(others, 1.0)) for name in "abc"]
    assert slow_ones([("d", recorded(load, 2.0)), *peers]) == {"d": pytest.approx(2.0, rel=0.3)}
    assert slow_ones([("d", recorded(load, 1.0)), *peers]) == {}
    assert slow_ones([("d", recorded(load, 2.0))]) == {}


def mixed(*lengths: float, overhead_s: float, factor: float = 1.0) -> Standing:
    """A target with segments of these lengths at 30 audio-seconds per second and a time that each takes anyway."""
    record = Record()
    for number in range(40):
        audio_s = lengths[number % len(lengths)]
        took_s = factor * (overhead_s + audio_s / 30.0)
        record.succeeded(now=number * 0.1, audio_s=audio_s, took_s=took_s, load=8.0)
    return record.standing(4.0)


@pytest.mark.parametrize("overhead_s", [0.0, 0.05, 0.2])
@pytest.mark.parametrize(("here", "there"), [((1.0,), (30.0,)), ((2.0, 4.0, 6.0), (30.0, 10.0)), ((3.0,), (20.0,))])
def test_another_mix_of_lengths_is_no_slowness(
    overhead_s: float, here: tuple[float, ...], there: tuple[float, ...]
) -> None:
    """Short clips on one target, pieces of files on the others: both are fine."""
    clips, pieces = mixed(*here, overhead_s=overhead_s), mixed(*there, overhead_s=overhead_s)
    assert found(clips, pieces, pieces, clips, pieces) == []
    assert found(mixed(*here, overhead_s=overhead_s, factor=20.0), pieces, clips, pieces, clips) == [0]


@pytest.mark.parametrize("load", [1, 8, 32])
def test_at_equal_loads_who_is_five_times_slower_is_found(load: int) -> None:
    """Fewest in flight keeps loads about equal."""
    assert found(recorded(load, 1.0), recorded(load, 5.0), recorded(load, 1.0)) == [1]


def test_what_happened_fades_with_work_and_with_time() -> None:
    """Ten segments halve it; so do two minutes. A target that became slow is known for it after twenty segments."""
    record = Record()
    for _ in range(40):
        record.succeeded(now=0.0, audio_s=6.0, took_s=1.0, load=4.0)
    assert record.standing(0.0).volume == pytest.approx(1 / 0.07, rel=0.1)
    assert record.standing(120.0).volume == pytest.approx(0.5 / 0.07, rel=0.1)
    for _ in range(20):
        record.succeeded(now=0.0, audio_s=6.0, took_s=6.0, load=4.0)
    assert record.standing(0.0).speed < 8.0 / SLOWER
    for _ in range(22):
        record.failed(now=0.0)
    assert record.standing(0.0).failed == pytest.approx(0.5, abs=0.05)


@pytest.mark.parametrize(("every", "is_found"), [(3, True), (5, True), (20, False)])
def test_who_fails_every_third_or_fifth_segment_beside_healthy_ones_is_found(every: int, is_found: bool) -> None:
    """Within forty segments; one in twenty is nothing that a further try does not mend."""
    records = Record(), Record()
    for number in range(1, 41):
        for record, fails in zip(records, (number % every == 0, False), strict=True):
            if fails:
                record.failed(now=0.1 * number)
            else:
                record.succeeded(now=0.1 * number, audio_s=6.0, took_s=1.0, load=1.0)
    assert bool(found(*(record.standing(4.0) for record in records))) is is_found
