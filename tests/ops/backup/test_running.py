"""A real gateway: saved while it works, killed, brought back elsewhere; another one goes on where it was."""

from __future__ import annotations

import dataclasses
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest

from harken.config import StateConfig
from harken.keys import KeyBook
from harken.state import Database
from tests.cluster import assert_gone, running_cluster
from tests.jobs.test_crash import expected, recordings, wait_until

FILES = 80
STUB = "stub:rtfx=8,max_segment_s=3"
BACKUPS = 2


def harken(*arguments: str | Path, code: int = 0) -> Any:
    """Run a command with --json; return what it printed."""
    done = subprocess.run(
        [sys.executable, "-m", "harken", *map(str, arguments), "--json"],
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
        env=os.environ,
    )
    assert done.returncode == code, done.stderr
    return json.loads(done.stdout)


def flags(state: StateConfig, *, at_once: int) -> list[str]:
    """Of a gateway on that state, which works on so many files at a time."""
    slow = ("--set", "jobs.lease_s=2", "--set", f"jobs.files_in_flight={at_once}")
    return ["--model", STUB, "--instances", "2", *slow, *where(state)]


def where(state: StateConfig) -> tuple[str, ...]:
    """Flags that say where a state is."""
    return ("--set", f"state.folder={state.folder}", "--set", f"state.database={state.database}")


@pytest.mark.slow
@pytest.mark.timeout(180)
def test_a_gateway_goes_on_from_a_backup_that_was_made_while_it_worked(state: StateConfig, tmp_path: Path) -> None:
    """Keys work, results of what was done are there, what was not is done, and nothing failed."""
    state = dataclasses.replace(state, folder=str(tmp_path / "old"))
    database = Database(state, {})
    _, secret = KeyBook(database).add("alice")
    database.close()
    audio, bearer = recordings()[:FILES], {"Authorization": f"Bearer {secret}"}
    archives = [tmp_path / f"{number}.tar.gz" for number in range(BACKUPS)]

    with running_cluster(*flags(state, at_once=2)) as cluster, httpx.Client(headers=bearer, timeout=60) as client:
        cluster.wait_ready(2)
        body = [("file", (f"{number}.flac", one)) for number, one in enumerate(audio)]
        job = f"/v1/jobs/{client.post(f'{cluster.url}/v1/jobs', files=body).json()['id']}"

        def done() -> int:
            return int(client.get(f"{cluster.url}{job}").json()["counts"]["done"])

        wait_until(lambda: done() >= 5, "5 done")
        for archive in archives:
            harken("backup", archive, *where(state))
        assert done() < FILES, "all was done before the last backup was"
        cluster.process.send_signal(signal.SIGKILL)
        cluster.process.wait(10)
        assert_gone(cluster.seen)

    for archive in archives:
        assert harken("backup", "--verify", archive)["missing"] == []
    restored = harken("restore", archives[-1], "--to", tmp_path / "new")
    at_backup = restored["counts"]["files"]
    assert at_backup == FILES
    with running_cluster(*flags(StateConfig(folder=str(tmp_path / "new")), at_once=8)) as cluster:
        assert httpx.get(f"{cluster.url}{job}").status_code == 401
        with httpx.Client(headers=bearer, timeout=60) as client:
            wait_until(lambda: client.get(f"{cluster.url}{job}").json()["state"] in ("done", "failed"), "the end")
            shown = client.get(f"{cluster.url}{job}").json()
            lines = client.get(f"{cluster.url}{job}/results").text.splitlines()
        refused = subprocess.run(
            [sys.executable, "-m", "harken", "restore", archives[0], "--to", tmp_path / "new", "--replace"],
            capture_output=True,
            text=True,
            check=False,
        )
        assert refused.returncode == 1
        assert "[restore_refused]" in refused.stderr
        assert "is in use" in refused.stderr
    assert shown["counts"]["done"] == FILES, shown["counts"]
    assert [json.loads(line)["result"]["text"] for line in lines] == expected(audio)
    assert not list((tmp_path / "new" / "recordings").glob("job_*"))
