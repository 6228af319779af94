"""Rules of harken.cli.top_picture: a document as lines of text."""

from __future__ import annotations

from typing import Any

import pytest
from rich.console import Console

from harken.cli.top_focus import Focus
from harken.cli.top_picture import Frame, picture, shown_names
from harken.cli.top_wish import Wish
from tests.cli.cluster_documents import document, instance, request, segment


def lines_of(
    told: dict[str, Any],
    *,
    width: int = 120,
    height: int = 40,
    is_ascii: bool = False,
    note: str = "",
    focus: Focus | None = None,
    running: str = "",
) -> list[str]:
    """What a terminal without colours would show."""
    console = Console(width=width, no_color=True, highlight=False, force_terminal=False)
    frame = Frame(width=width, height=height, is_ascii=is_ascii)
    with console.capture() as shown:
        console.print(picture(told, frame, note=note, focus=focus, running=running))
    return [line.rstrip() for line in shown.get().splitlines()]


def test_a_well_cluster_in_a_wide_terminal() -> None:
    """All of it, line by line."""
    assert [line for line in lines_of(document(), height=30) if "req_1" not in line] == [
        "Healthy: 1 of 1 instance ready, 52× real time, p95 0.20 s, nothing fails",
        "gateway · digits · up 13 min 32 s",
        "instance state load           speed success seg/min  memory last success restarts device",
        "asr-1    ready █████░░░░░ 2/4   26×  99.7 %     312 402 MiB          now        0 cpu",
        "",
        "queue     ░░░░░░░░░░ 0 s of audio of 1 h · interactive 0 s",
        "live      2 speak · 3 of 500 sessions · text after 0.40 s · drafts after 0.12 s",
        "latency                                                              █ p50 0.09 s p95 0.20 s p99 0.41 s",
        "speed                                                                █ 52× real time",
        "requests                                                             █ 14.0 requests/s, 6 in progress",
        "machine   CPU 41% of 2 cores · memory 3.0 GiB of 24.0 GiB",
        "",
        "began    request outcome   took audio class       where",
    ]


def test_with_somebody_at_the_keyboard_in_a_small_terminal() -> None:
    """The mark of the chosen one, and the keys."""
    told = document(instances=[instance("asr-1"), instance("asr-2", state="suspect")])
    assert lines_of(told, width=80, height=24, focus=Focus(chosen="asr-2")) == [
        "Healthy: 1 of 2 instances ready, 52× real time, p95 0.20 s, nothing fails",
        "gateway · digits · up 13 min 32 s",
        "  instance state         load           speed success seg/min  memory last",
        "  asr-1    ready         █████░░░░░ 2/4   26×  99.7 %     312 402 MiB  now",
        "> asr-2    not answering █████░░░░░ 2/4   26×  99.7 %     312 402 MiB  now",
        "",
        "queue     ░░░░░░░░░░ 0 s of audio of 1 h",
        "live      2 speak · 3 of 500 sessions · text after 0.40 s · drafts after 0.12 s",
        "latency                              █ p50 0.09 s p95 0.20 s p99 0.41 s",
        "speed                                █ 52× real time",
        "requests                             █ 14.0 requests/s, 6 in progress",
        "machine   CPU 41% of 2 cores · memory 3.0 GiB of 24.0 GiB",
        "",
        "request outcome   took audio class       where",
        "req_1   done    0.31 s 6.2 s interactive asr-1",
        "q leaves · arrows choose · s scale · d drain · r restart",
    ]


def test_a_tall_terminal_has_a_chart_for_each_quantile_and_for_what_waited() -> None:
    """Where there is room."""
    shown = lines_of(document(), height=40)
    assert [line.split()[0] for line in shown[6:13]] == ["live", "p50", "p95", "p99", "speed", "requests", "waiting"]


