"""`harken autoscale`: a day replayed, and an explanation printed."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from pathlib import Path

import pytest

from harken.cli.autoscale import print_explained
from harken.clock import SystemClock
from harken.config import AutoscaleConfig
from harken.fleet.autoscaling import Autoscaling
from harken.fleet.sample import Sample

DAY = "minute,audio_s\n" + "".join(f"{minute},{2400 if 10 <= minute < 20 else 60}\n" for minute in range(60))
"""An hour with ten minutes of four instances' work."""


def harken(*words: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run the command as a person would."""
    command = [sys.executable, "-m", "harken", "autoscale", *words]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.slow
def test_a_day_is_replayed_with_every_decision_and_the_rivals(tmp_path: Path) -> None:
    """In words and as JSON, by the configuration's limits."""
    (tmp_path / "day.csv").write_text(DAY)
    flags = ("--replay", "day.csv", "--pace", "10", "--slots", "8", "--start-s", "20", "--set", "autoscale.max=6")
    told = harken(*flags, folder=tmp_path)
    assert (told.returncode, told.stderr) == (0, "")
    lines = told.stdout.splitlines()
    assert lines[0].startswith("00:10:") and "instances instead of 2." in lines[0]
    assert any("instead of" in line and "would do, for" in line for line in lines)
    for name in ("autoscaler", "always 6", "always 2", "guide's CPU rule"):
        assert any(line.strip().startswith(name) for line in lines), name
    answered = json.loads(harken(*flags, "--json", folder=tmp_path).stdout)
    own, most, least, guide = answered["rows"]
    assert own["instance_hours"] < most["instance_hours"]
    assert own["wait_p95_s"] < guide["wait_p95_s"] < least["wait_p95_s"]
    assert own["entries"][0]["wanted"] > 2 and own["entries"][0]["reason"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("flags", "complaint"),
    [
        (("--replay", "nowhere.csv"), "nowhere.csv"),
        (("--replay", "day.csv", "--pace", "0"), "--pace must be from 0.01"),
        (("--replay", "day.csv", "--pace", "nan"), "--pace must be from 0.01"),
        (("--replay", "day.csv", "--start-s", "1e9"), "--start-s must be from 0"),
        (("--replay", "day.csv", "--set", "autoscale.max=1"), "autoscale.min 2 is more than autoscale.max 1"),
    ],
)
def test_what_makes_no_sense_is_a_line_and_exit_code_2(flags: tuple[str, ...], complaint: str, tmp_path: Path) -> None:
    """Never a traceback."""
    (tmp_path / "day.csv").write_text(DAY)
    told = harken(*flags, folder=tmp_path)
    assert told.returncode == 2
    assert complaint in told.stderr and len(told.stderr.splitlines()) == 1


class _Fleet:
    """A fleet that is full and obeys."""

    is_busy = False

    def __init__(self) -> None:
        self.wanted = 2

    def sample(self) -> Sample:
        now = SystemClock().now()
        return Sample(now=now, wanted=self.wanted, ready=2, slots=16, in_flight=16, cpu_share=0.5)

    async def scale(self, count: int, reason: str) -> None:
        del reason
        self.wanted = count


def test_a_running_autoscalers_explanation_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    """What it saw, what it decided, and what went before; as it comes out of JSON."""
    config = AutoscaleConfig(mode="on", up_after_s=0.0)

    async def explained() -> list[str]:
        scaling = Autoscaling(config, _Fleet(), SystemClock())
        before = json.dumps(scaling.explain())
        await scaling._step()
        return [before, json.dumps(scaling.explain())]

    before, after = asyncio.run(explained())
    print_explained(json.loads(before))
    assert "It has not looked yet." in capsys.readouterr().out
    print_explained(json.loads(after))
    shown = capsys.readouterr().out
    assert "autoscale.mode on, 2 to 8 instances" in shown
    assert "2 → 3: 16 of 16 slots are in use: 3 instances instead of 2." in shown
    assert "scaled: 16 of 16" in shown and "unknown" in shown
