"""Structured logs on standard error: one event name, one set of fields, the same words everywhere.

Events are short dotted names ("instance.ready", "segment.failed"); ids come first. No transcript text is ever logged.
The invariant: logging never blocks and never raises. A full disk, a closed terminal or a pipe that nobody reads may
cost lines of the log, and how many is said once it can be written again; it must not cost a request.
"""

from __future__ import annotations

import atexit
import logging
import os
import queue
import sys
import threading
from typing import Any, Final, TextIO, cast

import structlog

from harken.config import LogConfig
from harken.errors import ConfigError

_LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}

_LINES_MAX: Final = 10_000
"""Lines that may wait to be written: some megabytes."""

_LAST_WORDS_S: Final = 1.0
"""How long the end of the process waits for what is not written yet."""

Logger = structlog.typing.FilteringBoundLogger


def set_up_log(config: LogConfig) -> None:
    """Configure the process's log once, at the edge.

    Raises:
        ConfigError: an unknown level or format.
    """
    if config.level not in _LEVELS:
        raise ConfigError(f"log.level must be one of {', '.join(_LEVELS)}, not {config.level!r}.")
    if config.format not in ("auto", "console", "json"):
        raise ConfigError(f"log.format must be auto, console or json, not {config.format!r}.")
    is_console = config.format == "console" or (config.format == "auto" and sys.stderr.isatty())
    last: Any = structlog.dev.ConsoleRenderer() if is_console else structlog.processors.JSONRenderer(ensure_ascii=False)
    writer = LineWriter(sys.stderr.fileno())
    writer.start()
    atexit.register(writer.drain, _LAST_WORDS_S)
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            last,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(_LEVELS[config.level]),
        logger_factory=structlog.WriteLoggerFactory(file=cast("TextIO", writer)),
        cache_logger_on_first_use=True,
    )


def get_log(name: str) -> Logger:
    """Return the log of one module; `name` is its floor and noun, for example "dispatch.relay"."""
    return cast("Logger", structlog.get_logger(source=name))  # "logger" is a parameter of its own


class LineWriter:
    """Writes lines to a file descriptor in a thread of its own; beyond `lines_max` waiting ones it drops new ones.

    Args:
        descriptor: where to.
        lines_max: how many may wait.
    """

    def __init__(self, descriptor: int, *, lines_max: int = _LINES_MAX) -> None:
        self._descriptor = descriptor
        self._lines: queue.Queue[str] = queue.Queue(lines_max)
        self._dropped = 0

    @property
    def dropped(self) -> int:
        """Lines lost since the last one that could be written."""
        return self._dropped

    def start(self) -> None:
        """Begin to write; the thread ends with the process."""
        threading.Thread(target=self._write_all, name="log", daemon=True).start()

    def write(self, line: str) -> None:
        """Take a line, its end included; returns at once, whatever becomes of it."""
        try:
            self._lines.put_nowait(line)
        except queue.Full:
            self._dropped += 1

    def flush(self) -> None:
        """Nothing: the thread writes each line as it comes."""

    def drain(self, timeout_s: float) -> None:
        """Wait until everything is written, at most so long."""
        with self._lines.all_tasks_done:
            self._lines.all_tasks_done.wait_for(lambda: not self._lines.unfinished_tasks, timeout_s)

    def _write_all(self) -> None:
        while True:
            line = self._lines.get()
            lost = self._dropped
            note = f"log.dropped: {lost} lines could not be written\n" if lost else ""
            try:
                _write_fully(self._descriptor, (note + line).encode(errors="backslashreplace"))
            except OSError:
                self._dropped += 1
            else:
                self._dropped -= lost
            self._lines.task_done()


def _write_fully(descriptor: int, data: bytes) -> None:
    while data:
        data = data[os.write(descriptor, data) :]
