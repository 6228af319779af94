"""The flags of `harken bench`; what it does is in `bench`, `bench_runner` and `bench_compare`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from harken.cli.flags import DEFAULT_SERVER, ApiKey, AsJson, Ca
from harken.errors import ConfigError


def bench(
    context: typer.Context,
    files: Annotated[
        list[Path] | None,
        typer.Argument(help="Recordings, folders, manifests. [default: packaged]", metavar="[FILE]..."),
    ] = None,
    server: Annotated[
        list[str] | None, typer.Option(help=f"Address; again for more, which take turns. [default: {DEFAULT_SERVER}]")
    ] = None,
    api_key: ApiKey = "",
    ca: Ca = None,
    requests: Annotated[
        int | None, typer.Option(min=1, max=10_000_000, help="How many. [default: 100, or what fits --duration-s]")
    ] = None,
    duration_s: Annotated[float | None, typer.Option(help="So long requests go out, in seconds.")] = None,
    concurrency: Annotated[
        int | None, typer.Option(min=1, max=10_000, help="So many at once. [default: 8; with --rate 1000]")
    ] = None,
    rate: Annotated[
        float | None, typer.Option(help="So many a second, whatever becomes of the others (open loop).")
    ] = None,
    warm_up: Annotated[int, typer.Option(min=0, max=1_000_000, help="Requests before, which do not count.")] = 0,
    seed: Annotated[int, typer.Option(min=0, help="Of arrivals and of the order of recordings.")] = 1,
    classes: Annotated[str, typer.Option(help="Lengths to make of the recordings: 2,10,60 or 2:16,10:3,60:1.")] = "",
    limit: Annotated[int | None, typer.Option(min=1, help="So many of the recordings, drawn by --seed.")] = None,
    live: Annotated[
        int | None, typer.Option(min=1, max=10_000, help="So many paced live streams at once, instead of requests.")
    ] = None,
    commit: Annotated[
        bool, typer.Option("--commit", help="Of live streams: each recording is a turn by itself.")
    ] = False,
    sweep: Annotated[str, typer.Option(help="Raise it up to the knee: concurrency, rate or live.")] = "",
    levels: Annotated[str, typer.Option(help="The steps of the sweep, such as 1,2,4,8. [default: found]")] = "",
    growth: Annotated[float, typer.Option(help="Of goodput that a step must bring, for the knee.")] = 0.05,
    target_s: Annotated[float | None, typer.Option(help="An answer is good within so many seconds.")] = None,
    target_share: Annotated[float | None, typer.Option(help="Or within so much of its recording's length.")] = None,
    route: Annotated[str, typer.Option(help="openai or asr.")] = "openai",
    model: Annotated[str, typer.Option(help="Sent with each request; servers of other makes want one.")] = "",
    language: Annotated[str, typer.Option(help="Sent with each request. [default: detected]")] = "",
    answers: Annotated[str, typer.Option(help="json, verbose_json or text. [default: the server's]")] = "",
    stream: Annotated[bool, typer.Option("--stream", help="As events; measures the first text too.")] = False,
    allow_cache: Annotated[
        bool, typer.Option("--allow-cache", help="Send the files as they are; a cache may answer.")
    ] = False,
    timeout_s: Annotated[float, typer.Option(min=0.001, help="How long an answer may take, in seconds.")] = 300.0,
    title: Annotated[str, typer.Option(help="Of the report: what was measured, and on what.")] = "",
    as_json: AsJson = False,
    save: Annotated[Path | None, typer.Option(help="Write the report as JSON, for --compare too.")] = None,
    csv: Annotated[Path | None, typer.Option(help="Write a row for each request.")] = None,
    html: Annotated[Path | None, typer.Option(help="Write the report as one page with pictures.")] = None,
    compare: Annotated[
        tuple[Path, Path] | None, typer.Option(metavar="BEFORE AFTER", help="Compare two saved reports; sends nothing.")
    ] = None,
    fail_above_wer: Annotated[
        float | None, typer.Option(metavar="PERCENT", help="Exit 1 where more of the words are wrong, in percent.")
    ] = None,
    fail_above: Annotated[
        float | None, typer.Option(help="With --compare: exit 1 where something is worse by more than this share.")
    ] = None,
) -> None:
    """Measure servers under load; exit 1 unless every request succeeded, or where --fail-above-wer is exceeded."""
    if compare is not None:
        from harken.cli import bench_compare

        if unused := _beside_compare(context):
            raise ConfigError(f"--compare takes two saved reports and sends nothing; leave out {', '.join(unused)}.")
        sys.exit(bench_compare.run(*compare, fail_above=fail_above, as_json=as_json))
    if fail_above is not None:
        raise ConfigError("--fail-above goes with --compare BEFORE AFTER.")

    from harken.bench.load.target import Target
    from harken.cli.bench import run
    from harken.cli.bench_asked import AskedBench
    from harken.server.descriptors import raise_descriptor_limit

    raise_descriptor_limit()
    asked = AskedBench(
        files=files or (),
        limit=limit,
        classes=classes,
        servers=server or (DEFAULT_SERVER,),
        api_key=api_key,
        ca=ca,
        route=route,
        model=model,
        language=language,
        answers=answers,
        streams=stream,
        requests=requests,
        duration_s=duration_s,
        concurrency=concurrency,
        rate=rate,
        sweep=sweep,
        levels=levels,
        growth=growth,
        warm_up=warm_up,
        seed=seed,
        target=Target(seconds=target_s, share=target_share),
        allows_cache=allow_cache,
        timeout_s=timeout_s,
        title=title,
        as_json=as_json,
        save=save,
        csv=csv,
        html=html,
        live=live,
        commits=commit,
        fail_above_wer=fail_above_wer,
    )
    sys.exit(run(asked))


def _beside_compare(context: typer.Context) -> list[str]:
    """Name what was typed and means nothing where nothing is sent."""
    typed = [one for one in context.command.params if _is_typed(context, one.name or "")]
    return [
        "the recordings" if one.name == "files" else one.opts[0]
        for one in typed
        if one.name not in {"compare", "fail_above", "as_json"}
    ]


def _is_typed(context: typer.Context, name: str) -> bool:
    source = context.get_parameter_source(name)
    return source is not None and source.name == "COMMANDLINE"
