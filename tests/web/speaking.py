"""A real `harken serve` with the packaged model of digits and a key, for pages that transcribe."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

PATIENCE_S = 60.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Speaking:
    """A server that transcribes.

    Attributes:
        url: where, without a slash at the end.
        key: without it the server says only that one is needed.
        folder: with its state.
        process: it.
    """

    url: str
    key: str
    folder: Path
    process: subprocess.Popen[str]


@contextmanager
def speaking(folder: Path, *flags: str, key: str = "") -> Iterator[Speaking]:
    """Run one until the end of the block; its state, with the key if that is known already, is in the folder."""
    env = {**os.environ, "HARKEN_STATE_FOLDER": str(folder)}
    harken = [sys.executable, "-m", "harken"]
    if not key:
        made = subprocess.run([*harken, "keys", "add", "page"], env=env, capture_output=True, text=True, check=True)
        key = made.stdout.split()[0]
    command = [*harken, "serve", "--model", "digits", "--port", "0", *flags]
    with subprocess.Popen(command, env=env, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield Speaking(url=_ready(process.stdout.readline), key=key, folder=folder, process=process)
        finally:
            process.terminate()
            process.wait(PATIENCE_S)


def _ready(read: Callable[[], str]) -> str:
    while line := read():
        told = json.loads(line)
        if told["news"] == "ready":
            return str(told["url"])
    raise AssertionError("the server ended before it was ready")
