"""Rules of harken.cli.top_picture: a document as lines of text."""

from __future__ import annotations

from typing import Any

import pytest
from rich.console import Console

from harken.cli.top_picture import picture
from tests.cli.cluster_documents import document, instance, request, segment


def lines_of(
    told: dict[str, Any], *, width: int = 120, height: int = 40, is_ascii: bool = False, note: str = ""
) -> list[str]:
    """What a terminal without colours would show."""
    console = Console(width=width, no_color=True, highlight=False, force_terminal=False)
    with console.capture() as shown:
        console.print(picture(told, width=width, height=height, is_ascii=is_ascii, note=note))
    return [line.rstrip() for line in shown.get().splitlines()]


def test_a_well_cluster_in_a_wide_terminal() -> None:
    """All of it, line by line."""
    assert [line for line in lines_of(document()) if "req_1" not in line] == [
        "Healthy: 1 of 1 instance ready, 52× real time, p95 0.20 s, nothing fails",
        "gateway · digits · up 13 min 32 s",
        "instance state load           speed success seg/min  memory last success restarts",
        "asr-1    ready █████░░░░░ 2/4   26×  99.7 %     312 402 MiB          now        0",
        "",
        "queue  0 s of audio of 1 h",
        "latency                                                            █  p50 0.09 s p95 0.20 s p99 0.41 s",
        "speed                                                              █▅ 52× real time",
        "requests                                                           █▅ 14.0 requests/s, 6 in progress",
        "machine  CPU 41% of 2 cores · memory 3.0 GiB of 24.0 GiB",
        "",
        "began    request outcome   took audio class       where",
    ]


@pytest.mark.parametrize(("width", "height"), [(80, 24), (100, 30), (200, 60), (40, 10)])
@pytest.mark.parametrize("count", [0, 1, 3, 200])
def test_it_fits_whatever_there_is_to_show(width: int, height: int, count: int) -> None:
    """Nothing is wider than the terminal; what was left out is counted."""
    told = document(
        instances=[instance(f"asr-{number}", gpu_memory_bytes=9 << 30) for number in range(count)],
        requests=[request(f"req_{number}") for number in range(50)],
    )
    shown = lines_of(told, width=width, height=height)
    assert max(len(line) for line in shown) <= width
    if (width, height) != (40, 10):
        assert len(shown) <= height
    assert any("more" in line for line in shown) == (count > (2 if height == 10 else 3))


def test_trouble_is_never_what_is_left_out() -> None:
    """The one that is broken stands before those that are well."""
    lines = [instance(f"asr-{number}") for number in range(50)]
    lines[40] |= {"state": "broken_at_start", "detail": "checkpoint_error: no weights"}
    assert any(
        "asr-40" in line and "broken at start" in line for line in lines_of(document(instances=lines), height=24)
    )


def test_why_an_instance_is_unwell_is_said() -> None:
    """Beneath its line."""
    told = document(instances=[instance(state="broken_at_start", detail="checkpoint_error: no weights")])
    assert any("checkpoint_error: no weights" in line for line in lines_of(told))


def test_a_request_says_where_it_was_and_where_it_failed() -> None:
    """A try that failed has a mark; one that no model ran for was in the cache."""
    told = document(
        requests=[
            request("req_a", segments=[segment([("asr-1", "instance_failed"), ("asr-2", "done")])]),
            request("req_b", segments=[segment([], outcome="cached")]),
            request("req_c", outcome="queue_full", wall_s=0.001, segments=[]),
        ]
    )
    shown = {name: line for line in lines_of(told) for name in ("req_a", "req_b", "req_c") if name in line}
    assert shown["req_a"].endswith("asr-1!, asr-2")
    assert shown["req_b"].endswith("cache")
    assert "queue full" in shown["req_c"]


def test_without_utf8_bars_are_plain_characters() -> None:
    """Nothing else of the picture's own is beyond ASCII there but marks that an encoding may replace."""
    assert "#####..... 2/4" in lines_of(document(), is_ascii=True)[3]


def test_what_a_server_says_is_never_obeyed() -> None:
    """Neither as markup nor by the terminal."""
    told = document(
        instances=[instance("[bold red]x[/]", detail="\x1b[2J\nall gone")], requests=[request("\x1b]0;x\x07")]
    )
    text = "\n".join(lines_of(told))
    assert "[bold red]x[/]" in text
    assert "\x1b" not in text


def test_an_old_picture_says_so() -> None:
    """Before everything else."""
    assert lines_of(document(), note="No news for 4 s.")[2] == "No news for 4 s."


def test_errors_and_what_is_being_changed_are_said() -> None:
    """They are what an operator looks for."""
    told = document()
    told["errors"] = [{"code": "timed_out", "count": 2, "last_at": 0.0}]
    told["server"]["change"] = "scale to 4"
    shown = lines_of(told)
    assert "errors of the last hour  timed_out 2" in shown
    assert shown[1].endswith("being changed now: scale to 4")
