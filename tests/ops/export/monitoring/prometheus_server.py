"""A real Prometheus for tests, with the exported files: started, asked, gone afterwards."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from tests.ops.export.guide import free_ports, process, program, until


@dataclass(frozen=True, kw_only=True)
class Prometheus:
    """A running Prometheus.

    Attributes:
        url: its address.
    """

    url: str

    def ask(self, expr: str) -> list[dict[str, Any]]:
        """The answer to a question of the moment; the test fails where Prometheus does not understand it."""
        answer = httpx.post(f"{self.url}/api/v1/query", data={"query": expr}, timeout=30, trust_env=False).json()
        assert answer["status"] == "success", (expr, answer)
        result: list[dict[str, Any]] = answer["data"]["result"]
        return result

    def value(self, expr: str) -> float:
        """The one figure that an expression gives; 0 where it gives none."""
        found = self.ask(expr)
        assert len(found) <= 1, (expr, found)
        return float(found[0]["value"][1]) if found else 0.0

    def rules(self) -> list[dict[str, Any]]:
        """All rules, as Prometheus sees them."""
        groups = httpx.get(f"{self.url}/api/v1/rules", timeout=30, trust_env=False).json()["data"]["groups"]
        return [rule for group in groups for rule in group["rules"]]

    def wait(self, expr: str, what: str) -> None:
        """Wait until an expression gives something."""
        until(lambda: self.ask(expr), what)


@contextmanager
def running_prometheus(folder: Path) -> Iterator[Prometheus]:
    """Run Debian's Prometheus with the prometheus.yml of a folder, until it is ready."""
    port = free_ports(1)
    command = [
        program("prometheus"),
        f"--config.file={folder}/prometheus.yml",
        f"--storage.tsdb.path={folder}/data",
        f"--web.listen-address=127.0.0.1:{port}",
    ]
    server = Prometheus(url=f"http://127.0.0.1:{port}")
    with process(*command) as run:
        ready = f"{server.url}/-/ready"
        until(
            lambda: run.poll() is not None or httpx.get(ready, timeout=5, trust_env=False).status_code == 200,
            "Prometheus is ready",
        )
        assert run.poll() is None, "Prometheus ended at once"
        yield server
