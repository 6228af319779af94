"""Rules of harken.cli.top_charts: a quarter of an hour in a line."""

from __future__ import annotations

import pytest

from harken.cli.top_charts import bins, draw_live, draw_machine, draw_queue, spark
from tests.cli.cluster_documents import document

STEPS = 180
AT = [5.0 * number for number in range(STEPS)]


@pytest.mark.parametrize("cells", [10, 28, 60, 180, 400])
def test_a_chart_is_a_quarter_of_an_hour_whatever_its_width(cells: int) -> None:
    """The oldest step of all is in it, and the newest that is over is at its end."""
    values: list[float | None] = [None] * STEPS
    values[0], values[-2], values[-1] = 7.0, 3.0, 99.0
    binned = bins(values, AT, step_s=5.0, cells=cells)
    assert len(binned) == cells
    assert binned[-1] == 3.0
    # Cells begin at multiples, so the first may have begun before it.
    assert 7.0 in binned or cells * -(-STEPS // cells) < STEPS + -(-STEPS // cells)
    assert 99.0 not in binned


def test_a_long_wait_among_short_ones_is_seen() -> None:
    """And rates are means."""
    values = [1.0] * STEPS
    values[90] = 9.0
    assert max(value or 0.0 for value in bins(values, AT, step_s=5.0, cells=30)) == 9.0
    assert spark([1.0, None, 8.0, 0.0]) == "▂ █▁"
    assert spark([0.0, None]) == "▁ "
    assert spark([]) == ""


def test_cells_keep_their_steps_while_the_picture_moves_on() -> None:
    """Nothing flickers: a step later each cell but the newest is as it was."""
    values = [float(number % 7) for number in range(STEPS)]
    before = bins(values, AT, step_s=5.0, cells=30)
    after = bins([*values[1:], 1.0], [*AT[1:], AT[-1] + 5.0], step_s=5.0, cells=30)
    assert before[1:-2] in (after[1:-2], after[:-3])


@pytest.mark.parametrize("step_s", [0.0, -1.0, 1e9])
def test_a_step_that_cannot_be_is_drawn_all_the_same(step_s: float) -> None:
    """It came from a server."""
    assert len(bins([1.0, 2.0], [0.0, 5.0], step_s=step_s, cells=10)) == 10


def test_few_gpus_are_told_each_and_many_together() -> None:
    """Eight would be three lines."""
    told = document()
    told["machine"]["gpus"] = [{"index": 0, "busy": 0.9, "memory_bytes": 9 << 30, "memory_total_bytes": 18 << 30}]
    assert draw_machine(told).plain.endswith("GPU 0 90%, 9.0 GiB of 18.0 GiB")
    told["machine"]["gpus"] *= 8
    assert draw_machine(told).plain.endswith("8 GPUs 90% on average, 72.0 GiB of 144 GiB")


def test_the_queue_is_told_by_class() -> None:
    """In a narrow terminal only those of which something waits."""
    told = document()
    told["queue"] |= {
        "audio_s": 21.5,
        "oldest_wait_s": 0.8,
        "classes": [
            {"class": "live", "segments": 0, "audio_s": 0.0},
            {"class": "batch", "segments": 3, "audio_s": 21.5},
        ],
    }
    narrow, wide = (draw_queue(told, width=width).plain for width in (80, 120))
    assert narrow == "queue     █░░░░░░░░░ 21.5 s of audio of 1 h · batch 21.5 s · oldest waits 0.80 s"
    assert wide == "queue     █░░░░░░░░░ 21.5 s of audio of 1 h · live 0 s · batch 21.5 s · oldest waits 0.80 s"


def test_who_speaks_is_told_with_how_late_text_is() -> None:
    """What is not so is left out."""
    told = document()
    assert draw_live(told).plain == "live      2 speak · 3 of 500 sessions · text after 0.40 s · drafts after 0.12 s"
    told["live"] |= {"away": 1, "refused": 7, "final_p95_s": None, "draft_s": None}
    assert draw_live(told).plain == "live      2 speak · 3 of 500 sessions · 1 away · 7 refused so far"
