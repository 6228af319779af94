"""The flags of `harken doctor`; what it does is in `doctor`."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from harken.cli.flags import (
    Aligner,
    AsJson,
    ConfigFile,
    Device,
    Dtype,
    Host,
    Model,
    Quantize,
    Settings,
    Slots,
    Threads,
)


def doctor(
    model: Model = None,
    aligner: Aligner = None,
    instances: Annotated[
        int | None, typer.Option(help="How many instances. [default: 4, or 0 with --upstream alone]")
    ] = None,
    upstream: Annotated[
        list[str] | None, typer.Option(metavar="URL", help="Another server that speaks OpenAI's audio API; repeatable.")
    ] = None,
    weights: Annotated[
        str | None, typer.Option(help="Shares of the instances under a weighted policy, such as 3,3,2,2.")
    ] = None,
    host: Host = None,
    port: Annotated[int | None, typer.Option(help="Port of the gateway; 0 chooses one. [default: 7860]")] = None,
    first_port: Annotated[int | None, typer.Option(help="Port of the first instance. [default: 7861]")] = None,
    device: Device = None,
    dtype: Dtype = None,
    quantize: Quantize = None,
    slots: Slots = None,
    threads: Threads = None,
    as_json: AsJson = False,
    config: ConfigFile = None,
    settings: Settings = None,
) -> None:
    """Look whether `harken up` with the same flags would start here, and say what would help; exit 1 if not."""
    from harken.cli.app import read_config
    from harken.cli.doctor import run

    is_elsewhere = bool(upstream) and model is None
    merged = read_config(
        config,
        settings,
        defaults={"fleet": {"instances": 0}} if is_elsewhere else {},
        gateway={"host": host, "port": port},
        fleet={
            "instances": instances,
            "first_port": first_port,
            "upstreams": " ".join(upstream) if upstream else None,
            "weights": weights,
        },
        instance={
            "model": model,
            "aligner": aligner,
            "device": device,
            "dtype": dtype,
            "quantize": quantize,
            "slots": slots,
            "threads": threads,
        },
    )
    sys.exit(run(merged, as_json=as_json))
