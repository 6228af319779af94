"""The flags of `harken autoscale`; what it does is in `autoscale`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from harken.cli.flags import AsJson, ConfigFile, GatewayPort, Settings


def autoscale(
    replay: Annotated[Path | None, typer.Option(help="A day of load to decide about: .csv, or JSON lines.")] = None,
    pace: Annotated[float, typer.Option(help="Audio-seconds per second of one full instance.")] = 100.0,
    slots: Annotated[int, typer.Option(min=1, max=4096, help="Segments that one instance runs at once.")] = 32,
    start_s: Annotated[float, typer.Option(help="Until a new instance is ready.")] = 30.0,
    port: GatewayPort = None,
    as_json: AsJson = False,
    config: ConfigFile = None,
    settings: Settings = None,
) -> None:
    """Show what a running autoscaler sees and decides, or what it would have done on a day of load."""
    from harken.cli.app import read_config
    from harken.cli.autoscale import Asked, print_explained, run_replay
    from harken.cli.control import carry_out
    from harken.cli.harmless import printable_json

    merged = read_config(config, settings)
    if replay is None:
        explained = carry_out(merged, port, {"do": "autoscale"}, as_json=as_json)
        if as_json:
            print(printable_json(explained, indent=2))
        else:
            print_explained(explained)
        return
    asked = Asked(replay=replay, pace=pace, slots=slots, start_s=start_s, as_json=as_json)
    sys.exit(run_replay(merged, asked))
