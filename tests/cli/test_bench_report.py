"""What `harken bench` prints."""

from __future__ import annotations

import dataclasses

import pytest

from harken.bench.load.run import Run
from harken.bench.load.target import Target
from harken.bench.load.texts import errors_of
from harken.cli.bench_report import print_report
from tests.bench.load.making import a_run, a_step, an_outcome


def _shown(run: Run, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("COLUMNS", "200")
    print_report(run)
    return " ".join(capsys.readouterr().out.split())


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
        "2 s 1 1 0.100", "9 s 2 1 0.400",
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
