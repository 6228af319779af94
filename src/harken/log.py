"""Structured logs on standard error: one event name, one set of fields, the same words everywhere.

Events are short dotted names ("instance.ready", "segment.failed"); ids come first. No transcript text is ever logged.
"""

from __future__ import annotations

import logging
import sys
from typing import Any, cast

import structlog

from harken.config import LogConfig
from harken.errors import ConfigError

_LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}

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
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            last,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(_LEVELS[config.level]),
        logger_factory=structlog.WriteLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=True,
    )


def get_log(name: str) -> Logger:
    """Return the log of one module; `name` is its floor and noun, for example "dispatch.relay"."""
    return cast("Logger", structlog.get_logger(source=name))  # "logger" is a parameter of its own
