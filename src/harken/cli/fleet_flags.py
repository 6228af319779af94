"""What `harken up` and `harken doctor` are told about a fleet, as sections of a configuration.

The same for both, so that the doctor judges what would be started. It reads no file.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

Sections = dict[str, dict[str, Any]]


def fleet_sections(
    *,
    model: str | None,
    aligner: str | None,
    instances: int | None,
    upstream: Sequence[str] | None,
    weights: str | None,
    host: str | None,
    port: int | None,
    first_port: int | None,
    device: str | None,
    dtype: str | None,
    quantize: str | None,
    slots: int | None,
    threads: int | None,
) -> Sections:
    """Section → key → value of the flags of these names; None was not given."""
    return {
        "gateway": {"host": host, "port": port},
        "fleet": {
            "instances": instances,
            "first_port": first_port,
            "upstreams": " ".join(upstream) if upstream else None,
            "weights": weights,
        },
        "instance": {
            "model": model,
            "aligner": aligner,
            "device": device,
            "dtype": dtype,
            "quantize": quantize,
            "slots": slots,
            "threads": threads,
        },
    }


def fleet_defaults(model: str | None, upstream: Sequence[str] | None) -> Sections:
    """Whoever names servers and no model wants no model loaded here, unless a file or a variable says so."""
    return {"fleet": {"instances": 0}} if upstream and model is None else {}
