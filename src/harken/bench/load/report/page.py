"""A load test as one page of HTML that can be mailed, printed and kept. Pure.

It says first what was found, then where it came from, and at the end how to read it, so that a figure that is copied
out of it can be explained. The invariant: the page is whole: no script, no request, no other file.
"""

from __future__ import annotations

from harken.bench.load.report import pictures, tables
from harken.bench.load.report.charts import text
from harken.bench.load.report.style import STYLE
from harken.bench.load.run import Run

_POLICY = "default-src 'none'; style-src 'unsafe-inline'"

_COUNTS = {
    "rate": "A request counts from when it was meant to go out, whatever became of the others (an open loop).",
    "concurrency": "So many clients each send their next request when their last is answered (a closed loop).",
    "live": (
        "Each stream plays one recording after another at the pace of speech, with pauses between. A recording's time "
        "is that from the end of its last word to its final text; where the server finds the end of a turn, the pause "
        "that tells it is in it. First text counts from the beginning of its first word, tentative text included. "
        "Words begin and end where voice activity hears them in the recording alone."
    ),
}
"""What a time is, by what a level is."""


def page_of(run: Run) -> str:
    """Write the page."""
    about, main = run.about, run.main
    title = about.title or "Load test"
    classes = main.by("kind")
    instances, servers = main.by_instance(), main.by("server")
    sections = [
        ("The sweep", run.is_sweep, _sweep(run)),
        ("Response times by class", True, pictures.times_by_class(main) + tables.parts("class", {
            kind: classes[kind] for kind in main.kinds()
        })),
        ("Over time", True, pictures.over_time(main.timeline)),
        ("Errors", bool(main.figures.errors), tables.errors(main.figures, run.reasons) if main.figures.errors else ""),
        ("Servers", len(about.models) > 1, tables.parts("server", servers)),
        ("Instances", len(instances) > 1, tables.parts("instance", instances)),
        ("How it was measured", True, _facts(run)),
        ("How to read it", True, _reading(run)),
    ]  # fmt: skip
    body = "".join(f"<h2>{name}</h2>{content}" for name, is_shown, content in sections if is_shown and content)
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"/>'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}"/>'
        '<meta name="viewport" content="width=device-width, initial-scale=1"/>'
        f"<title>{text(title)}</title><style>{STYLE}</style></head><body><h1>{text(title)}</h1>"
        f'<p class="soft">{text(_under(run))}</p>{_notes(run)}{tables.tiles(run)}{body}</body></html>\n'
    )


def _under(run: Run) -> str:
    about = run.about
    models = ", ".join(dict.fromkeys(filter(None, about.models.values()))) or "a model that it does not name"
    unit = {"concurrency": "at once", "rate": "a second"}.get(run.by, "live streams")
    load = f"{run.main.level:g} {unit}"
    place = "at the knee, " if run.knee is not None else ""
    return f"{models}; {place}{load}; {about.began_at.replace('T', ' ').replace('+00:00', ' UTC')}"


def _notes(run: Run) -> str:
    """What a reader must know before any figure."""
    figures, notes = run.main.figures, []
    if run.is_cut:
        notes.append("A person ended this run before its end; the figures are of what there was.")
    if run.is_sweep and run.knee is None:
        notes.append("No step of the sweep holds; the figures are of the last one.")
    if figures.wrong:
        notes.append(f"{figures.wrong:,} answers are not what the model knows by heart.")
    if figures.cached:
        notes.append(f"{figures.cached:,} answers came from a cache: this is not the model's speed.")
    if figures.p99_is_thin:
        notes.append("Fewer than a hundred requests succeeded: p99 is the longest of them.")
    return "".join(f'<p class="note">{text(note)}</p>' for note in notes)


def _sweep(run: Run) -> str:
    rule, target = run.rule, run.main.target
    within = f", at least {rule.within:.0%} of its requests succeed within the target ({target})" if target else ""
    growth = "" if rule.growth is None else f"its goodput is more than {rule.growth:.0%} above the best before it"
    says = (
        f"A step holds when {(growth + within).removeprefix(', ')}, and at most {1 - rule.success:.0%} of its requests "
        "fail. The knee is the last step that holds; after two in a row that do not, none does. Each step begins when "
        "the last answer of the one before is there."
    )
    return f"{pictures.sweep(run)}{tables.sweep(run)}<p>{text(says)}</p>"


def _facts(run: Run) -> str:
    about = run.about
    models = {f"server {name}": model or "does not say its model" for name, model in about.models.items()}
    figures = run.main.figures
    facts: dict[str, object] = {
        "sent from": about.machine,
        "with": f"Harken {about.version}" + (f", commit {about.commit}" if about.commit else ""),
        **models,
        "took": f"{figures.elapsed_s:.2f} s for {figures.audio_s:,.0f} s of audio",
        "went out late": f"at most {figures.late_s:.3f} s" if run.by != "concurrency" else "",
        **{f"--{name}": value for name, value in about.settings.items()},
    }
    return tables.facts(facts)


def _reading(run: Run) -> str:
    lines = [
        f"{_COUNTS[run.by]} Times are those of successes; a quantile is a time that was measured.",
        "Requests a second, times real time (audio-seconds per second) and goodput are over the whole time from the "
        "first request to the last answer, the end included, when fewer are on their way.",
        "Goodput counts answers within the target; within is their part of all requests, failures included.",
        "Every upload differs from all others in its lowest bits, so no cache answers for the model, unless "
        "--allow-cache is among the settings.",
        "Error rates: case, marks, width and the spelling of digits do not count; scripts without spaces are compared "
        "by characters; characters are counted without spaces; rates are errors over the words of the references.",
    ]
    return "<ul>" + "".join(f"<li>{text(line)}</li>" for line in lines) + "</ul>"
