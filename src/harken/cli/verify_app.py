"""The flags of `harken verify`; what it does is in `harken.cli.verify`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from harken.cli.flags import DEFAULT_SERVER, ApiKey, AsJson, Ca, Server


def verify(
    server: Server = DEFAULT_SERVER,
    api_key: ApiKey = "",
    ca: Ca = None,
    recording: Annotated[Path | None, typer.Option(help="A recording of your own, with --text.")] = None,
    text: Annotated[str, typer.Option(help="What is said in it.")] = "",
    tolerance: Annotated[
        float | None, typer.Option(min=0.0, max=1.0, help="Part of its words that may be wrong. [default: 0.34]")
    ] = None,
    load: Annotated[int, typer.Option(min=0, max=100_000, help="Requests of the small load; 0 for none.")] = 20,
    timeout: Annotated[float, typer.Option(min=1.0, max=86_400.0, help="Seconds that all of it may take.")] = 300.0,
    as_json: AsJson = False,
) -> None:
    """Check a running cluster from outside; exit 1 when something is not as it should be."""
    from harken.cli.verify import run
    from harken.ops.verify.visit import Asked

    sys.exit(
        run(
            Asked(server=server, api_key=api_key, load=load, timeout_s=timeout, work_timeout_s=min(timeout, 60.0)),
            recording=recording,
            text=text,
            ca=ca,
            tolerance=tolerance,
            as_json=as_json,
        )
    )
