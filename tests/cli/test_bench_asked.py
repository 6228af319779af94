"""What can be asked of `harken bench`, and what contradicts itself."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from harken.bench.load.target import Target
from harken.cli.bench_asked import AskedBench, checked
from harken.errors import ConfigError

ASKED = AskedBench(
    files=(), limit=None, classes="", servers=("http://a",), api_key="", ca=None, route="openai", model="",
    language="", answers="", streams=False, requests=None, duration_s=None, concurrency=None, rate=None, sweep="",
    levels="", growth=0.05, warm_up=0, seed=1, target=Target(), allows_cache=False, timeout_s=300.0, title="",
    as_json=False, save=None, csv=None, html=None,
)  # fmt: skip


def _asked(**more: Any) -> AskedBench:
    return checked(dataclasses.replace(ASKED, **more))


@pytest.mark.parametrize(
    ("more", "by", "first", "wanted", "lasts_s"),
    [
        ({}, "concurrency", 8, 100, None),
        ({"duration_s": 5.0}, "concurrency", 8, None, 5.0),
        ({"duration_s": 5.0, "requests": 7}, "concurrency", 8, 7, 5.0),
        ({"rate": 2.5, "concurrency": 50}, "rate", 2.5, 100, None),
        ({"sweep": "concurrency"}, "concurrency", 1, None, 10.0),
        ({"sweep": "rate", "rate": 4.0, "requests": 9}, "rate", 4, 9, None),
        ({"live": 20}, "live", 20, None, 30.0),
        ({"live": 20, "requests": 9}, "live", 20, 9, None),
        ({"sweep": "live", "duration_s": 5.0}, "live", 1, None, 5.0),
    ],
)
def test_what_is_not_said_is_the_usual(
    more: dict[str, Any], by: str, first: float, wanted: int | None, lasts_s: float | None
) -> None:
    """A hundred requests, eight at once; a sweep begins at one and gives each step ten seconds."""
    asked = _asked(**more)
    assert (asked.by, asked.first_level, asked.wanted, asked.lasts_s) == (by, first, wanted, lasts_s)


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"rate": 0.0}, "--rate must be more than 0"),
        ({"sweep": "all"}, "--sweep must be one of concurrency, rate, live"),
        ({"sweep": "concurrency", "rate": 3.0}, "did you mean --sweep rate?"),
        ({"levels": "1,2"}, "--levels are the steps of a --sweep"),
        ({"sweep": "concurrency", "levels": "2,1"}, "--levels wants ascending numbers"),
        ({"sweep": "concurrency", "levels": "1.5"}, "--levels wants ascending numbers"),
        ({"sweep": "rate", "levels": "nan"}, "--levels wants ascending numbers"),
        ({"sweep": "rate", "levels": "1,,2"}, "--levels wants ascending numbers"),
        ({"classes": "x"}, "--classes wants seconds"),
        ({"commits": True}, "--commit is of live streams"),
        ({"live": 2, "rate": 1.0, "streams": True}, "leave out --rate, --stream."),
        ({"sweep": "live", "model": "x"}, "leave out --model."),
        ({"live": 2, "sweep": "concurrency"}, "leave out --sweep concurrency."),
        ({"sweep": "live", "levels": "1.5"}, "--levels wants ascending numbers"),
        ({"target": Target(seconds=float("nan"))}, "--target-s must be more than 0"),
        ({"target": Target(share=-1.0)}, "--target-share must be more than 0"),
        ({"duration_s": 0.0}, "--duration-s must be more than 0"),
        ({"fail_above_wer": float("nan")}, "--fail-above-wer is in percent"),
        ({"growth": -1.0}, "--growth is a share"),
        ({"route": "asr", "streams": True}, "--route asr knows neither"),
        ({"answers": "srt"}, "--answers must be one of json, verbose_json, text"),
        ({"csv": Path("-")}, "--csv wants a file; standard output is /dev/stdout"),
        ({"save": Path("/tmp/../tmp/a.x"), "html": Path("/tmp/a.x")}, "--save and --html are the same file"),
        ({"html": Path("/nowhere/a.html")}, "/nowhere/a.html cannot be written"),
        ({"files": (Path("/tmp/a.wav"),), "csv": Path("/tmp/a.wav")}, "the report would take its place"),
    ],
)
def test_what_contradicts_itself_is_said_with_its_options(more: dict[str, Any], words: str) -> None:
    """Before anything is sent."""
    with pytest.raises(ConfigError) as caught:
        _asked(**more)
    assert words in caught.value.message


def test_what_is_no_plain_file_may_take_several_reports() -> None:
    """Nothing of it is overwritten."""
    assert _asked(csv=Path("/dev/null"), html=Path("/dev/null")).html == Path("/dev/null")


def test_live_streams_are_good_within_a_second_and_ask_for_no_growth() -> None:
    """Unless somebody says otherwise."""
    live = _asked(live=4)
    assert (live.good, live.rule.growth) == (Target(seconds=1.0), None)
    assert _asked(live=4, target=Target(seconds=2.0)).good == Target(seconds=2.0)
    assert (_asked().good, _asked().rule.growth) == (Target(), 0.05)
