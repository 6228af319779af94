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
    once: Annotated[bool, typer.Option("--once", help="Print one picture and leave.")] = False,
    as_json: AsJson = False,
) -> None:
    """Watch the cluster in the terminal: the dashboard's figures, once a second; q leaves."""
    from harken.cli.top import run

    sys.exit(run(server, api_key=api_key, ca=ca, once=once, as_json=as_json))
