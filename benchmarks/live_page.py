"""The figures of `benchmarks.live` as a page."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

_LEVELS = {
    "streams": "streams", "recordings": "recordings", "first_text_p50_s": "first text p50 s",
    "first_text_p95_s": "p95 s", "final_after_end_p50_s": "final after end p50 s", "final_after_end_p95_s": "p95 s",
    "after_commit_p95_s": "after commit p95 s", "updates_per_s": "updates/s of speech", "word_error_rate": "WER",
}  # fmt: skip


def page(found: Mapping[str, Any]) -> str:
    """Write it; parts that were not measured are left out."""
    lines = ["# Live transcription, measured", "", "Written by `python -m benchmarks.live`, which says how."]
    for name, write in (("load", _load), ("cost", _cost), ("equal", _equal), ("kill", _kill)):
        if name in found:
            part = found[name]
            lines += [
                "",
                *write(part),
                "",
                f"{part['machine']}; {part['instances']} instances; commit {part['commit']}.",
            ]
    return "\n".join(lines) + "\n"


def _load(part: Mapping[str, Any]) -> Iterator[str]:
    yield "## Many who speak at once"
    yield ""
    yield (
        f"The most streams whose final text comes within 1 s of the last word (p95): **{part['largest']}**. Of that "
        f"time {part['silence_ms']} ms are the pause by which the end of a turn is known. Each level lasts "
        f"{part['seconds']:g} s; CPU is in cores for each stream (at rest gateway and instances take "
        f"{part['cpu_at_rest']['gateway']} and {part['cpu_at_rest']['instances']} in all, which is in it); clients "
        "run on the same machine."
    )
    yield ""
    names = [*_LEVELS.values(), "gateway CPU", "instances' CPU", "client CPU", "failed, refused", ""]
    yield from _head(names)
    for one in part["levels"]:
        cpu = one["cpu_per_stream"]
        bad = one["failed"] | one["refused_or_ended"]
        row = [*(one[name] for name in _LEVELS), cpu["gateway"], cpu["instances"], cpu["client"]]
        yield _row(
            [*row, ", ".join(f"{code} {count}" for code, count in bad.items()), "" if one["holds"] else "too late"]
        )


def _cost(part: Mapping[str, Any]) -> Iterator[str]:
    yield "## What an update costs"
    yield ""
    yield (
        f"Turns of {', '.join(map(str, part['turns_s']))} s of digits without a pause, one instance, nobody else; for "
        "each draft, around four moments of the turn; the median of the turns. A draft grows with the turn until its "
        "window is full, and no further."
    )
    yield ""
    yield from _head(["", *next(iter(part["median"].values()))])
    for name, figures in part["median"].items():
        yield _row([name, *figures.values()])
    yield ""
    yield (
        "Instance's CPU of each turn, in ms a draft: "
        + "; ".join(
            f"{name}: {', '.join(str(one['instance_cpu_ms']) for one in each)}"
            for name, each in part["per_draft"].items()
        )
        + "."
    )


def _equal(part: Mapping[str, Any]) -> Iterator[str]:
    yield "## Live and as a file"
    yield ""
    yield (
        f"{part['recordings']} recordings ({part['audio_s']} s); {part['files_as_said']} files are what was said, word "
        f"for word. {part['turns']} turns, of which {part['turns_at_odds']} ended otherwise than was committed."
    )
    yield ""
    yield from _head(["live", "the same text as the file"])
    for name, count in part["equal"].items():
        yield _row([name, f"{count} of {part['recordings']}"])
    for one in part["differing"][:20]:
        yield f"\n- {one['how']}, {one['voice']}: live `{one['live']}`, file `{one['file']}`"


def _kill(part: Mapping[str, Any]) -> Iterator[str]:
    yield "## kill -9 of an instance"
    yield ""
    yield (
        f"{part['sessions']} sessions; {part['killed']} was held for half a second and killed at second "
        f"{part['killed_at_s']} with {part['in_flight']} segments in flight: {part['complete']} complete, "
        f"{part['equal_to_files']} with the text of the file, {len(part['failures'])} failed, {part['reconnects']} "
        f"reconnects, {part['replays']:g} segments were recognised elsewhere. "
        f"The longest pause between two texts of a session: p50 {part['longest_pause_p50_s']} s, most "
        f"{part['longest_pause_max_s']} s; {part['longest_pause_calm_p50_s']} s and "
        f"{part['longest_pause_calm_max_s']} s when the same is said and nobody is killed (one voice is heard late by "
        f"the voice activity: decision 0006). Session by session it is longer by {part['longer_by_p50_s']} s (p50) and "
        f"{part['longer_by_max_s']} s at most."
    )


def _head(names: list[str]) -> list[str]:
    return [_row(names), _row(["---"] * len(names))]


def _row(cells: list[Any]) -> str:
    return "| " + " | ".join("" if cell is None else str(cell) for cell in cells) + " |"
