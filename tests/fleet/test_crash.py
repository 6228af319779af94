"""What is told of an instance's end, and of which end nothing is told."""

from __future__ import annotations

import signal

import pytest

from harken.config import InstanceConfig
from harken.fleet.crash import Crash, Life, crash_of
from harken.fleet.phases import Phase

LIFE = Life(
    instance=InstanceConfig(name="asr-2", model="digits", device="cuda:1"),
    pid=4711,
    uptime_s=12.34567,
    was_ready=True,
    last_lines=("Traceback", "MemoryError"),
)


def report(phase: Phase, exit_code: int | None, life: Life = LIFE) -> Crash | None:
    """Of one end."""
    return crash_of(life, phase, exit_code, reason="why", restarts=3)


def test_a_report_says_who_what_where_and_how() -> None:
    """All that a person asks first."""
    crash = report(Phase.READY, -signal.SIGSEGV)
    assert crash is not None
    assert crash.as_json(time="t", version="v") == {
        "time": "t",
        "harken": "v",
        "instance": "asr-2",
        "how": "Signal 11 (SIGSEGV) ended it.",
        "exit_code": None,
        "signal": "SIGSEGV",
        "phase": "ready",
        "reason": "why",
        "restarts": 3,
        "pid": 4711,
        "uptime_s": 12.346,
        "was_ready": True,
        "model": "digits",
        "device": "cuda:1",
        "last_lines": ("Traceback", "MemoryError"),
    }


def test_what_was_lost_with_its_place_did_not_end_by_a_signal() -> None:
    """Nobody looks for memory that was never lacking."""
    crash = crash_of(LIFE, Phase.READY, None, reason="The node died.", restarts=0, is_lost=True)
    assert crash is not None
    assert (crash.how, crash.signal) == ("What it ran in was lost, and it with that.", "")
    assert crash.reason == "The node died."


@pytest.mark.parametrize(
    ("phase", "exit_code", "words"),
    [
        (Phase.READY, 1, "exit code 1: an error that nobody caught"),
        (Phase.READY, 4, "exit code 4: its engine was lost"),
        (Phase.STARTING, 3, "exit code 3: it cannot start"),
        (Phase.READY, 77, "exit code 77."),
        (Phase.READY, -9, "Signal 9 (SIGKILL) ended it, and not by Harken: the system lacked memory"),
        (Phase.READY, -64, "Signal 64"),
        (Phase.READY, -1000, "signal 1000"),
        (Phase.STARTING, None, "It could not be started."),
        (Phase.KILLING, -9, "It no longer answered, and was killed."),
        (Phase.STOPPING, -9, "It did not leave in time, and was killed."),
        (Phase.STOPPING, -11, "SIGSEGV"),
    ],
)
def test_every_abnormal_end_is_said_in_words(phase: Phase, exit_code: int | None, words: str) -> None:
    """A person need not know numbers by heart."""
    crash = report(phase, exit_code)
    assert crash is not None
    assert words in crash.how


def test_an_instance_killed_before_it_was_ready_was_too_slow() -> None:
    """Not silent."""
    crash = report(Phase.KILLING, -9, Life(instance=LIFE.instance, pid=1))
    assert crash is not None
    assert "did not become ready in time" in crash.how


@pytest.mark.parametrize(
    ("phase", "exit_code"),
    [(Phase.STOPPING, 0), (Phase.STOPPING, -signal.SIGTERM), (Phase.STOPPING, None), (Phase.READY, 0)],
)
def test_an_end_in_order_is_no_crash(phase: Phase, exit_code: int | None) -> None:
    """It was asked to leave: by the fleet, or by somebody else."""
    assert report(phase, exit_code) is None
