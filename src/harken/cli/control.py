"""Talking to a running gateway's control socket: finding it, asking, and showing progress.

The invariant: an end of the connection without a last line is said to be one, never taken for success.
"""

from __future__ import annotations

import json
import os
import socket
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from harken.cli.harmless import printable_text
from harken.config import Config
from harken.errors import ConfigError, HarkenError
from harken.state import run_folder, run_folders
from harken.state.control_socket import is_answered, socket_address


class NoGateway(HarkenError):
    """No gateway of this user runs here, or not the one that is meant."""

    code = "no_gateway"
    default = "No gateway runs here."


class ControlRefused(HarkenError):
    """The gateway answers that it cannot or will not do it.

    Args:
        code: the stable code of its answer.
        message: its own words.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code  # type: ignore[misc] # the gateway's, not one of ours


def find_gateway(config: Config, port: int | None) -> Path:
    """Find the run folder of the gateway that is meant: on this port, else the configured one, else the only one.

    Raises:
        NoGateway: there is none, or there are several to choose from.
    """
    if port is not None:
        folder = run_folder(config.state, os.environ, port)
        if not is_answered(folder):
            raise NoGateway(f"No gateway of yours runs on port {port} (no control socket in {folder}).")
        return folder
    running = {port: folder for port, folder in run_folders(config.state, os.environ).items() if is_answered(folder)}
    if config.gateway.port in running:
        return running[config.gateway.port]
    if len(running) > 1:
        raise NoGateway(f"Several gateways run here; choose one: --port {', --port '.join(map(str, running))}.")
    if not running:
        where = run_folder(config.state, os.environ, config.gateway.port).parent
        raise NoGateway(f"No gateway of yours runs here: nobody listens in {where}. Start one with harken up.")
    return next(iter(running.values()))


def ask(folder: Path, request: Mapping[str, Any], on_progress: Callable[[str], None]) -> dict[str, Any]:
    """Send one request and wait for its end, however long that takes.

    Raises:
        NoGateway: nobody listens there, or the connection ended before the answer.
        ControlRefused: the gateway's own refusal.
    """
    try:
        with socket_address(folder) as address, socket.socket(socket.AF_UNIX) as connection:
            connection.connect(address)
            connection.sendall(json.dumps(request).encode() + b"\n")
            with connection.makefile("rb") as lines:
                for line in lines:
                    answer = json.loads(line)
                    if "progress" in answer:
                        on_progress(str(answer["progress"]))
                    elif "error" in answer:
                        raise ControlRefused(str(answer["error"]["code"]), str(answer["error"]["message"]))
                    else:
                        done: dict[str, Any] = answer["done"]
                        return done
    except PermissionError as error:
        raise NoGateway(f"The control socket in {folder} belongs to another user.") from error
    except (OSError, ConfigError, ValueError, KeyError, TypeError) as error:
        raise NoGateway(f"The gateway of {folder} does not answer: {error}.") from error
    raise NoGateway("The gateway ended before it had answered.")


def carry_out(config: Config, port: int | None, request: Mapping[str, Any], *, as_json: bool) -> dict[str, Any]:
    """Find the gateway, ask, and print its progress to standard error; Ctrl-C ends the watching only.

    Raises:
        HarkenError: as `find_gateway` and `ask`.
    """
    folder = find_gateway(config, port)

    def show(sentence: str) -> None:
        if not as_json:
            print(printable_text(sentence), file=sys.stderr, flush=True)

    try:
        done = ask(folder, request, show)
        if done.get("is_remembered") is False:
            print(
                "The gateway could not write that down: after its restart it will not count. See its log.",
                file=sys.stderr,
            )
        return done
    except KeyboardInterrupt:
        print("The gateway goes on with it; harken logs gateway -f shows what becomes of it.", file=sys.stderr)
        raise
