"""The commands' names and flags; what they do is in a module each."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

import harken
from harken.cli.autoscale_app import autoscale as autoscale_command
from harken.cli.backup_app import backup, restore
from harken.cli.bench_app import bench
from harken.cli.doctor_app import doctor
from harken.cli.export_app import build_export_app
from harken.cli.flags import (
    DEFAULT_SERVER,
    Aligner,
    ApiKey,
    AsJson,
    Ca,
    ConfigFile,
    Device,
    Dtype,
    FirstPort,
    Folder,
    Format,
    Host,
    Hotwords,
    Instances,
    Language,
    LogLevel,
    Model,
    Port,
    Prompt,
    Quantize,
    Server,
    Settings,
    Slots,
    Threads,
    Upstream,
    Weights,
    WordTimes,
)
from harken.cli.fleet_app import drain, restart, scale
from harken.cli.fleet_flags import fleet_defaults, fleet_sections
from harken.cli.jobs_app import build_jobs_app
from harken.cli.keys import build_keys_app
from harken.cli.listen_app import listen
from harken.cli.logs_app import logs
from harken.cli.models_app import build_models_app
from harken.cli.pull_app import pull
from harken.cli.roll_app import roll
from harken.cli.simulate_app import simulate
from harken.cli.top_app import top
from harken.cli.verify_app import verify
from harken.config import Config, load_config
from harken.errors import ConfigError


def build_app() -> typer.Typer:
    """Put the commands together."""
    app = typer.Typer(
        name="harken",
        help="A self-hosted speech-recognition cluster for Qwen3-ASR.",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
    )
    app.callback()(_root)
    app.command()(up)
    app.command()(serve)
    app.command()(transcribe)
    app.command()(listen)
    app.command()(status)
    app.command()(top)
    app.command()(demo)
    app.command()(logs)
    app.command()(bench)
    app.command()(doctor)
    app.command()(simulate)
    app.command()(scale)
    app.command()(restart)
    app.command()(drain)
    app.command()(roll)
    app.command("autoscale")(autoscale_command)
    app.command()(verify)
    app.command()(backup)
    app.command()(restore)
    app.add_typer(build_jobs_app())
    app.add_typer(build_keys_app())
    app.add_typer(build_export_app())
    app.command()(pull)
    app.add_typer(build_models_app())
    return app


def config_file(path: Path | None) -> Path | None:
    """Say which harken.toml counts: the one that was named, HARKEN_CONFIG's, ./harken.toml, or none."""
    if path is None and "HARKEN_CONFIG" in os.environ:
        return Path(os.environ["HARKEN_CONFIG"])
    if path is None and Path("harken.toml").is_file():
        return Path("harken.toml")
    return path


def read_config(
    path: Path | None,
    settings: Iterable[str] | None,
    *,
    defaults: dict[str, dict[str, Any]] | None = None,
    **flags: dict[str, Any],
) -> Config:
    """Merge harken.toml, variables, `--set` and flags, in this order of rising precedence.

    Args:
        path: the file, or None for the usual places.
        settings: as `--set` has them.
        defaults: section → key → value, below all of these.
        flags: section → key → value; None values were not given.

    Raises:
        ConfigError: as `load_config`, or a `--set` without a section, a key and a value.
    """
    merged: dict[str, dict[str, Any]] = {}
    for setting in settings or ():
        name, equals, value = setting.partition("=")
        section, dot, key = name.strip().partition(".")
        if not equals or not dot:
            raise ConfigError(f"--set wants SECTION.KEY=VALUE, not {setting!r}.")
        merged.setdefault(section, {})[key] = value.strip()
    for section, values in flags.items():
        merged.setdefault(section, {}).update({key: value for key, value in values.items() if value is not None})
    return load_config(config_file(path), env=os.environ, flags=merged, defaults=defaults)


