"""The flags of `harken listen`; what it does is in `listen`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from harken.cli.flags import DEFAULT_SERVER, ApiKey, AsJson, Ca, Language, Prompt, Server


def listen(
    source: Annotated[
        str | None,
        typer.Argument(
            help="A recording, or - for PCM16 from standard input. [default: the microphone]", metavar="[FILE]"
        ),
    ] = None,
    server: Server = DEFAULT_SERVER,
    api_key: ApiKey = "",
    ca: Ca = None,
    language: Language = "auto",
    prompt: Prompt = "",
    silence_ms: Annotated[int | None, typer.Option(help="A pause so long ends a turn. [default: 500]")] = None,
    no_turns: Annotated[bool, typer.Option("--no-turns", help="One turn, from the beginning to the end.")] = False,
    speed: Annotated[
        float | None, typer.Option(help="Of a recording; 0 for as fast as the server takes it. [default: 1]")
    ] = None,
    rate: Annotated[int | None, typer.Option(help="Samples a second of standard input. [default: 16000]")] = None,
    as_json: AsJson = False,
) -> None:
    """Print what is said now while it is said: the microphone, a pipe, or a recording at its own pace."""
    from harken.cli.listen import AskedListen, run
    from harken.errors import ConfigError

    if source == "":  # as a path it would be this folder
        raise ConfigError("The recording's name is empty; leave it out for the microphone.")
    asked = AskedListen(
        source=None if source is None else Path(source),
        server=server,
        api_key=api_key,
        ca=ca,
        language=language,
        prompt=prompt,
        finds_turns=not no_turns,
        silence_ms=silence_ms,
        speed=speed,
        rate=rate,
        as_json=as_json,
    )
    sys.exit(run(asked))
