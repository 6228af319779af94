"""The flags of `harken top`; what it does is in `top`."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from harken.cli.flags import DEFAULT_SERVER, ApiKey, AsJson, Ca, Server


def top(
    server: Server = DEFAULT_SERVER,
    api_key: ApiKey = "",
    ca: Ca = None,
    interval: Annotated[
        float, typer.Option(min=1.0, max=3600.0, help="Seconds between two pictures; beyond 1 less is sent.")
    ] = 1.0,
    once: Annotated[bool, typer.Option("--once", help="Print one picture and leave.")] = False,
    as_json: AsJson = False,
) -> None:
    """Watch the cluster in the terminal: the dashboard's figures and buttons, live; q leaves."""
    from harken.cli.top import Way, run

    sys.exit(run(server, api_key=api_key, ca=ca, way=Way(once=once, as_json=as_json, interval_s=interval)))
