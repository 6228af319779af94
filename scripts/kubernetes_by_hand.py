"""Starts the pods of deploy/kubernetes/overlays/demo without Kubernetes, and sends a recording through them.

What kubectl renders is what is run: each container from the folder that `run_dockerfile --keep` left, with the pod's
user, variables, volumes, read-only root and address, as a node would. Probes are asked with their own paths, periods
and numbers of failures; in the end each pod is stopped as a node drains it: preStop, SIGTERM, its grace period. What
only a cluster has is not here: no policies are enforced, nothing is scheduled, no disk is claimed.

Usage (as root): python -m scripts.kubernetes_by_hand IMAGES [--env DEPLOYMENT.NAME=VALUE]…
"""

from __future__ import annotations

import argparse
import math
import os
import shutil
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from scripts.compose_network import Network
from scripts.containers import Box, check_images, check_means, run, start, stop
from scripts.dockerfile import parse, settings_of

ROOT = Path(__file__).parent.parent
OVERLAY = ROOT / "deploy" / "kubernetes" / "overlays" / "demo"
DOCKERFILE = ROOT / "deploy" / "docker" / "Dockerfile"
SAMPLE = "/opt/harken/lib/python3.11/site-packages/harken/samples/english-01.wav"

_SEEN_WITHIN = 10
"""Requests without a key that a server may let in after the first one was made: it looks every second or so."""

Manifest = dict[str, Any]


@dataclass(kw_only=True)
class Pod:
    """A pod that was started; `process` ends when it does."""

    name: str
    spec: Manifest
    box: Box
    process: subprocess.Popen[bytes]

    @property
    def container(self) -> Manifest:
        """Its only one."""
        found: Manifest = self.spec["containers"][0]
        return found


class Node:
    """Starts pods.

    Args:
        images: a folder with a root folder for each target of the Dockerfile.
        folder: for volumes and logs.
        network: that they join.
        rendered: all objects of the overlay.
    """

    def __init__(self, images: Path, folder: Path, network: Network, rendered: list[Manifest]) -> None:
        self._images = images
        self._folder = folder
        self._network = network
        self._maps = {one["metadata"]["name"]: one["data"] for one in rendered if one["kind"] == "ConfigMap"}
        self._stages = parse(DOCKERFILE.read_text(encoding="utf-8"), {})
        self.running: list[Pod] = []

    def start(self, deployment: Manifest, number: int, more: dict[str, str]) -> Pod:
        """Start one pod; `more` are variables beside its own."""
        service, spec = deployment["metadata"]["name"], deployment["spec"]["template"]["spec"]
        name = f"{service}-{number}"
        (container,) = spec["containers"]
        target = container["image"].rpartition(":")[0].rpartition("harken-")[2]
        settings = settings_of(self._stages, target, {})
        rights = spec["securityContext"]
        box = Box(
            root=self._images / target,
            env={**settings.env, **self._variables(container, name), **more},
            folder=settings.folder,
            user=f"{rights['runAsUser']}:{rights['runAsGroup']}",
            binds={str(self._network.resolver): "/etc/resolv.conf", **self._volumes(name, spec, container)},
            is_read_only=container["securityContext"]["readOnlyRootFilesystem"],
            network=self._network.join(service, number),
        )
        with (self._folder / f"{name}.log").open("wb") as log:
            process = start(box, [*settings.entrypoint, *container["args"]], log)
        self.running.append(Pod(name=name, spec=spec, box=box, process=process))
        return self.running[-1]

    def passes(self, pod: Pod, probe: Manifest) -> bool:
        """Ask one probe once, from outside of the pod's namespaces but its network, as the node does."""
        port = {one["name"]: one["containerPort"] for one in pod.container["ports"]}[probe["httpGet"]["port"]]
        url = f"http://127.0.0.1:{port}{probe['httpGet']['path']}"
        code = f"from urllib.request import urlopen; urlopen({url!r}, timeout={probe.get('timeoutSeconds', 1)})"
        outside = Box(root=Path("/"), network=pod.box.network, env={"PATH": os.environ["PATH"]})
        return run(outside, ["python3", "-c", code], is_quiet=True).returncode == 0

    def wait(self, pod: Pod, kind: str) -> None:
        """Wait until a probe passes; all ends where a node would have killed the container."""
        probe = pod.container[kind]
        started = time.monotonic()
        for _ in range(probe["failureThreshold"]):
            if self.passes(pod, probe):
                print(f"{pod.name}: {kind} passes after {time.monotonic() - started:.0f} s", flush=True)
                return
            if pod.process.poll() is not None:
                break
            time.sleep(probe["periodSeconds"])
        sys.exit(f"{pod.name}: {kind} fails\n{(self._folder / f'{pod.name}.log').read_text(encoding='utf-8')[-3000:]}")

    def stop(self, pod: Pod) -> None:
        """Have a pod leave as Kubernetes does."""
        if pod.process.poll() is not None:
            return
        started = time.monotonic()
        hook = pod.container.get("lifecycle", {}).get("preStop", {}).get("exec", {}).get("command")
        if hook is not None:
            run(pod.box, hook)
        code = stop(pod.process, pod.spec["terminationGracePeriodSeconds"])
        print(f"{pod.name}: stopped with {code} after {time.monotonic() - started:.0f} s", flush=True)

    def stop_all(self) -> None:
        """Have all pods leave."""
        for pod in reversed(self.running):
            self.stop(pod)

    def _variables(self, container: Manifest, name: str) -> dict[str, str]:
        found: dict[str, str] = {}
        for source in container.get("envFrom", ()):
            found |= self._maps[source["configMapRef"]["name"]]
        for one in container.get("env", ()):
            place = one.get("valueFrom", {})
            if "resourceFieldRef" in place:
                cpu = container["resources"]["requests"]["cpu"]
                found[one["name"]] = str(math.ceil(float(cpu.removesuffix("m")) / (1000 if cpu.endswith("m") else 1)))
            else:
                found[one["name"]] = name if place else one["value"]
        return found

    def _volumes(self, name: str, spec: Manifest, container: Manifest) -> dict[str, str]:
        places = {one["name"]: one["mountPath"] for one in container["volumeMounts"]}
        binds = {}
        for volume in spec["volumes"]:
            folder = self._folder / name / volume["name"]
            folder.mkdir(parents=True)
            for file, text in self._maps.get(volume.get("configMap", {}).get("name", ""), {}).items():
                (folder / file).write_text(text, encoding="utf-8")
            if "emptyDir" in volume:
                # Root's, and writable by the group alone: what a volume is where fsGroup applies.
                os.chown(folder, 0, spec["securityContext"]["fsGroup"])
                folder.chmod(0o2770)
            binds[str(folder)] = places[volume["name"]]
        return binds


