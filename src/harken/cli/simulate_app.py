"""The flags of `harken simulate`; what it does is in `simulate`."""

from __future__ import annotations

import dataclasses
import sys
from pathlib import Path
from typing import Annotated

import typer

from harken.cli.flags import AsJson, ConfigFile, Settings


def simulate(
    instances: Annotated[int, typer.Option(min=1, max=10_000, help="How many instances.")] = 4,
    slots: Annotated[int, typer.Option(min=1, max=4096, help="Segments that one instance runs at once.")] = 32,
    rtfx: Annotated[float, typer.Option(help="Audio-seconds per second of one segment alone.")] = 100.0,
    requests: Annotated[int, typer.Option(min=1, max=100_000_000, help="Recordings to draw.")] = 40_000,
    load: Annotated[float, typer.Option(help="Audio that comes, as a part of what the fleet can do.")] = 0.9,
    seed: Annotated[int, typer.Option(min=0, help="Of all chance.")] = 1,
    trace: Annotated[Path | None, typer.Option(help="Recordings that really came: .csv or JSON lines.")] = None,
    policy: Annotated[list[str] | None, typer.Option(help="A policy of Harken's to show; again for more.")] = None,
    nginx: Annotated[bool, typer.Option(help="With nginx beside.")] = True,
    fault: Annotated[list[str] | None, typer.Option(help="half:1@60, stop:2@30+20 or kill:3@90.")] = None,
    restart_s: Annotated[float, typer.Option(min=0.0, help="Until a lost instance is back.")] = 10.0,
    plot: Annotated[Path | None, typer.Option(help="Write an SVG file.")] = None,
    as_json: AsJson = False,
    config: ConfigFile = None,
    settings: Settings = None,
) -> None:
    """Compare the dispatcher's policies, and nginx, under a virtual clock."""
    from harken.cli.app import read_config
    from harken.cli.simulate import Asked, run
    from harken.log import set_up_log

    asked = Asked(
        instances=instances,
        slots=slots,
        rtfx=rtfx,
        requests=requests,
        load=load,
        seed=seed,
        trace=trace,
        policies=tuple(policy or ()),
        has_nginx=nginx,
        faults=tuple(fault or ()),
        restart_s=restart_s,
        plot=plot,
        as_json=as_json,
    )
    merged = read_config(config, settings)
    # Every coming and going of a thousand virtual instances is an event to the code that is simulated.
    set_up_log(dataclasses.replace(merged.log, level="error"))
    sys.exit(run(merged, asked))
