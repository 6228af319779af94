"""The flags of `harken backup` and `harken restore`; what they do is in `harken.cli.backup`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from harken.cli.flags import AsJson, ConfigFile, Settings


def _path(text: str) -> Path:
    """Read a path; "", as of a variable that is not set, would be the working directory."""
    if not text.strip():
        raise typer.BadParameter("it is empty.")
    return Path(text)


Archive = Annotated[Path, typer.Argument(help="The backup, such as harken.tar.gz.", metavar="FILE")]


def backup(
    file: Archive,
    verify: Annotated[
        bool, typer.Option("--verify", help="Make none: restore this one for trial, and compare.")
    ] = False,
    weights: Annotated[bool, typer.Option("--weights", help="With the model's files.")] = False,
    logs: Annotated[bool, typer.Option("--logs", help="With logs and crash reports.")] = False,
    replace: Annotated[bool, typer.Option("--replace", help="Write over a file of that name.")] = False,
    config: ConfigFile = None,
    settings: Settings = None,
    as_json: AsJson = False,
) -> None:
    """Save configuration, keys, jobs and their recordings in one file, while servers go on."""
    from harken.cli import backup as work
    from harken.cli.app import config_file, read_config
    from harken.errors import ConfigError
    from harken.ops.backup.making import Wanted

    if verify:
        if weights or logs or replace:
            raise ConfigError("--verify makes no backup: --weights, --logs and --replace say nothing with it.")
        work.verify(file, as_json=as_json)
        return
    wanted = Wanted(
        target=file.absolute(),
        config=read_config(config, settings),
        config_file=config_file(config),
        with_weights=weights,
        with_logs=logs,
        replaces=replace,
    )
    work.make(wanted, as_json=as_json)


def restore(
    file: Archive,
    to: Annotated[
        Path, typer.Option(parser=_path, metavar="PATH", help="The state folder that it becomes; empty, or not there.")
    ],
    config_to: Annotated[
        Path | None,
        typer.Option(parser=_path, metavar="PATH", help="Where its harken.toml goes. [default: nowhere]"),
    ] = None,
    database: Annotated[
        str, typer.Option(help="SQLAlchemy URL of an empty database for its rows. [default: SQLite in the folder]")
    ] = "",
    replace: Annotated[bool, typer.Option("--replace", help="Move aside what is there.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Check everything, and change nothing.")] = False,
    as_json: AsJson = False,
) -> None:
    """Bring a backup back, after everything in it was checked."""
    from harken.cli import backup as work
    from harken.ops.backup.restoring import Asked

    asked = Asked(
        archive=file,
        place=to.expanduser().absolute(),
        config_place=None if config_to is None else config_to.expanduser().absolute(),
        database=database,
        replaces=replace,
        is_dry=dry_run,
    )
    work.restore(asked, as_json=as_json)
