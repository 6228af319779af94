"""`harken logs`: the lines of a gateway and its instances, by files alone: the gateway need not run.

Owns which folder is read and what is done with its lines: shown, followed, or handed on to be summed up. The invariant:
whoever stops reading us, by Ctrl-C or a closed pipe, gets no complaint.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from harken.cli.log_lines import Show, make_show, show_as_json, wants_colours
from harken.cli.output import cannot_print, let_go_of_output
from harken.config import Config
from harken.errors import ConfigError, HarkenError
from harken.ops.log_filter import LogFilter
from harken.ops.log_folder import current, identity, opened, owners
from harken.ops.log_line import LogLine, parse_line
from harken.ops.log_reading import backwards, forwards, last, merged
from harken.ops.log_tap import Tap
from harken.state.run_folder import run_folders

LINES = 100
"""Shown where nobody says how many, nor from when on."""

_POLL_S = 0.25


class NoLogs(HarkenError):
    """There is no log of such a gateway on this machine, or several and none was named."""

    code = "no_logs"
    default = "There is no log here."


@dataclass(frozen=True, kw_only=True, slots=True)
class AskedLogs:
    """What the person wants to see.

    Attributes:
        names: of the gateway and instances; empty for all.
        wanted: which lines.
        lines: the last so many; None for all.
        follow: go on as they come.
        as_json: lines as they were written.
    """

    names: Sequence[str] = ()
    wanted: LogFilter = field(default_factory=LogFilter)
    lines: int | None = None
    follow: bool = False
    as_json: bool = False


def run(folder: Path, asked: AskedLogs) -> int:
    """Show lines; return the exit code.

    Args:
        folder: of logs.
        asked: what is wanted.

    Raises:
        ConfigError: a name that has no log.
    """
    names = chosen(folder, asked.names)
    width = max(map(len, names), default=0)
    show = show_as_json if asked.as_json else make_show(width, has_colours=wants_colours())
    return quietly(lambda: _follow(folder, asked, show) if asked.follow else _show(folder, names, asked, show))


def quietly(work: Callable[[], int]) -> int:
    """Do what prints, until it is done or nobody reads any more; return the exit code.

    Raises:
        CannotPrint: the output cannot be written.
    """
    try:
        code = work()
        sys.stdout.flush()
    except BrokenPipeError:
        let_go_of_output()
        return 0
    except KeyboardInterrupt:
        return 130
    except OSError as error:
        let_go_of_output()
        raise cannot_print(error) from error
    return code


def folder_of(config: Config, env: Mapping[str, str], port: int | None, *, part: str) -> Path:
    """Find the folder of one gateway's logs or crash reports.

    Args:
        config: says where the state folder is, and which port the gateway has.
        env: the process's variables.
        port: of the gateway; None for the configured one, or the only one that there is.
        part: "logs" or "crashes".

    Raises:
        NoLogs: there is none, or there are several and none is meant.
    """
    folders = run_folders(config.state, env)
    if part == "logs":
        folders = {number: folder for number, folder in folders.items() if (folder / part).is_dir()}
    wanted = config.gateway.port if port is None else port
    if wanted in folders:
        return folders[wanted] / part
    there = ", ".join(map(str, folders))
    if not folders:
        raise NoLogs("No gateway of this user has written a log here; one does while log.to_files is true.")
    if port is not None:
        raise NoLogs(f"No gateway on port {port} has written a log here; there are those of: {there}.")
    if len(folders) > 1:
        raise NoLogs(f"Several gateways have written logs here; choose one with --port: {there}.")
    return next(iter(folders.values())) / part


def chosen(folder: Path, names: Sequence[str]) -> tuple[str, ...]:
    """Whose files are read.

    Raises:
        ConfigError: one of the names has none.
    """
    there = owners(folder)
    for name in names:
        if name not in there:
            raise ConfigError(f"{name!r} has no log in {folder}; there are: {', '.join(there) or 'none'}.")
    return tuple(name for name in there if not names or name in names)


def every_line(folder: Path, names: Sequence[str], stack: ExitStack) -> list[Iterator[LogLine]]:
    """Open all files, for as long as `stack` is; the lines of each owner, the oldest first."""
    return [forwards(stack.enter_context(opened(current(folder, name))), name) for name in names]


def _show(folder: Path, names: Sequence[str], asked: AskedLogs, show: Show) -> int:
    with ExitStack() as stack:
        if asked.lines is None:
            found: Iterator[LogLine] = filter(asked.wanted.wants, merged(every_line(folder, names, stack)))
        else:
            streams = [backwards(stack.enter_context(opened(current(folder, name))), name) for name in names]
            found = iter(last(streams, asked.wanted, asked.lines))
        for line in found:
            sys.stdout.write(show(line))
    return 0


def _follow(folder: Path, asked: AskedLogs, show: Show) -> int:
    taps: dict[str, Tap] = {}
    try:
        for name in chosen(folder, asked.names):
            taps[name] = Tap(current(folder, name), from_end=True)
        _write(_before(folder, taps, asked), show)
        while True:
            for name in owners(folder):
                if name not in taps and (not asked.names or name in asked.names):
                    taps[name] = Tap(current(folder, name), from_end=False)
            came = [parse_line(data, name, time.time()) for name, tap in taps.items() for data in tap.poll()]
            _write([line for line in sorted(came, key=lambda line: line.at) if asked.wanted.wants(line)], show)
            if not came:
                time.sleep(_POLL_S)
    except KeyboardInterrupt:
        return 0  # the way to end it
    finally:
        for tap in taps.values():
            tap.close()


def _before(folder: Path, taps: Mapping[str, Tap], asked: AskedLogs) -> list[LogLine]:
    """The last lines before the place where the taps go on."""
    with ExitStack() as stack:
        streams = [_backwards_from(folder, name, tap, stack) for name, tap in taps.items()]
        return last(streams, asked.wanted, sys.maxsize if asked.lines is None else asked.lines)


def _backwards_from(folder: Path, name: str, tap: Tap, stack: ExitStack) -> Iterator[LogLine]:
    """The lines before the place of a tap, the newest first; it may have been rotated away since it was opened."""
    files = stack.enter_context(opened(current(folder, name)))
    known = [identity(file) for file in files]
    if tap.identity not in known:
        return iter(())
    return backwards(files[: known.index(tap.identity) + 1], name, end=tap.position)


def _write(lines: Sequence[LogLine], show: Show) -> None:
    for line in lines:
        sys.stdout.write(show(line))
    if lines:
        sys.stdout.flush()
