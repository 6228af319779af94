"""The names and flags of `harken export …`; what they do is in `harken.cli.export`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from harken.cli.flags import ConfigFile, Settings

Output = Annotated[Path | None, typer.Option(help="A file, or a folder for all files. [default: standard output]")]
Of = Annotated[str, typer.Option(help="What it runs: instances (harken serve) or gateway (harken up).")]
Standalone = Annotated[
    Path | None, typer.Option(metavar="FOLDER", help="A whole configuration that keeps everything in this folder.")
]
User = Annotated[str, typer.Option(help="Whose the processes are. [default: harken]")]


def build_export_app() -> typer.Typer:
    """Put the commands together."""
    app = typer.Typer(name="export", help="Configurations of other tools, from harken.toml.", no_args_is_help=True)
    for command in (nginx, supervisor, systemd, monitoring):
        app.command()(command)
    return app


def nginx(
    in_front_of: Annotated[str, typer.Option(help="instances (in place of a gateway) or gateway.")] = "instances",
    listen: Annotated[
        str, typer.Option(metavar="[HOST:]PORT", help="Where. [default: the gateway's; 80 or 443 before a gateway]")
    ] = "",
    server_name: Annotated[str, typer.Option(help="The host that it answers for; _ for every one.")] = "_",
    tls_cert: Annotated[Path | None, typer.Option(help="A certificate with its chain, as PEM.")] = None,
    tls_key: Annotated[Path | None, typer.Option(help="Its key.")] = None,
    body_mb: Annotated[
        int, typer.Option(min=0, max=1_000_000, help="The largest body in MiB; 0 for what Harken accepts.")
    ] = 0,
    timeout_s: Annotated[
        int, typer.Option(min=0, max=604_800, help="Of body, connect, send and read; 0: 300, before a gateway 3600.")
    ] = 0,
    rate: Annotated[int, typer.Option(min=0, max=100_000, help="Requests per second of an address; 0: no limit.")] = 0,
    standalone: Standalone = None,
    output: Output = None,
    config: ConfigFile = None,
    settings: Settings = None,
) -> None:
    """Write nginx's configuration, in front of the instances or of the gateway."""
    from harken.cli import export
    from harken.ops.export.nginx import Door

    door = Door(
        listen=listen,
        server_name=server_name,
        tls_cert=export.absolute(tls_cert),
        tls_key=export.absolute(tls_key),
        body_mb=body_mb,
        timeout_s=timeout_s,
        rate=rate,
        folder=export.absolute(standalone),
    )
    what = export.one_of(in_front_of, "--in-front-of")
    sys.exit(export.put(export.nginx(export.read(config, settings), door, what), output))


def supervisor(
    of: Of = "instances",
    user: User = "",
    log_folder: Annotated[Path, typer.Option(help="Where the logs go; it must exist.")] = Path("/var/log/harken"),
    standalone: Standalone = None,
    output: Output = None,
    config: ConfigFile = None,
    settings: Settings = None,
) -> None:
    """Write supervisord's configuration: a program for each instance, or one for the gateway."""
    from harken.cli import export

    what = export.one_of(of, "--of")
    source = export.read(config, settings)
    sys.exit(export.put(export.supervisor(source, what, user, log_folder, export.absolute(standalone)), output))


def systemd(
    of: Of = "gateway",
    user: User = "harken",
    output: Output = None,
    config: ConfigFile = None,
    settings: Settings = None,
) -> None:
    """Write systemd's units: a service for the gateway, or a template for the instances."""
    from harken.cli import export

    what = export.one_of(of, "--of")
    sys.exit(export.put(export.systemd(export.read(config, settings), what, user), output))


def monitoring(
    of: Of = "gateway",
    address: Annotated[
        list[str] | None,
        typer.Option(metavar="HOST:PORT", help="Where Prometheus reaches it; repeat for more. [default: its own]"),
    ] = None,
    key_file: Annotated[
        str, typer.Option(metavar="FILE", help="A file with a key, on Prometheus's machine; needed from elsewhere.")
    ] = "",
    interval_s: Annotated[int, typer.Option(min=1, max=60, help="Seconds between two looks.")] = 15,
    prometheus: Annotated[
        str, typer.Option(metavar="URL", help="Where Grafana reaches Prometheus.")
    ] = "http://127.0.0.1:9090",
    runbooks: Annotated[
        str, typer.Option(metavar="URL", help="Where your people read docs/reference/monitoring.md.")
    ] = "docs/reference/monitoring.md",
    output: Output = None,
    config: ConfigFile = None,
    settings: Settings = None,
) -> None:
    """Write what Prometheus and Grafana need: scraping, rules, alerts, a dashboard."""
    from harken.cli import export, export_monitoring

    asked = export_monitoring.Asked(
        what=export.one_of(of, "--of"),
        addresses=tuple(address or ()),
        key_file=key_file,
        interval_s=interval_s,
        prometheus=prometheus,
        runbooks=runbooks,
        folder=export.absolute(output) or export_monitoring.FOLDER,
    )
    sys.exit(export.put(export_monitoring.monitoring(export.read(config, settings), asked), output))
