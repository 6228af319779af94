"""Writes what deploy/kubernetes takes over from `harken export monitoring`: a PrometheusRule, and the dashboard.

Owns nothing but the wrapping: groups of both rule files, in their order, under a head of Kubernetes; the dashboard as
it is. The invariant: run again without a change of Harken's rules, it changes no byte, which a test looks after.

Usage: python -m scripts.kubernetes_monitoring [FOLDER]   (default: deploy/kubernetes/components/monitoring)
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parent.parent
FOLDER = ROOT / "deploy" / "kubernetes" / "components" / "monitoring"
CONFIG = ROOT / "deploy" / "kubernetes" / "base" / "harken.toml"
RULE_FILES = ("harken-records.yml", "harken-alerts.yml")

HEAD = """\
# Written by scripts/kubernetes_monitoring.py from the rules of `harken export monitoring`. Do not change it by hand.
apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
metadata:
  name: harken
spec:
  groups:
"""


def main() -> None:
    """Export, wrap, write."""
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER
    with tempfile.TemporaryDirectory() as name:
        exported = Path(name)
        command = [sys.executable, "-m", "harken", "export", "monitoring", "--config", str(CONFIG)]
        subprocess.run([*command, "--output", name], check=True, stderr=subprocess.DEVNULL)
        groups = "".join(_groups((exported / rules).read_text(encoding="utf-8")) for rules in RULE_FILES)
        (target / "rules.yaml").write_text(HEAD + groups, encoding="utf-8")
        dashboard = (exported / "grafana" / "dashboards" / "harken.json").read_text(encoding="utf-8")
        (target / "harken.json").write_text(dashboard, encoding="utf-8")


def _groups(text: str) -> str:
    """The lines below `groups:`, as deep as they belong below `spec`."""
    lines = text.partition("\ngroups:\n")[2].splitlines()
    return "".join(f"  {line}\n" for line in lines)


if __name__ == "__main__":
    main()