def _rendered() -> list[Manifest]:
    """The overlay, by the kubectl of the development environment, or this machine's."""
    beside = Path(sys.executable).parent / "kubectl"
    command = [str(beside) if beside.exists() else "kubectl", "kustomize", str(OVERLAY)]
    return list(yaml.safe_load_all(subprocess.run(command, check=True, capture_output=True, text=True).stdout))


def _show(node: Node, deployments: list[Manifest], more: dict[str, dict[str, str]]) -> None:
    for deployment in deployments:
        for number in range(deployment["spec"]["replicas"]):
            node.start(deployment, number + 1, more.get(deployment["metadata"]["name"], {}))
    for kind in ("startupProbe", "readinessProbe", "livenessProbe"):
        for pod in node.running:
            node.wait(pod, kind)
    gateway = next(pod for pod in node.running if "gateway" in pod.name)
    print(run(gateway.box, ["harken", "status"], is_quiet=True).stdout, flush=True)
    asked = ["harken", "transcribe", "--server", "http://harken-gateway:7860", SAMPLE]
    answer = run(gateway.box, asked, is_quiet=True)
    print(f"{Path(SAMPLE).name}: {answer.stdout.strip()}{answer.stderr.strip()}", flush=True)
    key = run(gateway.box, ["harken", "keys", "add", "somebody"], is_quiet=True)
    if answer.returncode or key.returncode:
        sys.exit("not as it should be")
    print(f"a key is made ({key.stdout[:3]}…), and without it: {_refusal(gateway, asked)}", flush=True)


def _refusal(pod: Pod, asked: list[str]) -> str:
    """What is said to somebody without a key, as soon as the server has seen that there is one."""
    for _ in range(_SEEN_WITHIN):
        answer = run(pod.box, asked, is_quiet=True)
        if answer.returncode:
            return answer.stderr.strip()[-120:]
    sys.exit("a key was made, and nobody needs it")


def main() -> None:
    """Start, show, stop."""
    parser = argparse.ArgumentParser(prog="python -m scripts.kubernetes_by_hand")
    parser.add_argument("images", type=Path)
    parser.add_argument("--env", action="append", default=[], metavar="DEPLOYMENT.NAME=VALUE")
    asked = parser.parse_args()
    check_means("ip", "dnsmasq")
    check_images(asked.images, "gateway", "cpu")
    more: dict[str, dict[str, str]] = {}
    for one in asked.env:
        place, _, value = one.partition("=")
        deployment, _, name = place.partition(".")
        more.setdefault(deployment, {})[name] = value
    rendered = _rendered()
    folder = Path(tempfile.mkdtemp(prefix="harken-pods-"))
    folder.chmod(0o755)
    with ExitStack() as stack:
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        network = stack.enter_context(Network(folder).up())
        node = Node(asked.images.resolve(), folder, network, rendered)
        stack.callback(node.stop_all)
        _show(node, [one for one in rendered if one["kind"] == "Deployment"], more)


if __name__ == "__main__":
    main()
