"""Flags that several commands have, each described once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Model = Annotated[
    str | None, typer.Option(help="digits, an engine, a folder, or a hub name. [default: Qwen/Qwen3-ASR-1.7B]")
]
Aligner = Annotated[
    str | None, typer.Option(help="Times words: auto, none, digits-aligner, a folder, or a hub name. [default: auto]")
]
Instances = Annotated[int | None, typer.Option(help="How many instances. [default: 4, or 0 with --upstream alone]")]
Upstream = Annotated[
    list[str] | None, typer.Option(metavar="URL", help="Another server that speaks OpenAI's audio API; repeatable.")
]
Weights = Annotated[str | None, typer.Option(help="Shares of the instances under a weighted policy, such as 3,3,2,2.")]
Port = Annotated[int | None, typer.Option(help="Port of the gateway; 0 chooses one. [default: 7860]")]
FirstPort = Annotated[int | None, typer.Option(help="Port of the first instance. [default: 7861]")]
Host = Annotated[str | None, typer.Option(help="Address to listen on. [default: 127.0.0.1]")]
Device = Annotated[str | None, typer.Option(help="auto, cpu, cuda, cuda:1, mps. [default: auto]")]
Dtype = Annotated[str | None, typer.Option(help="auto, float32, bfloat16. [default: auto]")]
Quantize = Annotated[str | None, typer.Option(help="Weights rounded to int8, int4, fp8. [default: none]")]
Slots = Annotated[
    int | None, typer.Option(help="Segments that one instance runs at once. [default: what memory holds]")
]
Threads = Annotated[int | None, typer.Option(help="CPU threads of one model; 0 shares the cores. [default: 0]")]
Language = Annotated[str, typer.Option(help="A name or code such as English or zh; auto detects it.")]
ConfigFile = Annotated[Path | None, typer.Option("--config", help="A harken.toml. [default: ./harken.toml if there]")]
Settings = Annotated[list[str] | None, typer.Option("--set", metavar="SECTION.KEY=VALUE", help="Set any key.")]
Prompt = Annotated[str, typer.Option(help="What is said beforehand: names and terms that may occur.")]
Hotwords = Annotated[str, typer.Option(help="Names and terms that may occur, separated by commas.")]
WordTimes = Annotated[bool, typer.Option("--words", help="With the times of words (verbose_json, srt, vtt).")]
Format = Annotated[str, typer.Option("--format", help="txt, json, verbose_json, srt or vtt.")]
Folder = Annotated[Path | None, typer.Option("--output", help="Write a file for each recording into this folder.")]
Server = Annotated[str, typer.Option(help="Address of a gateway or an instance.")]
LogLevel = Annotated[str | None, typer.Option(help="debug, info, warning or error. [default: info]")]
ApiKey = Annotated[
    str, typer.Option(envvar="HARKEN_API_KEY", show_envvar=False, help="A key of that server; or HARKEN_API_KEY.")
]
GatewayPort = Annotated[
    int | None, typer.Option("--port", min=1, max=65_535, help="Of the gateway, where several run here.")
]
Ca = Annotated[
    Path | None, typer.Option("--ca", help="Who issued that server's certificate, as PEM; or SSL_CERT_FILE.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]

DEFAULT_SERVER = "http://127.0.0.1:7860"
