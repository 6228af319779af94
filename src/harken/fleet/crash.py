"""What is written down about an instance's process that ended as it should not have.

Pure: plain data in, a report out. It knows neither processes nor folders. The invariant: an end that was asked for, and
went as it was asked, makes no report; every other end makes one, with the reason in words.
"""

from __future__ import annotations

import dataclasses
import signal
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from harken.config import InstanceConfig
from harken.fleet.phases import Phase
from harken.server.lifecycle import EXIT_BROKEN_AT_START, EXIT_DEFECT, EXIT_ENGINE_LOST, EXIT_WRONG_USAGE


@dataclass(frozen=True, kw_only=True, slots=True)
class Life:
    """One process of an instance, at its end.

    Attributes:
        instance: its configuration.
        pid: its process number; None where it could not be created, or ran on another machine.
        uptime_s: from its creation to its end.
        was_ready: it became ready.
        last_lines: of its standard error.
        killed_because: what it did to be killed, as a sentence without its full stop; "" where nobody complained.
    """

    instance: InstanceConfig
    pid: int | None = None
    uptime_s: float = 0.0
    was_ready: bool = False
    last_lines: tuple[str, ...] = ()
    killed_because: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Crash:
    """A report.

    Attributes:
        instance: its name.
        how: how it ended, as a sentence.
        exit_code: None after a signal, or where no process was created.
        signal: the signal's name; "" for none.
        phase: where it was when it ended.
        reason: what is known of the cause, as a sentence; "" for nothing.
        restarts: how often it had been started again before this end.
        pid: of the process.
        uptime_s: how long it ran.
        was_ready: it had become ready.
        model: of its configuration.
        device: of its configuration.
        last_lines: of its standard error, oldest first.
    """

    instance: str
    how: str
    exit_code: int | None
    signal: str
    phase: str
    reason: str
    restarts: int
    pid: int | None
    uptime_s: float
    was_ready: bool
    model: str
    device: str
    last_lines: tuple[str, ...] = field(default=())

    def as_json(self, *, time: str, version: str) -> dict[str, Any]:
        """Its fields for a file; `time` is in UTC, `version` is Harken's."""
        return {"time": time, "harken": version, **dataclasses.asdict(self)}


def crash_of(
    life: Life, phase: Phase, exit_code: int | None, *, reason: str, restarts: int, is_lost: bool = False
) -> Crash | None:
    """Say what is to be reported of an end; None for one that is as it should be.

    Args:
        life: the process.
        phase: where the instance was when it ended.
        exit_code: negative for a signal; None where no process was created.
        reason: the supervisor's, or "".
        restarts: starts before this one, but for the first.
        is_lost: it went with what it ran in.
    """
    if not _is_crash(phase, exit_code):
        return None
    number = -exit_code if exit_code is not None and exit_code < 0 else 0
    return Crash(
        instance=life.instance.name,
        how=_LOST if is_lost else _how(phase, exit_code, life),
        exit_code=None if number else exit_code,
        signal=_name(number) if number else "",
        phase=phase.value,
        reason=reason,
        restarts=restarts,
        pid=life.pid,
        uptime_s=round(life.uptime_s, 3),
        was_ready=life.was_ready,
        model=life.instance.model,
        device=life.instance.device,
        last_lines=life.last_lines,
    )


_LOST = "What it ran in was lost, and it with that."


def _is_crash(phase: Phase, exit_code: int | None) -> bool:
    if phase is Phase.STOPPING:
        # It was asked to leave, and may have had no time yet to learn how that is done in order.
        return exit_code not in (None, 0, -signal.SIGTERM)
    # Somebody else may ask it to leave as well: that is no crash, though it is started again.
    return exit_code != 0


def _how(phase: Phase, exit_code: int | None, life: Life) -> str:
    if exit_code is None:
        return "It could not be started."
    if phase is Phase.KILLING:
        if not life.was_ready:
            return "It did not become ready in time; killed."
        return f"{life.killed_because or 'It no longer answered'}, and was killed."
    if exit_code >= 0:
        meaning = _CODES.get(exit_code, "")
        return f"It left with exit code {exit_code}{f': {meaning}' if meaning else ''}."
    if phase is Phase.STOPPING and exit_code == -signal.SIGKILL:
        return "It did not leave in time, and was killed."
    hint = ", and not by Harken: the system lacked memory, or a person did it" if exit_code == -signal.SIGKILL else ""
    return f"Signal {-exit_code} ({_name(-exit_code)}) ended it{hint}."


_CODES: Mapping[int, str] = {
    1: "an error that nobody caught",
    EXIT_WRONG_USAGE: "wrong usage or configuration",
    EXIT_BROKEN_AT_START: "it cannot start as it was told to",
    EXIT_ENGINE_LOST: "its engine was lost",
    EXIT_DEFECT: "a defect of its own",
}


def _name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
