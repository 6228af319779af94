"""`harken keys`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from harken.cli.app import build_app
from harken.errors import NotFound


def harken(folder: Path, *words: str) -> Result:
    """Run a command on the state in that folder; its failures are raised as they are."""
    command = ["keys", *words, "--set", f"state.folder={folder}"]
    return CliRunner().invoke(build_app(), command, catch_exceptions=False)


def test_a_narrow_terminal_breaks_no_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Eighty columns, and a key with everything that a key can have: its line goes on in the next."""
    monkeypatch.setenv("COLUMNS", "80")
    limits = ["--requests-per-minute", "12000", "--audio-seconds-per-minute", "3600"]
    harken(tmp_path, "add", "the transcription team of the archive", "--priority", "interactive", *limits)
    lines = harken(tmp_path, "list").stdout.splitlines()
    assert lines[0].split() == ["id", "name", "secret", "state", "class", "req/min", "audio-s/min", "used"]
    assert {"12000", "3600", "interactive"} <= set(lines[1].split())


@pytest.mark.slow
def test_a_key_is_made_listed_and_revoked_without_a_server(tmp_path: Path) -> None:
    """The secret is the only line on standard output, and no list ever shows it."""
    made = harken(tmp_path, "add", "bob", "--admin", "--requests-per-minute", "5")
    assert made.exit_code == 0
    assert made.stdout.startswith("hk_")
    assert made.stdout.count("\n") == 1
    secret = made.stdout.strip()
    listed = harken(tmp_path, "list", "--json")
    assert [(key["name"], key["is_admin"], key["requests_per_minute"]) for key in json.loads(listed.stdout)] == [
        ("bob", True, 5)
    ]
    table = harken(tmp_path, "list")
    assert "bob" in table.stdout
    assert secret not in listed.stdout + table.stdout + made.stderr
    assert "revoked" in harken(tmp_path, "revoke", "bob").stdout
    assert json.loads(harken(tmp_path, "list", "--json").stdout)[0]["revoked_at"] is not None
    with pytest.raises(NotFound):
        harken(tmp_path, "revoke", "bob")


def test_a_key_can_be_made_as_json(tmp_path: Path) -> None:
    """For scripts; with its limits."""
    made = json.loads(harken(tmp_path, "add", "eve", "--audio-seconds-per-minute", "600", "--json").stdout)
    assert made["secret"].startswith(made["prefix"])
    assert made["audio_s_per_minute"] == 600.0
