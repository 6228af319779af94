"""Starts the services of deploy/docker/compose.yaml without Docker, in its order, and sends recordings through them.

Harken's containers run from the folders that `run_dockerfile --keep` leaves; Redis, PostgreSQL and Prometheus are this
machine's, with the commands, variables and files of the compose file. Each has a network namespace and an address of
its own, and looks the others up by DNS. Health is asked by the same commands. Grafana is no package of Debian's: of it
only the files that it would read are looked at.

Usage (as root): python -m scripts.compose_by_hand IMAGES [--env SERVICE.NAME=VALUE]…
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from urllib.parse import quote

import yaml

from scripts.compose_file import Service, services
from scripts.compose_host import HERE, PATIENCE_S, Container, Host
from scripts.compose_network import Network
from scripts.containers import Box, check_images, check_means, run, start

ENV = {"POSTGRES_PASSWORD": "by-hand", "GRAFANA_PASSWORD": "by-hand"}
ABSENT = "grafana"
SAMPLES = "/opt/harken/lib/python3.11/site-packages/harken/samples"


def _start_all(host: Host, wanted: list[Service]) -> dict[str, list[Container]]:
    started: dict[str, list[Container]] = {}
    for service in wanted:
        for other, condition in service.after.items():
            for one in started[other]:
                host.wait(one, condition)
                print(f"{one.name}: {condition}", flush=True)
        started[service.name] = [host.start(service, number + 1) for number in range(service.replicas)]
        print(f"{service.name} started, {service.replicas} of it", flush=True)
    for containers in started.values():
        for one in containers:
            if one.health and one.process.poll() != 0:
                host.wait(one, "service_healthy")
                print(f"{one.name}: healthy", flush=True)
    return started


def _ask(box: Box, url: str) -> Any:
    """What a service answers, as one of the containers sees it."""
    code = f"from urllib.request import urlopen; print(urlopen({url!r}, timeout=10).read().decode())"
    return json.loads(run(box, ["python", "-c", code], is_quiet=True).stdout)


def _show(started: dict[str, list[Container]], folder: Path) -> None:
    gateway = started["gateway"][0].box
    print(run(gateway, ["harken", "status"], is_quiet=True).stdout, flush=True)
    for sample in ("english-01.wav", "chinese-02.wav", "english-01.wav"):
        asked = ["harken", "transcribe", "--server", "http://gateway:7860", f"{SAMPLES}/{sample}"]
        answer = run(gateway, asked, is_quiet=True)
        print(f"{sample}: {answer.stdout.strip()}{answer.stderr.strip()}", flush=True)
        if answer.returncode:
            sys.exit("not transcribed")
    redis = run(started["redis"][0].box, ["redis-cli", "dbsize"], is_quiet=True)
    print(f"Redis has {redis.stdout.strip()} keys of the cache", flush=True)
    _show_prometheus(gateway)
    files = folder / "volumes" / "monitoring" / "grafana"
    provider = yaml.safe_load((files / "provisioning" / "dashboards" / "harken.yml").read_text(encoding="utf-8"))
    (place,) = [one["options"]["path"] for one in provider["providers"]]
    dashboard = json.loads((folder / "volumes" / place.lstrip("/") / "harken.json").read_text(encoding="utf-8"))
    print(f"Grafana would find {len(dashboard['panels'])} panels and rows in {place}; it was not started", flush=True)


def _scale(host: Host, started: dict[str, list[Container]]) -> None:
    """Under load, one instance more and one less, as `docker compose up --scale` has it: followed by DNS alone."""
    first, gateway = started["instance"][0], started["gateway"][0].box
    load = ["harken", "bench", "--server", "http://gateway:7860", "--concurrency", "3", "--duration-s", "40", SAMPLES]
    with tempfile.TemporaryFile() as told:
        bench = start(gateway, load, told)
        third = host.start(first.service, 3)
        host.wait(third, "service_healthy")
        print(f"{third.name} started; the gateway has {_ready(gateway, 3)}", flush=True)
        host.leave(first)
        print(f"the gateway has {_ready(gateway, 2)}", flush=True)
        code = bench.wait(PATIENCE_S)
        told.seek(0)
        print(f"{told.read().decode()}\nthe load test ended with {code}: 0 says that no request failed", flush=True)
    if code:
        sys.exit("requests failed")


def _ready(gateway: Box, count: int) -> list[str]:
    """The ready instances of a gateway, as soon as there are so many and no other ones."""
    ends = time.monotonic() + PATIENCE_S
    while True:
        lines = _ask(gateway, "http://127.0.0.1:7860/health")["instances"]
        ready = [one["name"] for one in lines if one["state"] == "ready"]
        if len(ready) == len(lines) == count:
            return ready
        if time.monotonic() > ends:
            sys.exit(f"not {count} instances: {lines}")
        time.sleep(0.5)  # names are looked up every five seconds


def _show_prometheus(gateway: Box) -> None:
    ends = time.monotonic() + PATIENCE_S
    while True:
        targets = _ask(gateway, "http://prometheus:9090/api/v1/targets")["data"]["activeTargets"]
        up = [one for one in targets if one["health"] == "up"]
        if len(up) == len(targets) == 3 or time.monotonic() > ends:
            break
        time.sleep(1)  # a scrape comes every 15 s
    for one in sorted(targets, key=lambda one: str(one["labels"])):
        print(f"Prometheus: {one['labels']} {one['health']} {one['lastError']}", flush=True)
    groups = _ask(gateway, "http://prometheus:9090/api/v1/rules")["data"]["groups"]
    rules = [rule for group in groups for rule in group["rules"]]
    wrong = [rule["name"] for rule in rules if rule["health"] == "err"]
    firing = [rule["name"] for rule in rules if rule.get("state") == "firing"]
    print(f"Prometheus: {len(rules)} rules, {len(wrong)} of them wrong, firing: {firing}", flush=True)
    for question in _questions():
        (found,) = _ask(gateway, f"http://prometheus:9090/api/v1/query?query={quote(question)}")["data"]["result"]
        print(f"Prometheus: {question} is {found['value'][1]}", flush=True)
    if len(up) != 3 or wrong:
        sys.exit("not all is watched")


def _questions() -> list[str]:
    """What an autoscaler in Kubernetes would ask, of all that is here."""
    text = (HERE.parent / "kubernetes" / "components" / "keda" / "scaledobject.yaml").read_text(encoding="utf-8")
    triggers = yaml.safe_load(text)["spec"]["triggers"]
    return [one["metadata"]["query"].replace('{namespace="harken"}', "") for one in triggers]


def main() -> None:
    """Start, show, stop."""
    parser = argparse.ArgumentParser(prog="python -m scripts.compose_by_hand")
    parser.add_argument("images", type=Path)
    parser.add_argument("--env", action="append", default=[], metavar="SERVICE.NAME=VALUE")
    asked = parser.parse_args()
    check_means("ip", "dnsmasq", "redis-server", "redis-cli", "pg_isready", "prometheus", "wget")
    check_images(asked.images, "gateway", "cpu")
    document = yaml.safe_load((HERE / "compose.yaml").read_text(encoding="utf-8"))
    for one in asked.env:
        place, _, value = one.partition("=")
        service, _, name = place.partition(".")
        document["services"][service]["environment"][name] = value
    wanted = [one for one in services(document, ENV) if one.name != ABSENT]
    folder = Path(tempfile.mkdtemp(prefix="harken-compose-"))
    folder.chmod(0o755)
    with ExitStack() as stack:
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        network = stack.enter_context(Network(folder).up())
        host = Host(asked.images.resolve(), folder, network)
        stack.callback(host.stop)
        started = _start_all(host, wanted)
        _show(started, folder)
        _scale(host, started)


if __name__ == "__main__":
    main()
