"""`harken up`: the gateway and its fleet as one process tree, with upstreams beside it or in its place."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from harken.config import Config
from harken.dispatch.dispatcher import Dispatcher
from harken.dispatch.lines.upstream import Upstream
from harken.fleet.local import LocalFleet
from harken.fleet.local_site import LocalSite
from harken.fleet.machine import machine_for
from harken.fleet.mps_plan import groups_under_mps
from harken.fleet.operated import OperatedFleet
from harken.fleet.plan import groups_of, plan
from harken.fleet.ray.site import RaySite
from harken.fleet.records import Records
from harken.fleet.rooms import Estimate
from harken.fleet.run_place import RunPlace
from harken.fleet.site import Site
from harken.fleet.static import StaticFleet
from harken.fleet.upstreams import parse_upstreams, parse_weights
from harken.fleet.wanted import configured, read_file, recall
from harken.log import get_log, set_up_log
from harken.server.announce import announce_to
from harken.server.certificate import certificate_of
from harken.server.gateway import Gateway
from harken.server.run import run

_log = get_log("fleet.up")


def run_gateway(config: Config, *, estimate: Estimate = lambda _: None) -> int:
    """Run a gateway over instances on this machine, and over upstreams, until it is told to leave.

    Args:
        config: all of it.
        estimate: what one instance needs of memory, as far as that is known before it runs.

    Returns:
        The exit code: 0 after SIGTERM or Ctrl-C; 3 when it, or every instance, cannot start as told, with the reason
        as the last line of standard error.

    Raises:
        ConfigError: upstreams, weights, devices or MPS that make no sense here, or a key's variable that is not set.
    """
    upstreams = parse_upstreams(config.fleet.upstreams, os.environ)
    parse_weights(config.fleet.weights, config.fleet.instances)
    has_own = bool(config.fleet.instances) or config.autoscale.mode == "on"
    site = _site(config) if has_own else None
    records = Records(config.log)
    set_up_log(config.log, records.files)

    place = RunPlace(config, os.environ)

    def open_fleet(dispatcher: Dispatcher) -> OperatedFleet:
        own = configured(config)
        wanted = own if place.folder is None else recall(config, read_file(place.folder))
        if wanted.model != own.model and Path(wanted.model).is_absolute() and not Path(wanted.model).is_dir():
            _log.error("fleet.model_gone", model=wanted.model, instead=own.model)
            wanted = replace(wanted, model=own.model)
        if wanted != own:
            _log.warning("fleet.remembered", instances=wanted.instances, model=wanted.model, stopped=wanted.stopped)
        return OperatedFleet(
            config,
            dispatcher,
            None if site is None else LocalFleet(config, dispatcher, wanted=wanted, site=site, on_crash=records.report),
            _static(config, upstreams, dispatcher) if upstreams else None,
            wanted=wanted,
            folder=place.folder,
            estimate=estimate,
        )

    def build(url: str) -> Gateway:
        place.open(url)
        gateway = Gateway(config, open_fleet)
        # Of a configuration that cannot be, the reason is the last line, and no file is made.
        records.open(place.folder, url)
        return gateway

    own = config.gateway
    announce = announce_to(sys.stdout, as_json=not sys.stdout.isatty())
    try:
        certificate = certificate_of(own)
        return run(build, host=own.host, port=own.port, name=own.name, announce=announce, certificate=certificate)
    finally:
        records.close()
        place.close()


def _static(config: Config, upstreams: Sequence[Upstream], dispatcher: Dispatcher) -> StaticFleet:
    return StaticFleet(
        upstreams,
        dispatcher,
        logs_text=config.log.transcripts,
        resolve_interval_s=config.fleet.resolve_interval_s,
        drain_timeout_s=config.limits.segment_timeout_s,
    )


def _site(config: Config) -> Site:
    """Choose where instances run; what cannot be is said before anything is announced."""
    if config.fleet.kind == "ray":
        return RaySite(config)
    machine = machine_for(config)
    groups = groups_of(plan(config, machine), machine)
    groups_under_mps(config.fleet.mps, tuple(groups.values()), has_mps=machine.has_mps)
    return LocalSite(config, machine=machine)
