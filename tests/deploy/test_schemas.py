"""What deploy/kubernetes renders is what an API server takes: held against published schemas."""

from __future__ import annotations

import copy
import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from kubernetes_validate.utils import ValidationError, validate

from tests.deploy.manifests import Manifest, of_kind, overlay, program, renderings

OLDEST, NEWEST = "1.29", "1.37"
CUSTOM = ("ScaledObject", "PrometheusRule", "ServiceMonitor")
HERE = Path(__file__).parent

# The published schemas of custom kinds have the types of all fields, and do not mind others: a misspelled one would be
# dropped by the API server without a word. So here is what may be said, of what we say.
KNOWN: dict[str, set[str]] = {
    "ScaledObject": {
        "spec",
        "spec.scaleTargetRef",
        "spec.scaleTargetRef.name",
        "spec.pollingInterval",
        "spec.minReplicaCount",
        "spec.maxReplicaCount",
        "spec.advanced",
        "spec.advanced.horizontalPodAutoscalerConfig",
        "spec.advanced.horizontalPodAutoscalerConfig.behavior",
        *(
            f"spec.advanced.horizontalPodAutoscalerConfig.behavior.{key}"
            for way in ("scaleUp", "scaleDown")
            for key in (
                way,
                f"{way}.stabilizationWindowSeconds",
                f"{way}.policies",
                *(f"{way}.policies.{one}" for one in ("type", "value", "periodSeconds")),
            )
        ),
        "spec.triggers",
        *(f"spec.triggers.{key}" for key in ("type", "name", "metricType", "metadata")),
        *(f"spec.triggers.metadata.{key}" for key in ("serverAddress", "query", "threshold", "ignoreNullValues")),
    },
    "PrometheusRule": {
        "spec",
        "spec.groups",
        "spec.groups.name",
        "spec.groups.rules",
        *(f"spec.groups.rules.{key}" for key in ("record", "alert", "expr", "for", "labels", "annotations")),
        "spec.groups.rules.labels.severity",
        *(f"spec.groups.rules.annotations.{key}" for key in ("summary", "description", "runbook_url")),
    },
    "ServiceMonitor": {
        "spec",
        "spec.selector",
        "spec.selector.matchLabels",
        "spec.selector.matchLabels.app.kubernetes.io/name",
        "spec.selector.matchLabels.app.kubernetes.io/component",
        "spec.endpoints",
        *(f"spec.endpoints.{key}" for key in ("port", "path", "interval", "relabelings", "metricRelabelings")),
        "spec.endpoints.authorization",
        *(f"spec.endpoints.authorization.{key}" for key in ("credentials", "credentials.name", "credentials.key")),
        *(f"spec.endpoints.relabelings.{key}" for key in ("targetLabel", "replacement")),
        *(f"spec.endpoints.metricRelabelings.{key}" for key in ("sourceLabels", "regex", "action")),
    },
}


@pytest.mark.slow
@pytest.mark.parametrize("version", [OLDEST, NEWEST])
def test_every_object_is_one_that_kubernetes_knows(version: str) -> None:
    """Of the oldest and the newest supported release, without a field that it does not know."""
    for name, manifests in renderings():
        for one in manifests:
            if one["kind"] in CUSTOM:
                continue
            try:
                validate(one, version, strict=True)
            except ValidationError as error:
                raise AssertionError(f"{name}: {one['kind']} {one['metadata']['name']}: {error.message}") from error


@pytest.mark.slow
def test_a_misspelled_field_would_be_found() -> None:
    """The validators bite, those of the custom kinds too."""
    production = overlay("production")
    deployment = copy.deepcopy(of_kind(production, "Deployment")[0])
    deployment["spec"]["template"]["spec"]["enableServiceLink"] = False
    with pytest.raises(ValidationError):
        validate(deployment, NEWEST, strict=True)
    scaled = copy.deepcopy(of_kind(production, "ScaledObject")[0])
    scaled["spec"]["minReplicaCount"] = "two"
    assert "must be integer" in _wrong([scaled])
    scaled["spec"]["minReplicas"] = 2
    assert _fields(scaled) - KNOWN["ScaledObject"] == {"spec.minReplicas"}


@pytest.mark.slow
def test_custom_objects_are_what_their_operators_know() -> None:
    """By the schemas of KEDA and the Prometheus operator, and with no field besides those that we mean."""
    customs = [one for _, manifests in renderings() for one in of_kind(manifests, *CUSTOM)]
    assert {one["kind"] for one in customs} == set(CUSTOM)
    assert _wrong(customs) == ""
    for one in customs:
        assert _fields(one) <= KNOWN[one["kind"]], one["kind"]


def _wrong(customs: list[Manifest]) -> str:
    if not (HERE / "node_modules").is_dir():
        pytest.skip("scripts/install-node-packages.sh was not run")
    done = subprocess.run(
        [program("node"), HERE / "validate.mjs"], input=json.dumps(customs), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def _fields(one: Manifest) -> set[str]:
    """The paths of all fields below `spec`; those of a list's items as if there were no list."""
    found: set[str] = set()

    def walk(value: Any, path: str) -> None:
        if isinstance(value, list):
            for item in value:
                walk(item, path)
        elif isinstance(value, dict):
            for key, inner in value.items():
                found.add(f"{path}.{key}")
                walk(inner, f"{path}.{key}")

    walk({"spec": one["spec"]}, "")
    return {path.removeprefix(".") for path in found}
