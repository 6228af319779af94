"""`harken keys …`: API keys, made and revoked in the database itself; no server needs to run.

Servers of the same database see a change within two seconds. The secret of a new key is the only line on standard
output, so that it can go straight into a file or a variable.
"""

from __future__ import annotations

import json
import os
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape
from rich.table import Table

from harken.cli.flags import AsJson, ConfigFile, Settings
from harken.cli.screen import Screen, drawn

if TYPE_CHECKING:
    from harken.keys import Key, KeyBook
    from harken.types import Priority

_LEAST_WIDTH = 110

Requests = Annotated[int | None, typer.Option(min=0, help="Its requests per minute; 0 for no limit.")]
Highest = Annotated[
    str, typer.Option("--priority", help="The highest class that it may ask for: live, interactive or batch.")
]
Audio = Annotated[float | None, typer.Option("--audio-seconds-per-minute", min=0, help="Its audio; 0 for no limit.")]


def build_keys_app() -> typer.Typer:
    """Put the commands together."""
    app = typer.Typer(name="keys", help="API keys: who may use the servers of a database.", no_args_is_help=True)
    app.command()(add)
    app.command("list")(list_keys)
    app.command()(revoke)
    return app


def add(
    name: Annotated[str, typer.Argument(help="What you call it.", metavar="NAME")],
    admin: Annotated[bool, typer.Option("--admin", help="It may call the admin routes and see all jobs.")] = False,
    requests_per_minute: Requests = None,
    audio_s_per_minute: Audio = None,
    priority: Highest = "interactive",
    config: ConfigFile = None,
    settings: Settings = None,
    as_json: AsJson = False,
) -> None:
    """Make a key and print its secret, once."""
    from harken.keys.describe import key_fields

    key, secret = _book(config, settings).add(
        name,
        is_admin=admin,
        requests_per_minute=requests_per_minute,
        audio_s_per_minute=audio_s_per_minute,
        priority=_class(priority),
    )
    if as_json:
        print(json.dumps({**key_fields(key), "secret": secret}, indent=2, ensure_ascii=False))
        return
    print(secret)
    print(f"{key.id}: {key.name}. This is the only time that the secret is shown.", file=sys.stderr)


def list_keys(config: ConfigFile = None, settings: Settings = None, as_json: AsJson = False) -> None:
    """Show all keys, revoked ones too; never their secrets."""
    from harken.keys.describe import key_fields

    found = _book(config, settings).all()
    if as_json:
        print(json.dumps([key_fields(key) for key in found], indent=2, ensure_ascii=False))
    else:
        _print_table(found)


def revoke(
    key: Annotated[str, typer.Argument(help="The id of a key in use, or its name.", metavar="ID|NAME")],
    config: ConfigFile = None,
    settings: Settings = None,
    as_json: AsJson = False,
) -> None:
    """Take a key out of use, for good."""
    from harken.keys.describe import key_fields

    revoked = _book(config, settings).revoke(key)
    if as_json:
        print(json.dumps(key_fields(revoked), indent=2, ensure_ascii=False))
    else:
        print(f"{revoked.id}: {revoked.name} is revoked.")


def _class(text: str) -> Priority:
    from harken.types import Priority

    try:
        return Priority(text)
    except ValueError:
        raise typer.BadParameter(f"it must be one of {', '.join(Priority)}", param_hint="--priority") from None


def _book(config: Path | None, settings: list[str] | None) -> KeyBook:
    from harken.cli.app import read_config
    from harken.keys import KeyBook
    from harken.state import Database

    return KeyBook(Database(read_config(config, settings).state, os.environ))


def _print_table(found: list[Key]) -> None:
    table = Table(box=None, header_style="dim")
    for column in ("id", "name", "secret", "state", "class", "req/min", "audio-s/min", "used"):
        is_number = column.endswith("/min")
        # Where it gets narrow, names are what may be broken.
        table.add_column(column, justify="right" if is_number else "left", overflow="fold", no_wrap=column != "name")
    for key in found:
        state = "[red]revoked[/]" if key.revoked_at is not None else "[green]admin[/]" if key.is_admin else "in use"
        table.add_row(
            key.id,
            escape(key.name),
            key.prefix + drawn("…"),
            state,
            key.priority.value,
            _limit(key.requests_per_minute),
            _limit(key.audio_s_per_minute),
            _day(key.last_used_at),
        )
    # A narrower terminal breaks whole lines, not each word of them.
    Screen(width=max(Screen().width, _LEAST_WIDTH)).print(table)


def _limit(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:g}" if value else "none"


def _day(time_s: float | None) -> str:
    return "" if time_s is None else f"{datetime.fromtimestamp(time_s, UTC):%Y-%m-%d}"
