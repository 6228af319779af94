"""The exported files in a folder, and promtool, for tests."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from tests.ops.export.guide import harken, program


def export(folder: Path, *words: str) -> Path:
    """Write the files as a person does."""
    done = harken("export", "monitoring", "--output", folder, *words, env={"HARKEN_CONFIG": "/dev/null"})
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    return folder


def promtool(*words: str | Path) -> subprocess.CompletedProcess[str]:
    """Run Debian's promtool."""
    command = [program("promtool"), *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def held_against(
    folder: Path, tests: Iterable[dict[str, Any]], *, step: str = "1m"
) -> subprocess.CompletedProcess[str]:
    """Let promtool hold the exported rules against some tests: JSON is YAML too."""
    file = folder / "tests.yml"
    rules = ["harken-records.yml", "harken-alerts.yml"]
    file.write_text(json.dumps({"rule_files": rules, "evaluation_interval": "1m", "tests": [*tests]}))
    return promtool("test", "rules", file)


def alerts_of(folder: Path) -> list[str]:
    """The names of all alerts, as they are in the file."""
    return re.findall(r"- alert: (\w+)", (folder / "harken-alerts.yml").read_text())


def panels_of(folder: Path) -> list[dict[str, Any]]:
    """The panels of the exported dashboard, rows left out."""
    board = json.loads((folder / "grafana" / "dashboards" / "harken.json").read_text())
    return [panel for panel in board["panels"] if panel["type"] != "row"]
