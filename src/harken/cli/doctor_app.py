"""The flags of `harken doctor`; what it does is in `doctor`."""

from __future__ import annotations

import sys

from harken.cli.flags import (
    Aligner,
    AsJson,
    ConfigFile,
    Device,
    Dtype,
    FirstPort,
    Host,
    Instances,
    Model,
    Port,
    Quantize,
    Settings,
    Slots,
    Threads,
    Upstream,
    Weights,
)


def doctor(
    model: Model = None,
    aligner: Aligner = None,
    instances: Instances = None,
    upstream: Upstream = None,
    weights: Weights = None,
    host: Host = None,
    port: Port = None,
    first_port: FirstPort = None,
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
    from harken.cli.fleet_flags import fleet_defaults, fleet_sections

    told = fleet_sections(
        model=model,
        aligner=aligner,
        instances=instances,
        upstream=upstream,
        weights=weights,
        host=host,
        port=port,
        first_port=first_port,
        device=device,
        dtype=dtype,
        quantize=quantize,
        slots=slots,
        threads=threads,
    )
    merged = read_config(config, settings, defaults=fleet_defaults(model, upstream), **told)
    sys.exit(run(merged, as_json=as_json))
