"""`harken doctor`: the facts gathered, judged and shown, as a table or as JSON.

Wires the doctor to the fleet's own plan, so that what it judges is what `harken up` would start.
"""

from __future__ import annotations

import dataclasses
import os
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING

from rich.markup import escape
from rich.table import Table

from harken.cli.harmless import printable_json
from harken.cli.screen import Screen, drawn
from harken.config import Config, InstanceConfig
from harken.fleet.machine import this_machine
from harken.fleet.mps_plan import groups_under_mps
from harken.fleet.plan import groups_of, plan
from harken.fleet.upstreams import parse_upstreams, parse_weights
from harken.log import check_log
from harken.machine.gpus import Gpu
from harken.ops.doctor.checkpoints import is_stub
from harken.ops.doctor.finding import Verdict
from harken.ops.doctor.fits import Fit, Place
from harken.ops.doctor.look import look
from harken.ops.doctor.report import Report, report_on, written
from harken.ops.doctor.words import gigabytes

if TYPE_CHECKING:  # heavy
    from harken.dispatch.dispatcher import Dispatcher
    from harken.server.gateway import Fleet

_MARKS = {Verdict.OK: "[green]ok[/]", Verdict.WARNING: "[yellow]warning[/]", Verdict.FAILED: "[red]failed[/]"}


def run(config: Config, *, as_json: bool) -> int:
    """Look, judge and print; return the exit code: 0 when `harken up` would start, 1 otherwise.

    Raises:
        ConfigError: a setting that no machine could be started with.
    """
    _check_settings(config)
    report = report_on(look(config, lambda visible: _laid_out(config, visible)))
    if as_json:
        print(_dumped(report))
    else:
        _print(report)
    return 0 if report.can_start else 1


def _check_settings(config: Config) -> None:
    """Refuse what `harken up` refuses before it has an instance, by the same means; connects to nobody."""
    from harken.engine.load_aligner import stub_aligner
    from harken.engine.stub_options import parse_stub
    from harken.plugin.find import find
    from harken.server.certificate import certificate_of
    from harken.server.gateway import Gateway

    check_log(config.log)
    if (certificate := certificate_of(config.gateway)) is not None:
        certificate.load()
    Gateway(config, _no_fleet)  # looks at the policy, the database, the keys, the cache
    if config.fleet.instances and is_stub(config.instance.model):
        parse_stub(config.instance.model)
        stub_aligner(config.instance.aligner)
    if config.fleet.instances:
        find(config.instance.model)  # two engines of one name


def _no_fleet(_: Dispatcher) -> AbstractAsyncContextManager[Fleet]:
    raise AssertionError("a gateway that is never run asks for no fleet")


def _laid_out(config: Config, visible: tuple[Gpu, ...]) -> tuple[InstanceConfig, ...]:
    """Lay out the fleet as `harken up` does, and refuse what it refuses."""
    parse_upstreams(config.fleet.upstreams, os.environ)
    parse_weights(config.fleet.weights, config.fleet.instances)
    if not config.fleet.instances:
        return ()
    machine = dataclasses.replace(this_machine(), gpus=len(visible))
    instances = plan(config, machine)
    groups_under_mps(config.fleet.mps, tuple(groups_of(instances, machine).values()), has_mps=machine.has_mps)
    return instances


def _dumped(report: Report) -> str:
    return printable_json(written(report), indent=2)


def _print(report: Report) -> None:
    table = Table(box=None, header_style="dim", show_edge=False, pad_edge=False)
    table.add_column("check", no_wrap=True)
    table.add_column("", no_wrap=True)
    table.add_column("found", overflow="fold")
    for finding in report.findings:
        remedy = f"\n[bold]{drawn('→')} {escape(finding.remedy)}[/]" if finding.remedy else ""
        table.add_row(finding.name, _MARKS[finding.verdict], escape(finding.found) + remedy)
    console = Screen()
    console.print(table)
    for place in report.places:
        fits = [fit for fit in report.fits if fit.device == place.device]
        if fits:
            console.print(_told(place, fits))
    console.print(_last_line(report))


def _told(place: Place, fits: list[Fit]) -> str:
    head = f"\nWhat fits on {escape(place.name)} ({place.device}), {gigabytes(place.budget_bytes)} to be used:"
    lines = [f"  {escape(str(fit))}" if fit.instances else f"  [dim]no {escape(str(fit)[2:])}[/]" for fit in fits]
    return "\n".join([head, *lines])


def _last_line(report: Report) -> str:
    counts = [sum(finding.verdict is verdict for finding in report.findings) for verdict in Verdict]
    told = f"{counts[0]} ok, {counts[1]} warnings, {counts[2]} failed"
    end = "[green]harken up would start.[/]" if report.can_start else "[red]harken up would not start as configured.[/]"
    return f"\n{told}: {end}"
