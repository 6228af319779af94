"""Crash reports on disk: whole, bounded in number, and never in anybody's way."""

from __future__ import annotations

import json
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

from harken.config import InstanceConfig
from harken.fleet.crash import Crash, Life, crash_of
from harken.fleet.crash_folder import CrashFolder
from harken.fleet.phases import Phase

NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)


def _crash(name: str = "asr-1") -> Crash:
    life = Life(instance=InstanceConfig(name=name), pid=1, last_lines=("\ud800 half a character", "界"))
    crash = crash_of(life, Phase.READY, 1, reason="", restarts=0)
    assert crash is not None
    return crash


def test_a_report_is_a_file_named_by_time_and_instance(tmp_path: Path) -> None:
    """Sorted by name they are sorted by time; only their owner can read them."""
    folder = tmp_path / "crashes"
    CrashFolder(folder).write(_crash(), NOON)
    (path,) = folder.iterdir()
    assert path.name == "20260102T120000.000Z-asr-1.json"
    assert (stat.S_IMODE(path.stat().st_mode), stat.S_IMODE(folder.stat().st_mode)) == (0o600, 0o700)
    report = json.loads(path.read_text(encoding="utf-8"))
    assert (report["instance"], report["time"]) == ("asr-1", "2026-01-02T12:00:00.000+00:00")
    assert report["last_lines"][1] == "界"


def test_the_oldest_goes_when_there_are_too_many(tmp_path: Path) -> None:
    """A night of crashes fills no disk."""
    crashes = CrashFolder(tmp_path, kept=3)
    for second in range(5):
        crashes.write(_crash(), NOON + timedelta(seconds=second))
    assert [path.name[9:15] for path in sorted(tmp_path.iterdir())] == ["120002", "120003", "120004"]


def test_a_name_cannot_lead_out_of_the_folder(tmp_path: Path) -> None:
    """Whatever an instance is called."""
    folder = tmp_path / "crashes"
    CrashFolder(folder).write(_crash("../../x"), NOON)
    assert [path.parent for path in tmp_path.rglob("*.json")] == [folder]


def test_a_folder_that_cannot_be_costs_the_report_and_nothing_else(tmp_path: Path) -> None:
    """A file lies in its place."""
    (tmp_path / "crashes").touch()
    CrashFolder(tmp_path / "crashes").write(_crash(), NOON)
    assert [path.name for path in tmp_path.iterdir()] == ["crashes"]
