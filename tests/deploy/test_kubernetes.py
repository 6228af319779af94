"""What deploy/kubernetes says agrees with what Harken does, and with itself."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml

import harken
from harken.api.health import STARTING, health_routes
from harken.config import FleetConfig
from harken.fleet.upstreams import parse_upstreams
from tests.deploy.manifests import (
    COMPONENTS,
    FOLDER,
    GATEWAY,
    INSTANCE,
    OVERLAYS,
    ROOT,
    SECRETS,
    Manifest,
    component,
    config_of,
    container_of,
    environment,
    matches,
    named,
    of_kind,
    overlay,
    pod_of,
    renderings,
)
from tests.ops.pull.hubs import NAME, model, serve_huggingface
from tests.ops.pull.servers import FileServer, running

pytestmark = pytest.mark.slow

CLOSE_S = 5
"""What a server takes to close its connections once it is empty (server/run.py)."""


def both(manifests: tuple[Manifest, ...]) -> list[tuple[str, Manifest]]:
    """Both Deployments' pods."""
    return [(name, pod_of(manifests, name)["spec"]) for name in (GATEWAY, INSTANCE)]


def test_every_configuration_is_one_that_harken_reads(tmp_path: Path) -> None:
    """Keys exist, values can be, and where they listen others can reach them."""
    for name, manifests in renderings():
        gateway = config_of(manifests, GATEWAY, tmp_path)
        assert (gateway.gateway.host, gateway.fleet.instances) == ("0.0.0.0", 0), name
        instance = config_of(manifests, INSTANCE, tmp_path)
        assert instance.instance.host == "0.0.0.0", name
        # A gateway that speaks the wire has no key for it.
        assert instance.auth.keys == "off", name
        assert not instance.jobs.is_enabled, name


def test_ports_are_those_that_are_listened_on(tmp_path: Path) -> None:
    """Of containers, services, and of the address by which gateways find instances."""
    for name, manifests in renderings():
        gateway, instance = config_of(manifests, GATEWAY, tmp_path), config_of(manifests, INSTANCE, tmp_path)
        for of, port in ((GATEWAY, gateway.gateway.port), (INSTANCE, instance.instance.port)):
            assert container_of(manifests, of)["ports"] == [{"name": "http", "containerPort": port}], name
            (told,) = named(manifests, "Service", of)["spec"]["ports"]
            assert (told["port"], told["targetPort"]) == (port, "http"), name
        upstream = urlsplit(gateway.fleet.upstreams)
        (parsed,) = parse_upstreams(gateway.fleet.upstreams, None)
        assert "dns" in upstream.fragment.split("&")
        assert parsed.name == "instance"
        service = named(manifests, "Service", upstream.hostname or "")["spec"]
        assert service["clusterIP"] == "None", name
        assert service["publishNotReadyAddresses"] is True, name
        assert upstream.port == service["ports"][0]["port"], name


def test_probes_ask_for_what_exists() -> None:
    """Their paths are routes of the application, on the port of that name."""
    routes = {getattr(route, "path", "") for route in health_routes(lambda: None, lambda: STARTING).routes}
    for name, manifests in renderings():
        for _, spec in both(manifests):
            (container,) = spec["containers"]
            for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
                asked = container[probe]["httpGet"]
                assert asked["path"] in routes, (name, probe)
                assert asked["port"] == "http"
            assert container["readinessProbe"]["httpGet"]["path"] == "/health/ready"


def test_nobody_is_killed_for_loading_or_for_being_busy() -> None:
    """Liveness asks only whether the process answers, and waits for minutes; a start has longer than Harken's own."""
    for name, manifests in renderings():
        for of, spec in both(manifests):
            (container,) = spec["containers"]
            live = container["livenessProbe"]
            assert live["httpGet"]["path"] == "/health/live", name
            assert live["periodSeconds"] * live["failureThreshold"] >= (180 if of == INSTANCE else 60), name
        start = container_of(manifests, INSTANCE)["startupProbe"]
        lasts = start["periodSeconds"] * start["failureThreshold"]
        assert lasts >= 2 * FleetConfig().start_timeout_s, name
        assert named(manifests, "Deployment", INSTANCE)["spec"]["progressDeadlineSeconds"] > lasts, name


