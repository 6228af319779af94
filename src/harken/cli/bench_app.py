"""The flags of `harken bench`; what it does is in `bench`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from harken.cli.flags import DEFAULT_SERVER, ApiKey, AsJson, Ca
from harken.errors import ConfigError


def bench(
    files: Annotated[
        list[Path] | None, typer.Argument(help="Recordings in any container. [default: packaged]", metavar="[FILE]...")
    ] = None,
    server: Annotated[
        list[str] | None, typer.Option(help=f"Address; again for more, which take turns. [default: {DEFAULT_SERVER}]")
    ] = None,
    api_key: ApiKey = "",
    ca: Ca = None,
    requests: Annotated[int, typer.Option(min=1, max=10_000_000, help="How many.")] = 100,
    concurrency: Annotated[
        int | None, typer.Option(min=1, max=10_000, help="So many at once. [default: 8; with --rate 1000]")
    ] = None,
    rate: Annotated[
        float | None, typer.Option(help="So many a second, whatever becomes of the others (open loop).")
    ] = None,
    route: Annotated[str, typer.Option(help="openai or asr.")] = "openai",
    allow_cache: Annotated[
        bool, typer.Option("--allow-cache", help="Send the files as they are; a cache may answer.")
    ] = False,
    timeout_s: Annotated[float, typer.Option(min=0.001, help="How long an answer may take, in seconds.")] = 300.0,
    as_json: AsJson = False,
) -> None:
    """Measure servers under load; exit 1 unless every request succeeded."""
    from harken.cli.bench import AskedBench, run
    from harken.server.descriptors import raise_descriptor_limit

    if rate is not None and not 0 < rate < 1e6:
        raise ConfigError(f"--rate must be more than 0 and less than a million a second, not {rate:g}.")
    raise_descriptor_limit()
    asked = AskedBench(
        files=files or (),
        servers=server or (DEFAULT_SERVER,),
        api_key=api_key,
        ca=ca,
        requests=requests,
        concurrency=concurrency,
        rate=rate,
        route=route,
        allows_cache=allow_cache,
        timeout_s=timeout_s,
        as_json=as_json,
    )
    sys.exit(run(asked))