@pytest.mark.parametrize(("width", "height"), [(80, 24), (100, 30), (200, 60), (40, 10), (30, 12)])
@pytest.mark.parametrize("count", [0, 1, 3, 200])
@pytest.mark.parametrize("asked", [None, Wish(kind="drain", name="asr-2"), Wish(kind="scale", count=200)])
def test_it_fits_whatever_there_is_to_show(width: int, height: int, count: int, asked: Wish | None) -> None:
    """Nothing is wider or higher than the terminal; what was left out is counted, what is asked is at its end."""
    told = document(
        instances=[instance(f"asr-{number}", gpu_memory_bytes=9 << 30) for number in range(count)],
        requests=[request(f"req_{number}") for number in range(50)],
    )
    told["errors"] = [{"code": f"code_{number}", "count": 2, "last_at": 0.0} for number in range(30)]
    focus = Focus(chosen="asr-2", asked=asked)
    shown = lines_of(told, width=width, height=height, focus=focus)
    assert max(len(line) for line in shown) <= width
    assert len(shown) <= height
    last = {"drain": "Drain asr-2?  y", "scale": "Scale the fleet to _"}.get(asked.kind if asked else "", "q leaves")
    assert any(line.startswith(last) for line in shown[-3:])
    assert any("more" in line for line in shown if "…" in line) == (count > 3 or (count == 3 and height <= 12))


@pytest.mark.parametrize("chosen", [0, 1, 50, 99])
def test_the_chosen_one_is_always_shown(chosen: int) -> None:
    """The list moves with it, and says how many are above and below."""
    told = document(instances=[instance(f"asr-{number}") for number in range(100)])
    shown = lines_of(told, width=80, height=24, focus=Focus(chosen=f"asr-{chosen}"))
    assert any(line.startswith(f"> asr-{chosen} ") for line in shown)
    counted = next(line for line in shown if line.startswith("…"))
    listed = sum("  asr-" in line or "> asr-" in line for line in shown)
    left_out = [int(word) for word in counted.split() if word.isdigit()]
    assert sum(left_out) + listed == 100


def test_keys_go_through_instances_as_they_are_shown() -> None:
    """Where trouble comes first, the first one is in trouble."""
    lines = [instance(f"asr-{number}") for number in range(50)]
    lines[40] |= {"state": "broken_at_start"}
    frame = Frame(width=80, height=24)
    assert shown_names(document(instances=lines), frame, Focus())[:2] == ["asr-40", "asr-0"]
    assert shown_names(document(instances=lines[:3]), frame, Focus()) == ["asr-0", "asr-1", "asr-2"]


def test_how_a_change_goes_is_said_above_the_keys() -> None:
    """While it is made, and when it is; the newest sentence."""
    told = document()
    assert lines_of(told, focus=Focus(), running="Draining asr-1…")[-2] == "Draining asr-1…"
    done = lines_of(told, focus=Focus(says="asr-1 was restarted."))
    assert done[-2:] == ["asr-1 was restarted.", "q leaves · arrows choose · s scale · d drain · r restart"]


def test_where_nothing_can_be_changed_no_key_is_offered_for_it() -> None:
    """An instance alone, or a gateway before others' servers."""
    told = document()
    told["server"]["can_change"] = False
    assert lines_of(told, focus=Focus())[-1] == "q leaves · arrows choose"


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
    """A try that failed has a mark; one that no model ran for was in the cache. What was not done has no length."""
    told = document(
        requests=[
            request("req_a", segments=[segment([("asr-1", "instance_failed"), ("asr-2", "done")])]),
            request("req_b", segments=[segment([], outcome="cached")]),
            request("req_c", outcome="queue_full", wall_s=0.001, segments=[]),
            request("req_d", outcome="cancelled", status=None, audio_s=None, segments=[]),
        ]
    )
    names = ("req_a", "req_b", "req_c", "req_d")
    shown = {name: line for line in lines_of(told) for name in names if name in line}
    assert shown["req_a"].endswith("asr-1!, asr-2")
    assert shown["req_b"].endswith("cache")
    assert "queue full" in shown["req_c"]
    assert shown["req_d"].split()[-2:] == ["–", "interactive"]


def test_without_utf8_there_is_nothing_but_ascii() -> None:
    """Neither of ours nor of a server's."""
    told = document(instances=[instance("模型-1", rtfx=None)])
    shown = lines_of(told, is_ascii=True, height=20, focus=Focus(says="…"))
    assert "????-1" in shown[3]
    assert "#####..... 2/4" in shown[3]
    assert all(line.isascii() for line in shown)


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
    told["errors"] = [{"code": "timed_out", "count": 2, "last_at": told["at"] - 90}]
    told["server"]["change"] = "scale to 4"
    shown = lines_of(told)
    assert "errors of the last hour  timed_out 2 (1 min ago)" in shown
    assert shown[1].endswith("being changed now: scale to 4")