def test_the_grace_period_is_longer_than_the_longest_drain(tmp_path: Path) -> None:
    """SIGKILL comes only after everything accepted has had its time."""
    for name, manifests in renderings():
        drains = {
            GATEWAY: config_of(manifests, GATEWAY, tmp_path).gateway.drain_timeout_s,
            INSTANCE: config_of(manifests, INSTANCE, tmp_path).instance.drain_timeout_s,
        }
        for of, spec in both(manifests):
            stop = spec["containers"][0].get("lifecycle", {}).get("preStop", {}).get("exec", {}).get("command", ["", 0])
            assert spec["terminationGracePeriodSeconds"] >= drains[of] + int(stop[1]) + CLOSE_S + 5, (name, of)


def test_selectors_take_the_pods_that_they_mean() -> None:
    """A selector that matches nothing is no error to Kubernetes."""
    for name, manifests in renderings():
        labels = {of: pod_of(manifests, of)["metadata"]["labels"] for of in (GATEWAY, INSTANCE)}
        for of, own in labels.items():
            other = labels[GATEWAY if of == INSTANCE else INSTANCE]
            deployment = named(manifests, "Deployment", of)["spec"]
            service = {"matchLabels": named(manifests, "Service", of)["spec"]["selector"]}
            budget = named(manifests, "PodDisruptionBudget", of)["spec"]["selector"]
            spread = [one["labelSelector"] for one in deployment["template"]["spec"]["topologySpreadConstraints"]]
            policy = named(manifests, "NetworkPolicy", of)["spec"]["podSelector"]
            for selector in (deployment["selector"], service, budget, policy, *spread):
                assert matches(selector, own), (name, of, selector)
                assert not matches(selector, other), (name, of, selector)
        for policy in of_kind(manifests, "NetworkPolicy"):
            assert any(matches(policy["spec"]["podSelector"], own) for own in labels.values()), name
        for monitor in of_kind(manifests, "ServiceMonitor"):
            of = monitor["metadata"]["name"]
            service = named(manifests, "Service", of)
            assert matches(monitor["spec"]["selector"], service["metadata"]["labels"]), name
            ports = {port["name"] for port in service["spec"]["ports"]}
            assert {end["port"] for end in monitor["spec"]["endpoints"]} <= ports, name


def test_instances_are_reached_by_gateways_and_prometheus_alone() -> None:
    """Instances ask for no keys, so the network has to keep everybody else out."""
    for name, manifests in renderings():
        own = pod_of(manifests, INSTANCE)["metadata"]["labels"]
        policies = [
            one["spec"] for one in of_kind(manifests, "NetworkPolicy") if matches(one["spec"]["podSelector"], own)
        ]
        assert any(one["policyTypes"] == ["Ingress", "Egress"] and "ingress" not in one for one in policies), name
        allowed = [peer for one in policies for rule in one.get("ingress", ()) for peer in rule["from"]]
        for peer in allowed:
            selector = peer["podSelector"]["matchLabels"]
            if "namespaceSelector" in peer:
                assert peer["namespaceSelector"]["matchLabels"] == {"kubernetes.io/metadata.name": "monitoring"}, name
                assert selector == {"app.kubernetes.io/name": "prometheus"}, name
            else:
                assert selector == pod_of(manifests, GATEWAY)["metadata"]["labels"], name
        for one in policies:
            for rule in one.get("egress", ()):
                assert rule["ports"], (name, "a rule without ports lets everything out")
                for peer in rule["to"]:
                    block = peer.get("ipBlock", {})
                    assert block.get("cidr") != "0.0.0.0/0" or "169.254.0.0/16" in block["except"], name


