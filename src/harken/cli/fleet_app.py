"""`harken scale`, `restart` and `drain`: changing the fleet of a gateway that runs on this machine."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from harken.cli.flags import AsJson, ConfigFile, GatewayPort, Settings


def scale(
    count: Annotated[int, typer.Argument(min=0, metavar="COUNT", help="How many instances there should be.")],
    port: GatewayPort = None,
    as_json: AsJson = False,
    config: ConfigFile = None,
    settings: Settings = None,
) -> None:
    """Have so many instances; wait until new ones are ready, and those that go have finished what they had."""
    done = _carry_out({"do": "scale", "count": count}, port, as_json, config, settings)
    _print(done, as_json, f"{done.get('before')} → {done.get('now')} instances")


def restart(
    names: Annotated[
        list[str] | None, typer.Argument(metavar="[INSTANCE]...", help="All in service, if none is named.")
    ] = None,
    port: GatewayPort = None,
    as_json: AsJson = False,
    config: ConfigFile = None,
    settings: Settings = None,
) -> None:
    """Restart instances one after another, without losing a request; named, drained and broken ones come back."""
    done = _carry_out({"do": "restart", "names": names or []}, port, as_json, config, settings)
    _print(done, as_json, f"restarted: {', '.join(done.get('restarted', []))}")


def drain(
    names: Annotated[list[str], typer.Argument(metavar="INSTANCE...", help="Such as asr-2.")],
    port: GatewayPort = None,
    as_json: AsJson = False,
    config: ConfigFile = None,
    settings: Settings = None,
) -> None:
    """Take instances out of service once they have finished what they have; harken restart brings them back."""
    done = _carry_out({"do": "drain", "names": names}, port, as_json, config, settings)
    _print(done, as_json, f"out of service: {', '.join(done.get('drained', []))}")


def _carry_out(
    request: dict[str, Any], port: int | None, as_json: bool, config: ConfigFile, settings: Settings
) -> dict[str, Any]:
    from harken.cli.app import read_config
    from harken.cli.control import carry_out

    return carry_out(read_config(config, settings), port, request, as_json=as_json)


def _print(done: dict[str, Any], as_json: bool, sentence: str) -> None:
    from harken.cli.harmless import printable_json, printable_text
    from harken.cli.screen import drawn

    print(printable_json(done) if as_json else drawn(printable_text(sentence)))