def up(
    model: Model = None,
    aligner: Aligner = None,
    fleet: Annotated[
        str | None, typer.Option(help="Where instances run: local or ray (docs/ray.md). [default: local]")
    ] = None,
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
    autoscale: Annotated[
        str | None, typer.Option(help="How many instances, by the load: off, on or dry-run. [default: off]")
    ] = None,
    config: ConfigFile = None,
    settings: Settings = None,
    log_level: LogLevel = None,
) -> None:
    """Start a gateway and its instances on this machine, or in front of other servers."""
    from harken.cli.need import estimate
    from harken.fleet.up import run_gateway
    from harken.models.store import open_store

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
    told["fleet"]["kind"] = fleet
    told |= {"autoscale": {"mode": autoscale}, "log": {"level": log_level}}
    merged = read_config(config, settings, defaults=fleet_defaults(model, upstream), **told)
    store = open_store(merged.models, os.environ)
    sys.exit(run_gateway(merged, estimate=partial(estimate, store=store)))


def serve(
    model: Model = None,
    aligner: Aligner = None,
    host: Host = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on; 0 chooses one. [default: 7861]")] = None,
    name: Annotated[str | None, typer.Option(help="Name in answers, logs and /health. [default: asr-1]")] = None,
    device: Device = None,
    dtype: Dtype = None,
    quantize: Quantize = None,
    slots: Slots = None,
    threads: Threads = None,
    config: ConfigFile = None,
    settings: Settings = None,
    log_level: LogLevel = None,
    supervised: Annotated[bool, typer.Option(hidden=True, help="Started by a fleet: leave with it.")] = False,
) -> None:
    """Start one instance: a complete server of its own."""
    from harken.server.run import run_instance

    merged = read_config(
        config,
        settings,
        instance={
            "model": model,
            "aligner": aligner,
            "host": host,
            "port": port,
            "name": name,
            "device": device,
            "dtype": dtype,
            "quantize": quantize,
            "slots": slots,
            "threads": threads,
        },
        log={"level": log_level},
    )
    sys.exit(run_instance(merged, supervised=supervised))


def transcribe(
    files: Annotated[list[Path], typer.Argument(help="Recordings in any container.", metavar="FILE...")],
    server: Annotated[str | None, typer.Option(help="Send them there instead of loading the model here.")] = None,
    api_key: ApiKey = "",
    ca: Ca = None,
    job: Annotated[bool, typer.Option("--job", help="As a job of the server, also a single file.")] = False,
    model: Model = None,
    aligner: Aligner = None,
    language: Language = "auto",
    prompt: Prompt = "",
    hotwords: Hotwords = "",
    words: WordTimes = False,
    output: Format = "txt",
    folder: Folder = None,
    device: Device = None,
    dtype: Dtype = None,
    quantize: Quantize = None,
    threads: Threads = None,
    config: ConfigFile = None,
    settings: Settings = None,
) -> None:
    """Print what is said in recordings, in this process or with --server."""
    from harken.cli.transcribe import Place, check_local, run
    from harken.cli.wanted import Wanted

    local = {
        "model": model,
        "aligner": aligner,
        "device": device,
        "dtype": dtype,
        "quantize": quantize,
        "threads": threads,
    }
    check_local(server, local)
    merged = read_config(config, settings, instance=local)
    wanted = Wanted(output=output, language=language, prompt=prompt, hotwords=hotwords, words=words)
    place = Place(server=server, api_key=api_key, as_job=job, ca=ca)
    sys.exit(run(merged, files, wanted=wanted, place=place, folder=folder))


def status(server: Server = DEFAULT_SERVER, api_key: ApiKey = "", ca: Ca = None, as_json: AsJson = False) -> None:
    """Show the instances behind a gateway; exit 1 unless it can transcribe now."""
    from harken.cli.status import run

    sys.exit(run(server, api_key=api_key, ca=ca, as_json=as_json))


def demo(
    instances: Annotated[int, typer.Option(min=1, max=16, help="How many instances.")] = 4,
    recordings: Annotated[int, typer.Option(min=1, max=500, help="How many at once.")] = 20,
) -> None:
    """Start a small cluster, transcribe recordings at once, show who did what, and stop it."""
    from harken.cli.demo import run

    sys.exit(run(instances=instances, recordings=recordings))


def _print_version(is_asked: bool) -> None:
    if is_asked:
        print(f"harken {harken.__version__}")
        raise typer.Exit


def _root(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version and exit.", is_eager=True, callback=_print_version)
    ] = False,
) -> None:
    """A self-hosted speech-recognition cluster for Qwen3-ASR."""
