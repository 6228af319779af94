"""Both halves on one server, as one table: a row for each check, a column for each client."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

from tests.conformance.checks import CHECKS, run
from tests.conformance.facts import Facts
from tests.conformance.sdk import Async, Sync

FOLDER = Path(__file__).parent
NODE_TIMEOUT_S = 240.0

Table = dict[str, dict[str, str]]
"""Check → client → "ok", "skipped: …" or "FAILED: …"."""


def has_node() -> bool:
    """Say whether the Node half can run: scripts/install-node-packages.sh makes it so."""
    return shutil.which("node") is not None and (FOLDER / "node_modules" / "openai").is_dir()


async def python_half(facts: Facts) -> Table:
    """Run every check with both Python clients."""
    clients: dict[str, Sync | Async] = {
        "python": Sync(facts.server, facts.key),
        "python async": Async(facts.server, facts.key),
    }
    try:
        return {
            check.__name__: {name: await run(check, sdk, facts) for name, sdk in clients.items()} for check in CHECKS
        }
    finally:
        for client in clients.values():
            await client.close()


def node_half(facts: Facts) -> Table:
    """Run every check with the Node client, in a process of its own."""
    command = ["node", str(FOLDER / "conformance.mjs"), facts.to_json()]
    done = subprocess.run(command, capture_output=True, text=True, timeout=NODE_TIMEOUT_S, check=False)
    if done.returncode:
        raise RuntimeError(f"node ended with {done.returncode}: {done.stderr[-2000:]}")
    found = [json.loads(line) for line in done.stdout.splitlines()]
    return {one["check"]: {"node": one["result"]} for one in found}


def joined(*tables: Table) -> Table:
    """Put the columns of several tables side by side; a check that only one half has stands out as missing."""
    columns = [name for table in tables for name in next(iter(table.values()), {})]
    checks = list(dict.fromkeys(check for table in tables for check in table))
    return {
        check: {name: next((t[check][name] for t in tables if name in t.get(check, {})), "missing") for name in columns}
        for check in checks
    }


def failures(table: Table) -> dict[str, dict[str, str]]:
    """The rows in which anything failed or is missing."""
    return {
        check: row
        for check, row in table.items()
        if any(result != "ok" and not result.startswith("skipped") for result in row.values())
    }