def test_every_container_has_no_more_rights_than_it_needs() -> None:
    """What Kubernetes calls restricted, and a root file system that cannot be written to."""
    for name, manifests in renderings():
        assert named(manifests, "ServiceAccount", "harken")["automountServiceAccountToken"] is False
        for of, spec in both(manifests):
            assert spec["securityContext"]["runAsNonRoot"] is True, (name, of)
            assert spec["securityContext"]["runAsUser"] >= 10_000
            assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
            assert (spec["serviceAccountName"], spec["automountServiceAccountToken"]) == ("harken", False)
            assert spec["enableServiceLinks"] is False
            assert not {"hostNetwork", "hostPID", "hostIPC"} & set(spec)
            assert not [volume for volume in spec["volumes"] if "hostPath" in volume]
            for container in (*spec.get("initContainers", ()), *spec["containers"]):
                assert container["securityContext"] == {
                    "allowPrivilegeEscalation": False,
                    "readOnlyRootFilesystem": True,
                    "capabilities": {"drop": ["ALL"]},
                }, (name, of)
                assert container["resources"]["requests"].keys() >= {"cpu", "memory"}
                assert "memory" in container["resources"]["limits"]
                writable = {m["mountPath"] for m in container["volumeMounts"] if not m.get("readOnly")}
                assert writable >= {"/tmp", "/var/lib/harken"}, (name, of)


def test_images_are_of_this_release_and_never_latest() -> None:
    """By a tag that says what it is."""
    for name, manifests in renderings():
        for _, spec in both(manifests):
            for container in (*spec.get("initContainers", ()), *spec["containers"]):
                image, _, tag = container["image"].rpartition(":")
                assert tag == harken.__version__, (name, container["image"])
                assert image.split("/")[-1] in {"harken-gateway", "harken-cpu", "harken-cuda"}, name


def test_a_model_that_is_not_in_the_image_is_pulled_and_then_read_only() -> None:
    """The same model, from the same folder, by the same image."""
    for name, manifests in renderings():
        spec = pod_of(manifests, INSTANCE)["spec"]
        (container,) = spec["containers"]
        variables = environment(manifests, container, SECRETS)
        if variables["HARKEN_INSTANCE_MODEL"] == "digits":
            assert not spec.get("initContainers"), name
            continue
        (pull,) = spec["initContainers"]
        before = environment(manifests, pull, SECRETS)
        for key in ("HARKEN_INSTANCE_MODEL", "HARKEN_MODELS_FOLDER"):
            assert before[key] == variables[key], name
        assert pull["image"] == container["image"], name
        mount = {"name": "models", "mountPath": variables["HARKEN_MODELS_FOLDER"]}
        assert mount in pull["volumeMounts"], name
        assert {**mount, "readOnly": True} in container["volumeMounts"], name


def test_a_model_that_is_here_needs_no_hub_and_one_that_is_not_is_fetched(tmp_path: Path) -> None:
    """The init container's own script: a hub that is away does not keep pods from starting again."""
    (pull,) = pod_of(overlay("production"), INSTANCE)["spec"]["initContainers"]
    ours = tmp_path / "bin" / "harken"
    ours.parent.mkdir()
    ours.write_text(f'#!/bin/sh\nexec {sys.executable} -m harken "$@"\n')
    ours.chmod(0o755)
    models = tmp_path / "models"
    said = {"HARKEN_INSTANCE_MODEL": NAME, "HARKEN_MODELS_FOLDER": str(models), "HF_HUB_OFFLINE": "1"}
    env = {**os.environ, **said, "PATH": f"{ours.parent}{os.pathsep}{os.environ['PATH']}"}

    def start(hub: FileServer) -> int:
        command = [*pull["command"], *pull["args"]]
        done = subprocess.run(
            command, env={**env, "HF_ENDPOINT": hub.url}, capture_output=True, check=False, timeout=60
        )
        return done.returncode

    with running(FileServer()) as hub:
        serve_huggingface(hub, model())
        assert start(hub) == 0
        (weights,) = models.rglob("model.safetensors")
        asked = len(hub.requests(""))
        assert start(hub) == 0
        assert len(hub.requests("")) == asked, "a model that is here was asked for again"
        weights.chmod(0o600)
        whole = weights.read_bytes()
        weights.write_bytes(b"damaged" + whole[7:])
        assert start(hub) == 0
        assert weights.read_bytes() == whole
    assert start(hub) == 0


