"""The process's log: how an event becomes a line, and where lines go.

Owns the order of the processors and the choice between console and JSON on standard error; files get JSON always, the
same events. Knows nothing of rotation. The invariant: a line is rendered once for every form that is wanted, and is no
longer than `shortening` allows.
"""

from __future__ import annotations

import atexit
import logging
import sys
from typing import Any, Final, TextIO, cast

import structlog

from harken.config import LogConfig
from harken.errors import ConfigError
from harken.log.line_writer import LineWriter
from harken.log.log_files import OWNER, LogFiles
from harken.log.shortening import as_json

_LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}

_LAST_WORDS_S: Final = 1.0
"""How long the end of the process waits for what is not written yet."""

Logger = structlog.typing.FilteringBoundLogger


def check_log(config: LogConfig) -> None:
    """Refuse a log that cannot be.

    Raises:
        ConfigError: an unknown level or format.
    """
    if config.level not in _LEVELS:
        raise ConfigError(f"log.level must be one of {', '.join(_LEVELS)}, not {config.level!r}.")
    if config.format not in ("auto", "console", "json"):
        raise ConfigError(f"log.format must be auto, console or json, not {config.format!r}.")


def set_up_log(config: LogConfig, files: LogFiles | None = None) -> None:
    """Configure the process's log once, at the edge.

    Args:
        config: level, and the form of the lines on standard error.
        files: get every line too, as JSON; None for standard error alone.

    Raises:
        ConfigError: an unknown level or format.
    """
    check_log(config)
    is_console = config.format == "console" or (config.format == "auto" and sys.stderr.isatty())
    writer = LineWriter(sys.stderr.fileno())
    writer.start()
    atexit.register(writer.drain, _LAST_WORDS_S)
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            _Ends(structlog.dev.ConsoleRenderer(sort_keys=False) if is_console else None, files),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(_LEVELS[config.level]),
        logger_factory=structlog.WriteLoggerFactory(file=cast("TextIO", writer)),
        cache_logger_on_first_use=True,
    )


def get_log(name: str) -> Logger:
    """Return the log of one module; `name` is its floor and noun, for example "dispatch.relay"."""
    return cast("Logger", structlog.get_logger(source=name))  # "logger" is a parameter of its own


class _Ends:
    """The last processor: an event becomes the line for standard error, and on its way a line of a file."""

    def __init__(self, console: Any, files: LogFiles | None) -> None:
        self._console = console
        self._files = files

    def __call__(self, logger: Any, method: str, event: Any) -> Any:
        owner = event.pop(OWNER, "")
        if "request_id" in event:  # first, where the eye looks for it
            event = {"request_id": event.pop("request_id"), **event}
        line = as_json(event) if self._console is None or self._files is not None else ""
        if self._files is not None:
            self._files.write(owner, line)
        return line if self._console is None else self._console(logger, method, event)
