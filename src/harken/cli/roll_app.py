"""`harken roll`: a new model for a running fleet, instance by instance."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from harken.cli.flags import AsJson, ConfigFile, GatewayPort, Settings
from harken.errors import ConfigError


def roll(
    model: Annotated[str | None, typer.Option(help="The new one: digits, a folder, or a hub name.")] = None,
    replace: Annotated[
        bool, typer.Option("--replace", help="Take each instance down before its successor comes up.")
    ] = False,
    shadow: Annotated[int, typer.Option(min=0, max=1000, help="Segments for a trial that nobody sees.")] = 20,
    shadow_wait: Annotated[
        float, typer.Option(min=0.0, max=3600.0, help="Seconds to wait for them in the traffic.")
    ] = 20.0,
    watch: Annotated[
        float, typer.Option(min=0.0, max=86_400.0, help="Seconds for which the first new instance is watched.")
    ] = 30.0,
    slowdown: Annotated[
        float, typer.Option(min=1.0, max=1000.0, help="So many times slower than the old model is too slow.")
    ] = 2.0,
    accept_losses: Annotated[
        bool, typer.Option("--accept-losses", help="The new model may lack languages, an aligner, long segments.")
    ] = False,
    stop: Annotated[bool, typer.Option("--stop", help="Have the roll under way go back.")] = False,
    port: GatewayPort = None,
    as_json: AsJson = False,
    config: ConfigFile = None,
    settings: Settings = None,
) -> None:
    """Replace the model of all instances without losing a request; goes back by itself if anything is wrong."""
    from harken.cli.app import read_config
    from harken.cli.control import carry_out
    from harken.cli.harmless import printable_json, printable_text

    if model is not None and not model.strip():
        raise ConfigError("--model is empty.")
    if stop == (model is not None):
        raise ConfigError("harken roll wants either --model and a model, or --stop.")
    if model is not None and Path(model).expanduser().is_dir():
        model = str(Path(model).expanduser().absolute())  # as it is called here, not where the gateway was started
    request = {
        "do": "roll",
        "model": model,
        "is_replacing": replace,
        "shadow": shadow,
        "shadow_wait_s": shadow_wait,
        "watch_s": watch,
        "slowdown": slowdown,
        "accepts_losses": accept_losses,
    }
    done = carry_out(read_config(config, settings), port, {"do": "stop_roll"} if stop else request, as_json=as_json)
    if as_json:
        print(printable_json(done))
    elif stop:
        print("the roll goes back")
    else:
        print(printable_text(f"rolled to {done.get('model')}: {', '.join(done.get('instances', []))} are in service"))
