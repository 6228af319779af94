"""`harken pull`: how a pull looks, as a progress bar or as lines of JSON, and what to do with the model afterwards."""

from __future__ import annotations

import asyncio
import dataclasses
import shlex
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Protocol

from rich.markup import escape
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

from harken.cli.harmless import printable, printable_json
from harken.cli.output import let_go_of_output
from harken.cli.screen import Screen
from harken.errors import ConfigError, HarkenError
from harken.models.store import ModelStore, Stored
from harken.ops.pull.events import Arrived, Event, Found, Retrying, Verified, Waiting
from harken.ops.pull.pull import Pulled, Wish, pull
from harken.plugin.find import find, is_engine

PACKAGED = ("digits", "digits-aligner", "stub")
"""Names that always mean what is in the package, whatever was pulled under them."""

_TOLD_EVERY_S = 1.0


class Teller(Protocol):
    """Shows a pull."""

    def tell(self, event: Event) -> None:
        """Something happened."""
        ...

    def end(self, pulled: Pulled, command: str) -> None:
        """The model is here."""
        ...


def check_is_of_a_hub(model: str) -> None:
    """Refuse what no hub was ever meant to have, before one is asked.

    Raises:
        ConfigError: it is an engine of an installed package, or in Harken's own.
    """
    name = model.partition("@")[0]
    if name in PACKAGED:
        raise ConfigError(f"{name} comes with Harken: there is nothing to pull.")
    if is_engine(name) and (found := find(name)):
        raise ConfigError(
            f"{name} is an engine of the installed package {found.package} {found.version}, and no model of a hub: it "
            f"brings its own, or its documentation says how to get one. Use it: harken up --model {shlex.quote(name)}"
        )


def run(wish: Wish, store: ModelStore, *, as_json: bool, is_folder_set_here: bool = False) -> int:
    """Pull and show it; the exit code is 0, failures are raised.

    Args:
        wish: what.
        store: where to.
        as_json: lines of JSON on standard output, and nothing else there.
        is_folder_set_here: the folder was named by `--set`, so the next command needs that, too.

    Raises:
        HarkenError: it failed.
    """
    with _in_json() if as_json else _for_people() as teller:
        try:
            pulled = asyncio.run(pull(wish, store, teller.tell))
        except HarkenError as error:
            if as_json:
                _print_line({"event": "failed", "code": error.code, "message": error.message})
            raise
        except KeyboardInterrupt:
            print("harken: stopped; what arrived is kept, and the same command goes on from there.", file=sys.stderr)
            raise
    teller.end(pulled, command_for(wish, pulled.stored, store if is_folder_set_here else None))
    return 0


def command_for(wish: Wish, stored: Stored, store: ModelStore | None) -> str:
    """The command that uses a pulled model; `store` where it is not in the configured folder."""
    is_taken = wish.spec.name in PACKAGED or is_engine(wish.spec.name)
    spec = str(stored.folder) if is_taken else str(wish.spec)
    flag = "--aligner" if "aligner" in wish.spec.name.lower() else "--model"
    words = ["harken", "up", flag, spec]
    if store is not None:
        words += ["--set", f"models.folder={store.folder}"]
    return shlex.join(words)


def how_checked(stored: Stored) -> str:
    """What the digests of the files were compared with, in a sentence."""
    alone = [file.name for file in stored.manifest.files if file.checked == "none"]
    if not alone:
        return "Every file was compared with the digest that its source tells."
    return (
        f"Its source tells no digest of {len(alone)} of {len(stored.manifest.files)} files ({', '.join(alone)[:200]}): "
        "of these only the size could be compared."
    )


@contextmanager
def _for_people() -> Iterator[_Bar]:
    # Standard output is for what remains: where the model is.
    console = Screen(stderr=True)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        yield _Bar(progress)


class _Bar:
    """A progress bar over all files; what goes wrong is a line above it."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._task = progress.add_task("asking", total=None)

    def tell(self, event: Event) -> None:
        """See `Teller`."""
        match event:
            case Found():
                self._progress.reset(self._task, total=event.bytes or None, completed=event.here)
                self._progress.update(self._task, description=escape(f"{event.name} ({event.files} files)"))
            case Arrived():
                self._progress.advance(self._task, event.bytes)
            case Retrying():
                what = f"{event.file}: " if event.file else ""
                self._progress.print(escape(f"{what}{event.reason}; again in {event.wait_s:.0f} s"))
            case Waiting():
                self._progress.print(escape(f"{event.reason}."))
            case Verified():
                pass

    def end(self, pulled: Pulled, command: str) -> None:
        """See `Teller`."""
        manifest = pulled.stored.manifest
        was = " was here already" if pulled.was_here else ""
        print(
            f"{printable(manifest.name)}{was}: revision {printable(manifest.revision)}, {len(manifest.files)} files, "
            f"{manifest.bytes / 1e6:,.1f} MB, from {printable(manifest.source)}"
        )
        print(pulled.stored.folder)
        print(how_checked(pulled.stored))
        print(f"Use it: {command}")


@contextmanager
def _in_json() -> Iterator[_Lines]:
    yield _Lines()


class _Lines:
    """A line of JSON for each event; of bytes at most one a second."""

    def __init__(self) -> None:
        self._bytes = 0
        self._of = 0
        self._told = time.monotonic()

    def tell(self, event: Event) -> None:
        """See `Teller`."""
        if isinstance(event, Arrived):
            self._bytes += event.bytes
            if time.monotonic() - self._told < _TOLD_EVERY_S:
                return
            self._told = time.monotonic()
            _print_line({"event": "progress", "bytes": self._bytes, "of": self._of})
            return
        if isinstance(event, Found):
            self._bytes, self._of = event.here, event.bytes
        _print_line({"event": type(event).__name__.lower(), **dataclasses.asdict(event)})

    def end(self, pulled: Pulled, command: str) -> None:
        """See `Teller`."""
        manifest = pulled.stored.manifest
        _print_line(
            {
                "event": "done",
                "name": manifest.name,
                "revision": manifest.revision,
                "source": manifest.source,
                "bytes": manifest.bytes,
                "folder": str(pulled.stored.folder),
                "was_here": pulled.was_here,
                "unchecked": [file.name for file in manifest.files if file.checked == "none"],
                "command": command,
            }
        )


def _print_line(fields: dict[str, Any]) -> None:
    try:
        print(printable_json(fields), flush=True)
    except BrokenPipeError:
        # Nobody listens any more; that is no reason to leave the model half-fetched.
        let_go_of_output()
