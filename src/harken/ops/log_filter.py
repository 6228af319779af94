"""Which lines somebody wants to see. Pure.

Owns the meaning of `harken logs`' filters and of a point in time as a person writes it. The invariant: a line that is
no event of ours has no level, name or request, so it passes only where nothing of these is asked for.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from fnmatch import fnmatchcase

from harken.errors import ConfigError
from harken.ops.log_line import LEVELS, LogLine

_UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0, "w": 604_800.0}


@dataclass(frozen=True, kw_only=True, slots=True)
class LogFilter:
    """The conditions, all of which a line must meet.

    Attributes:
        since: not before, in seconds since 1970.
        level: of at least this weight; "" for any.
        event: a pattern as the shell has them, such as "segment.*"; "" for any.
        request: an id; also of a request's segments, and of a job and its files; "" for any.
    """

    since: float = float("-inf")
    level: str = ""
    event: str = ""
    request: str = ""

    def __post_init__(self) -> None:
        """Refuse a level that there is not.

        Raises:
            ConfigError: it is unknown.
        """
        if self.level and self.level not in LEVELS:
            raise ConfigError(f"--level must be one of {', '.join(LEVELS)}, not {self.level!r}.")

    def wants(self, line: LogLine) -> bool:
        """Whether a line is to be shown."""
        if line.at < self.since:
            return False
        if not line.event:
            return not (self.level or self.event or self.request)
        if self.level and LEVELS.index(line.level) < LEVELS.index(self.level):
            return False
        if self.event and not fnmatchcase(line.event, self.event):
            return False
        return not self.request or self._is_of_request(line)

    def _is_of_request(self, line: LogLine) -> bool:
        # A segment is named after its request ("ID.0"), a file's work after its job.
        told = [line.fields.get(name) for name in ("request_id", "segment", "job_id", "segments")]
        return any(
            name == self.request or name.startswith(f"{self.request}.")
            for value in told
            for name in (value if isinstance(value, list) else [value])
            if isinstance(name, str)
        )


def since_of(text: str, now: float) -> float:
    """Read a point in time: "2h", "1h30m", "3d" ago, or an ISO date or time, of this machine's zone if it names none.

    Args:
        text: as a person writes it.
        now: seconds since 1970.

    Raises:
        ConfigError: it is neither.
    """
    spans = re.findall(r"(\d{1,9}(?:\.\d{1,9})?)([smhdw])", text)
    if spans and "".join(number + unit for number, unit in spans) == text:
        return now - sum(float(number) * _UNITS[unit] for number, unit in spans)
    try:
        return datetime.fromisoformat(text).timestamp()
    except (ValueError, OverflowError, OSError) as error:
        example = "2h, 1h30m, 3d, 2026-01-31 or 2026-01-31T08:30"
        raise ConfigError(f"--since wants a time such as {example}, not {text[:60]!r}.") from error
