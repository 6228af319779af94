"""Rules of harken.cli.top_words: what a document says in a line."""

from __future__ import annotations

from typing import Any

import pytest

from harken.cli import top_words as words
from tests.cli.cluster_documents import document, instance
from tests.cli.dashboard_words import dashboard_words


def test_a_well_cluster_is_healthy_with_its_figures() -> None:
    """The sentence of the dashboard."""
    told = document(instances=[instance("asr-1"), instance("asr-2")])
    line = words.headline(told)
    assert line.sentence == "Healthy: 2 of 2 instances ready, 52× real time, p95 0.20 s, nothing fails"
    assert line.tone == "good"


@pytest.mark.parametrize(
    ("change", "word", "tone"),
    [
        ({"status": "degraded"}, "Degraded", "warn"),
        ({"status": "starting", "is_ready": False}, "Starting", "busy"),
        ({"status": "draining", "is_ready": False}, "Shutting down", "busy"),
        ({"status": "unhealthy", "is_ready": False}, "Cannot transcribe", "bad"),
        ({"status": "a word of tomorrow", "is_ready": False}, "Cannot transcribe", "bad"),
    ],
)
def test_the_word_is_the_servers_own(change: dict[str, Any], word: str, tone: str) -> None:
    """A word that is not known yet is told by whether it is ready."""
    told = document()
    told["server"] |= change
    assert (words.headline(told).word, words.headline(told).tone) == (word, tone)


def test_a_server_that_fails_a_twentieth_is_not_called_healthy() -> None:
    """Ready or not."""
    told = document()
    told["now"] |= {"requests": 100, "failed": 6, "success": 0.94}
    line = words.headline(told)
    assert (line.word, line.tone) == ("Requests fail", "warn")
    assert "6 of 100 requests failed" in line.facts


def test_a_fleet_without_instances_that_would_be_woken_is_asleep() -> None:
    """It is ready: a recording starts one."""
    told = document(instances=[])
    assert words.headline(told).word == "Asleep"


def test_a_queue_that_is_nearly_full_is_a_fact() -> None:
    """Before anybody is refused."""
    told = document()
    told["queue"] |= {"audio_s": 3000.0, "limit_audio_s": 3600.0}
    assert words.headline(told).facts[-1] == "the queue is 83% full"


@pytest.mark.parametrize(
    ("value", "said"),
    [(None, "–"), (0.0, "0 s"), (0.0042, "0.004 s"), (0.2, "0.20 s"), (12.44, "12.4 s"), (125.0, "2 min 5 s")],
)
def test_seconds_are_said_as_people_say_them(value: float | None, said: str) -> None:
    """Never more digits than anybody reads."""
    assert words.seconds(value) == said


def test_only_a_whole_share_is_a_hundred_per_cent() -> None:
    """One failure among ten thousand is not nothing."""
    assert words.percent(1.0) == "100 %"
    assert words.percent(0.99999) == "99.9 %"
    assert words.percent(None) == "–"


def test_lengths_and_sizes_have_two_units_at_most() -> None:
    """Whatever their size."""
    assert [words.span(value) for value in (21.5, 60.0, 410.0, 90_000.0)] == ["21.5 s", "60 s", "6 min 50 s", "1 d 1 h"]
    assert [words.size(value) for value in (None, 402 << 20, 9 << 30)] == ["–", "402 MiB", "9.0 GiB"]
    assert [words.last(value) for value in (None, 0.2, 6.0, 7300.0)] == ["never", "now", "6 s ago", "2 h ago"]


def test_states_and_outcomes_have_the_words_of_the_dashboard() -> None:
    """All of those that it has."""
    told = dashboard_words()
    states = {key.removeprefix("state."): word for key, word in told.items() if key.startswith("state.")}
    outcomes = {key.removeprefix("outcome."): word for key, word in told.items() if key.startswith("outcome.")}
    assert len(states) > 10
    assert {name: words.state(name) for name in states} == states
    assert {name: words.outcome(name) for name in outcomes} == outcomes
