"""What `harken bench` prints."""

from __future__ import annotations

import dataclasses
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harken.bench.load.run import Run
from harken.bench.load.target import Target
from harken.bench.load.texts import errors_of
from harken.cli.bench_report import broken, print_report
from tests.bench.load.making import a_run, a_step, an_outcome


def _lines(run: Run, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, *, columns: str) -> list[str]:
    monkeypatch.setenv("COLUMNS", columns)
    print_report(run)
    return capsys.readouterr().out.splitlines()


def _shown(run: Run, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> str:
    return " ".join(" ".join(_lines(run, capsys, monkeypatch, columns="200")).split())


def test_all_figures_are_shown(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Each where there is something to show, and parts where there are several."""
    outcomes = [
        an_outcome(0.1, kind="2 s", instance="asr-1", errors=errors_of("one two", "one"), first_text_s=0.05),
        an_outcome(0.4, kind="9 s", instance="asr-2", audio_s=9.0, is_cached=True),
        an_outcome(code="queue_full", status=503, kind="9 s", audio_s=9.0),
    ]
    shown = _shown(a_run([a_step(outcomes, target=Target(seconds=0.2))]), capsys, monkeypatch)
    for words in (
        "successes 2 (66.67%)", "error rate words 50.00% of 2", "errors queue_full 1; refused 1", "p99 0.400 s",
        "first text p50 0.050 s", "33.33% within 0.2 s", "from a cache 1", "by instance asr-1 1, asr-2 1",
        "2 s 1 0 0.100", "9 s 2 1 0.400",
    ):  # fmt: skip
        assert words in shown, words


def test_live_streams_are_called_what_they_are(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Times of their own, and what broke."""
    live = {"after_commit_s": 0.125, "updates": 6, "speech_s": 3.0, "reconnects": 1}
    shown = _shown(a_run([a_step([an_outcome(0.6, **live)], level=20)], by="live"), capsys, monkeypatch)
    for words in (
        "final text mean 0.600 s", "after the commit p50 0.125 s", "updates 2.0 in a second of speech; 1 connections",
        "sent 20 live streams; the latest",
    ):  # fmt: skip
        assert words in shown, words


def test_a_sweep_shows_its_steps_and_its_knee(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Or that there is none, and what was cut off."""
    good, bad = a_step([an_outcome(0.5)], level=1), a_step([an_outcome(code="x")], level=2)
    cut = dataclasses.replace(a_run([good, bad], is_sweep=True), is_cut=True)
    shown = _shown(cut, capsys, monkeypatch)
    assert "The knee is at concurrency 1" in shown and "failures" in shown and "of 10, then cut off" in shown
    assert "No step holds" in _shown(a_run([bad], is_sweep=True), capsys, monkeypatch)


def test_what_servers_say_is_text_and_bounded(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """No markup, and no thousand kinds of errors."""
    outcomes = [an_outcome(code=f"[red]{number}[/]") for number in range(50)]
    shown = _shown(a_run([a_step(outcomes)]), capsys, monkeypatch)
    assert "[red]0[/] 1" in shown and "and 30 more kinds 30" in shown


def test_why_the_first_one_failed_is_told_of_each_kind(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of those that are in the figures."""
    run = a_run([a_step([an_outcome(code="queue_full"), an_outcome(code="http_502")])])
    told = {"queue_full": "The queue is [full].", "draining": "in the warm-up"}
    shown = _shown(dataclasses.replace(run, reasons=told), capsys, monkeypatch)
    assert "reason queue_full: The queue is [full]." in shown and "warm-up" not in shown


def test_in_eighty_columns_no_number_is_parted_from_its_unit_and_no_server_is_broken(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also with error rates, failures of three kinds, and words of a server."""
    servers = ("http://127.0.0.1:17860", "http://127.0.0.1:17861")
    outcomes = [
        an_outcome(10.123 * (1 + number % 7), server=servers[number % 2], errors=errors_of("one two", "one"))
        for number in range(140)
    ]
    outcomes += [an_outcome(code=code, server=servers[0]) for code in ("server_unreachable", "queue_full", "http_502")]
    run = a_run([a_step(outcomes)])
    about = dataclasses.replace(run.about, models=dict.fromkeys(servers, "digits"))
    lines = _lines(dataclasses.replace(run, about=about), capsys, monkeypatch, columns="80")
    assert all(len(line.rstrip()) <= 80 for line in lines)
    assert not [line for line in lines if line.strip().startswith("s,") or line.rstrip().endswith(".123")]
    assert [line.split()[:3] for line in lines if "http" in line and "_" not in line] == [
        [servers[0], "73", "3"],
        [servers[1], "70", "0"],
    ]


@given(st.text(st.sampled_from("ab 1,;: "), max_size=60), st.integers(1, 40))
def test_a_broken_line_is_the_same_words(value: str, room: int) -> None:
    """Nothing is lost, and a line that has to be longer is one part."""
    shown = broken(value, room)
    assert shown.split() == value.split()
    assert all(len(line) <= room or not re.search(r"[,;:] +\S", line) for line in shown.splitlines())


def test_a_pipe_is_wider_than_a_terminal(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """A program that reads a line gets all of it."""
    monkeypatch.delenv("COLUMNS", raising=False)
    print_report(a_run([a_step([an_outcome(0.1)])]))
    assert "mean 0.100 s, p50 0.100 s, p90 0.100 s, p95 0.100 s, p99 0.100 s, max 0.100 s" in capsys.readouterr().out
