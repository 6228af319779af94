"""A gateway that needs keys, as an operator makes one: the key first, by `harken keys add`."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.cluster import Cluster, running_cluster


@contextmanager
def keyed_cluster(model: str, folder: Path, env: dict[str, str]) -> Iterator[tuple[Cluster, str]]:
    """Run a gateway over one ready instance; gives it and an admin's key. State is kept in the folder."""
    env = {"HARKEN_STATE_FOLDER": str(folder), **env}
    command = [sys.executable, "-m", "harken", "keys", "add", "tester", "--admin", "--json"]
    made = subprocess.run(command, env={**os.environ, **env}, capture_output=True, text=True, check=True)
    with running_cluster("--model", model, "--instances", "1", env=env) as cluster:
        cluster.wait_ready(1)
        yield cluster, json.loads(made.stdout)["secret"]
