"""The names and flags of `harken models …`; what they do is in `harken.cli.models`."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from harken.cli.flags import AsJson, ConfigFile, Settings

if TYPE_CHECKING:
    from harken.models.store import ModelStore


def build_models_app() -> typer.Typer:
    """Put the commands together."""
    app = typer.Typer(name="models", help="The models that were pulled to this machine.")
    app.callback(invoke_without_command=True)(_list_without_a_word)
    app.command("list")(list_models)
    app.command()(verify)
    app.command()(remove)
    return app


def _list_without_a_word(
    context: typer.Context, as_json: AsJson = False, config: ConfigFile = None, settings: Settings = None
) -> None:
    """The models that were pulled to this machine; without another word, their list."""
    if context.invoked_subcommand is None:
        list_models(as_json=as_json, config=config, settings=settings)


def list_models(as_json: AsJson = False, config: ConfigFile = None, settings: Settings = None) -> None:
    """Show the models that are here, and those that are not complete yet."""
    from harken.cli import models

    models.print_list(_store(config, settings), as_json=as_json)


def verify(
    model: Annotated[str | None, typer.Argument(help="All models without it.", metavar="[MODEL[@REVISION]]")] = None,
    as_json: AsJson = False,
    config: ConfigFile = None,
    settings: Settings = None,
) -> None:
    """Hash all files of a model, or of all; exit 1 where one is damaged or missing."""
    from harken.cli import models

    sys.exit(models.verify(_store(config, settings), model, as_json=as_json))


def remove(
    model: Annotated[str, typer.Argument(help="Without a revision: all of them.", metavar="MODEL[@REVISION]")],
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    config: ConfigFile = None,
    settings: Settings = None,
) -> None:
    """Delete a pulled model."""
    from harken.cli import models

    models.remove(_store(config, settings), model, is_sure=yes)


def _store(config: Path | None, settings: list[str] | None) -> ModelStore:
    from harken.cli.app import read_config
    from harken.models.store import open_store

    return open_store(read_config(config, settings).models, os.environ)
