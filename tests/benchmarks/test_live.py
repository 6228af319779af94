"""The page of the live benchmark, and what it is made of."""

from __future__ import annotations

from benchmarks.live_cost import _per_draft
from benchmarks.live_page import page
from benchmarks.live_world import Talked, quantile

_WHERE = {"machine": "a machine", "commit": "abc", "instances": 2}
_ROW = {"elapsed_s": 6.0, "cpu_s": 0.36, "gateway_s": 0.18, "drafts": 12.0, "wall_s": 0.6, "audio_s": 72.0}


def test_a_draft_costs_what_it_takes_beyond_rest() -> None:
    """CPU at rest is taken off, and the rest divided by the drafts."""
    row = {**_ROW, "tokens": 60.0, "busy_s": 0.3}
    one = _per_draft(row, {"cpu_s": 0.01, "gateway_s": 0.01})
    assert (one["instance_cpu_ms"], one["gateway_cpu_ms"], one["wall_ms"], one["tokens"]) == (25.0, 10.0, 50.0, 5.0)
    assert one["audio_s"] == 6.0 and one["instance_cpu_ms_per_audio_s"] == 4.17


def test_a_page_has_the_parts_that_were_measured() -> None:
    """And none of the others; what failed is named."""
    part = {
        **_WHERE, "recordings": 2, "audio_s": 20, "files_as_said": 2, "turns": 3, "turns_at_odds": 1,
        "equal": {"by hand": 1}, "differing": [{"how": "by hand", "voice": "v", "live": "one", "file": "two"}],
    }  # fmt: skip
    written = page({"equal": part})
    assert "| by hand | 1 of 2 |" in written and "live `one`, file `two`" in written and "a machine; 2 inst" in written
    assert "kill -9" not in written and written.endswith("\n")


def test_texts_of_turns_are_joined_as_their_language_is_written() -> None:
    """Without a space in Chinese; turns without a text leave no trace."""
    assert Talked(texts=["one", "", "two"]).text("English") == "one two"
    assert Talked(texts=["一", "二"]).text("Chinese") == "一二"


def test_a_quantile_is_a_value_that_was_measured() -> None:
    """Nearest rank; of nothing there is none."""
    assert [quantile([3.0, 1.0, 2.0], part) for part in (0.5, 0.95, 1.0)] == [2.0, 3.0, 3.0]
    assert quantile([], 0.5) is None