def test_a_gpu_is_asked_for_exactly_where_one_is_used() -> None:
    """And an instance that has one never falls back to the CPU."""
    for name, manifests in renderings():
        container = container_of(manifests, INSTANCE)
        gpus = container["resources"]["limits"].get("nvidia.com/gpu", 0)
        device = environment(manifests, container, SECRETS)["HARKEN_INSTANCE_DEVICE"]
        assert (gpus, device) in {(0, "cpu"), (1, "cuda")}, name
        assert ("harken-cuda:" in container["image"]) == bool(gpus), name


def test_several_gateways_have_jobs_only_where_they_share_them(tmp_path: Path) -> None:
    """Else each would know its own alone."""
    for name, manifests in renderings():
        config = config_of(manifests, GATEWAY, tmp_path)
        count = named(manifests, "Deployment", GATEWAY)["spec"]["replicas"]
        if config.jobs.is_enabled and count > 1:
            assert config.state.database and config.cache.url and config.auth.storage != "memory://", name
            assert config.jobs.webhook_secret, name
            folders = [mount["mountPath"] for mount in container_of(manifests, GATEWAY)["volumeMounts"]]
            assert f"{config.state.folder}/recordings" in folders, name
        assert config.jobs.is_enabled == (name in ("demo", "production", "base+shared")), name


def test_the_page_names_everything_that_has_to_be_made_by_hand() -> None:
    """Secrets, components and overlays are on docs/kubernetes.md."""
    page = (ROOT / "docs" / "kubernetes.md").read_text()
    text = "".join(yaml.safe_dump(list(manifests)) for _, manifests in renderings())
    secrets = set(re.findall(r"secretKeyRef:\n +key: [\w-]+\n +name: ([\w-]+)", text))
    secrets |= {
        end["authorization"]["credentials"]["name"]
        for monitor in of_kind(component("monitoring"), "ServiceMonitor")
        for end in monitor["spec"]["endpoints"]
        if "authorization" in end
    }
    assert secrets == {"harken-shared", "harken-hub", "harken-prometheus"}
    for name in (*secrets, *OVERLAYS, *COMPONENTS):
        assert f"`{name}`" in page or name in re.findall(r"[\w-]+", page), name
    assert not of_kind(overlay("production"), "Secret"), "a secret in a file is none"


def test_a_comment_tells_the_reason_of_every_number_of_a_probe() -> None:
    """Whoever changes one should know what it was for."""
    for name in ("gateway.yaml", "instance.yaml"):
        lines = (FOLDER / "base" / name).read_text().splitlines()
        for number, line in enumerate(lines):
            if re.search(r"(startup|readiness|liveness)Probe:", line):
                assert lines[number - 1].strip().startswith("#"), (name, line)


def labels_of(one: Any) -> dict[str, str]:
    """The labels of an object."""
    found: dict[str, str] = one["metadata"].get("labels", {})
    return found


def test_everything_is_in_one_namespace_and_has_its_mark() -> None:
    """So that one command finds all of it."""
    for name in OVERLAYS:
        for one in overlay(name):
            if one["kind"] != "Namespace":
                assert one["metadata"]["namespace"] == "harken", (name, one["kind"], one["metadata"]["name"])
            assert labels_of(one)["app.kubernetes.io/part-of"] == "harken", (name, one["kind"])
