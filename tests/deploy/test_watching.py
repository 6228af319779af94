"""How many instances there are, and who watches: autoscalers, rules, monitors, the dashboard."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.deploy.manifests import (
    FOLDER,
    GATEWAY,
    INSTANCE,
    ROOT,
    component,
    config_of,
    named,
    of_kind,
    overlay,
    program,
    renderings,
)

pytestmark = pytest.mark.slow


def documented() -> set[str]:
    """The metrics that have a line of their own in metrics.md."""
    page = (ROOT / "docs" / "reference" / "metrics.md").read_text()
    return set(re.findall(r"^\| `(harken_[a-z_]+)` \|", page, flags=re.MULTILINE))


def test_autoscalers_ask_for_documented_metrics_and_want_the_same() -> None:
    """HPA (through prometheus-adapter) and KEDA differ in who asks, not in what is wanted when."""
    adapter = yaml.safe_load((FOLDER / "components" / "hpa" / "prometheus-adapter.yaml").read_text())["externalRules"]
    offered = {
        rule.get("name", {}).get("as") or re.findall(r'__name__="(\w+)"', rule["seriesQuery"])[0]: rule["metricsQuery"]
        for rule in adapter
    }
    (hpa,) = of_kind(component("hpa"), "HorizontalPodAutoscaler")
    (keda,) = of_kind(component("keda"), "ScaledObject")
    wanted = {
        offered[one["external"]["metric"]["name"]].replace("<<.LabelMatchers>>", 'namespace="harken"'): one["external"][
            "target"
        ]
        for one in hpa["spec"]["metrics"]
    }
    triggers = {one["metadata"]["query"]: one for one in keda["spec"]["triggers"]}
    assert wanted.keys() == triggers.keys()
    for query, target in wanted.items():
        asked = set(re.findall(r"harken_\w+", query))
        assert asked and asked <= documented(), query
        assert triggers[query]["metricType"] == target["type"]
        value = target.get("averageValue") or target["value"]
        number = float(value.removesuffix("m")) / (1000 if value.endswith("m") else 1)
        assert float(triggers[query]["metadata"]["threshold"]) == number
    behaviour = keda["spec"]["advanced"]["horizontalPodAutoscalerConfig"]["behavior"]
    assert hpa["spec"]["behavior"] == behaviour
    assert (hpa["spec"]["minReplicas"], hpa["spec"]["maxReplicas"]) == (
        keda["spec"]["minReplicaCount"],
        keda["spec"]["maxReplicaCount"],
    )


def test_an_autoscaler_finds_its_deployment_and_is_not_overruled() -> None:
    """`replicas` in the file would set the count back whenever the file is applied."""
    for name, manifests in renderings():
        scalers = of_kind(manifests, "HorizontalPodAutoscaler", "ScaledObject")
        assert len(scalers) <= 1, name
        deployment = named(manifests, "Deployment", INSTANCE)["spec"]
        assert ("replicas" in deployment) == (not scalers), name
        for scaler in scalers:
            assert scaler["spec"]["scaleTargetRef"]["name"] == INSTANCE, name


def test_the_questions_of_autoscalers_are_promql(tmp_path: Path) -> None:
    """Prometheus's own tool reads them, and the PrometheusRule."""
    (keda,) = of_kind(component("keda"), "ScaledObject")
    asked = [
        {"record": f"asked:{number}", "expr": trigger["metadata"]["query"]}
        for number, trigger in enumerate(keda["spec"]["triggers"])
    ]
    (rule,) = of_kind(component("monitoring"), "PrometheusRule")
    groups = [*rule["spec"]["groups"], {"name": "asked", "rules": asked}]
    (tmp_path / "rules.yml").write_text(yaml.safe_dump({"groups": groups}))
    done = subprocess.run(
        [program("promtool"), "check", "rules", tmp_path / "rules.yml"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_rules_and_dashboard_are_those_that_harken_exports(tmp_path: Path) -> None:
    """Written again, no byte differs; so a change of a rule cannot be forgotten here."""
    script = ROOT / "scripts" / "kubernetes_monitoring.py"
    subprocess.run([sys.executable, script, tmp_path], check=True, env={**os.environ, "PYTHONWARNINGS": "error"})
    kept = FOLDER / "components" / "monitoring"
    for name in ("rules.yaml", "harken.json"):
        assert (tmp_path / name).read_bytes() == (kept / name).read_bytes(), f"run {script}"


def test_series_get_the_labels_that_rules_ask_for(tmp_path: Path) -> None:
    """Jobs, cluster and what is kept of instances are as in the exported prometheus.yml."""
    config = config_of(overlay("production"), GATEWAY, tmp_path)
    command = [sys.executable, "-m", "harken", "export", "monitoring", "--output", str(tmp_path)]
    subprocess.run([*command, "--set", f"gateway.name={config.gateway.name}"], check=True, capture_output=True)
    exported = yaml.safe_load((tmp_path / "prometheus.yml").read_text())["scrape_configs"]
    for monitor, job in zip(of_kind(component("monitoring"), "ServiceMonitor"), exported, strict=True):
        (end,) = monitor["spec"]["endpoints"]
        labels = {one["targetLabel"]: one["replacement"] for one in end["relabelings"]}
        assert labels == {"job": job["job_name"], **job["static_configs"][0]["labels"]}
        kept = [{**one, "sourceLabels": one["source_labels"]} for one in job.get("metric_relabel_configs", [])]
        for one in kept:
            del one["source_labels"]
        assert end.get("metricRelabelings", []) == kept
