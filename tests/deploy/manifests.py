"""What deploy/kubernetes renders, by the real kubectl; and the small questions that tests ask of it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from harken.config import Config, load_config

Manifest = dict[str, Any]

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "deploy" / "kubernetes"
OVERLAYS = tuple(sorted(path.name for path in (FOLDER / "overlays").iterdir()))
COMPONENTS = tuple(sorted(path.name for path in (FOLDER / "components").iterdir()))

GATEWAY, INSTANCE = "harken-gateway", "harken-instance"
SECRETS = {
    "harken-shared/database": "postgresql+psycopg://harken:word@postgres/harken",
    "harken-shared/cache": "redis://redis:6379/0",
    "harken-shared/counts": "redis://redis:6379/1",
    "harken-shared/webhook-secret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
    "harken-hub/token": "hf_token",
}


def program(name: str) -> str:
    """A program of the development environment, or of this machine."""
    found = shutil.which(name, path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    assert found is not None, f"{name} is not installed; see pyproject.toml and scripts/install-system-packages.sh"
    return found


@cache
def overlay(name: str) -> tuple[Manifest, ...]:
    """All objects of an overlay."""
    return _render(FOLDER / "overlays" / name)


@cache
def component(name: str) -> tuple[Manifest, ...]:
    """All objects of the base with one component."""
    with tempfile.TemporaryDirectory() as text:
        folder = Path(text).resolve()
        said = {
            "resources": [os.path.relpath(FOLDER / "base", folder)],
            "components": [os.path.relpath(FOLDER / "components" / name, folder)],
        }
        (folder / "kustomization.yaml").write_text(json.dumps(said))
        return _render(folder)


def renderings() -> Iterator[tuple[str, tuple[Manifest, ...]]]:
    """Every overlay, and every component by itself, with a name."""
    for name in OVERLAYS:
        yield name, overlay(name)
    for name in COMPONENTS:
        yield f"base+{name}", component(name)


def of_kind(manifests: tuple[Manifest, ...], *kinds: str) -> list[Manifest]:
    """Those of some kinds."""
    return [one for one in manifests if one["kind"] in kinds]


def named(manifests: tuple[Manifest, ...], kind: str, name: str) -> Manifest:
    """The one with a name; a ConfigMap's without the hash of its content."""
    found = [
        one
        for one in of_kind(manifests, kind)
        if one["metadata"]["name"] == name or (kind == "ConfigMap" and one["metadata"]["name"][:-11] == name)
    ]
    assert len(found) == 1, (kind, name, len(found))
    return found[0]


def pod_of(manifests: tuple[Manifest, ...], name: str) -> Manifest:
    """The template of a Deployment's pods: `metadata` and `spec`."""
    template: Manifest = named(manifests, "Deployment", name)["spec"]["template"]
    return template


def container_of(manifests: tuple[Manifest, ...], name: str) -> Manifest:
    """The only container of a Deployment's pods."""
    (container,) = pod_of(manifests, name)["spec"]["containers"]
    found: Manifest = container
    return found


def environment(manifests: tuple[Manifest, ...], container: Manifest, secrets: dict[str, str]) -> dict[str, str]:
    """The variables that a container has, with `secrets` (name/key → text) and plausible facts of its pod."""
    found: dict[str, str] = {}
    for source in container.get("envFrom", ()):
        found |= named(manifests, "ConfigMap", source["configMapRef"]["name"][:-11])["data"]
    for one in container.get("env", ()):
        if "value" in one:
            found[one["name"]] = one["value"]
            continue
        place = one["valueFrom"]
        if "secretKeyRef" in place:
            found[one["name"]] = secrets[f"{place['secretKeyRef']['name']}/{place['secretKeyRef']['key']}"]
        elif "resourceFieldRef" in place:
            found[one["name"]] = "4"
        else:
            assert place == {"fieldRef": {"fieldPath": "metadata.name"}}
            found[one["name"]] = "harken-instance-6c9f7d5b8-x2x7k"
    return found


def config_of(manifests: tuple[Manifest, ...], name: str, folder: Path) -> Config:
    """The configuration that a container ends up with, read as it would read it."""
    variables = environment(manifests, container_of(manifests, name), SECRETS)
    path = None
    if file := variables.pop("HARKEN_CONFIG", ""):
        # Where it says that the file is, the ConfigMap is mounted.
        (mount,) = [m for m in container_of(manifests, name)["volumeMounts"] if file.startswith(m["mountPath"])]
        (volume,) = [v for v in pod_of(manifests, name)["spec"]["volumes"] if v["name"] == mount["name"]]
        data = named(manifests, "ConfigMap", volume["configMap"]["name"][:-11])["data"]
        path = folder / "harken.toml"
        path.write_text(data[Path(file).name])
    return load_config(path, {key: text for key, text in variables.items() if key.startswith("HARKEN_")})


def matches(selector: dict[str, Any], labels: dict[str, str]) -> bool:
    """Whether a selector takes an object with these labels."""
    wanted = selector.get("matchLabels", {})
    return all(labels.get(key) == value for key, value in wanted.items())


def _render(folder: Path) -> tuple[Manifest, ...]:
    done = subprocess.run([program("kubectl"), "kustomize", folder], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert not done.stderr, done.stderr  # of what is deprecated, too
    return tuple(yaml.load_all(done.stdout, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)))
