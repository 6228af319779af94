"""Containers of a compose file as processes of this machine, without Docker.

Owns how each is started, asked for its health, and stopped: Harken's from root folders of the Dockerfile's targets, as
their user, read-only and without rights; others by the programs of this machine, as their image's entrypoint would. The
invariant: whatever was started is stopped.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from dataclasses import dataclass, field, replace
from pathlib import Path

from scripts.compose_file import Service
from scripts.compose_network import Network
from scripts.containers import Box, run, start, stop
from scripts.dockerfile import parse, settings_of

HERE = Path(__file__).parent.parent / "deploy" / "docker"
PATIENCE_S = 180.0
NOBODY = "65534:65534"


@dataclass(kw_only=True)
class Container:
    """One that was started; `process` ends when it does."""

    service: Service
    number: int
    box: Box
    process: subprocess.Popen[bytes]
    health: list[str] = field(default_factory=list)

    @property
    def name(self) -> str:
        """As Docker calls it."""
        return f"{self.service.name}-{self.number}"


class Host:
    """Starts containers.

    Args:
        images: a folder with a root folder for each target of the Dockerfile.
        folder: for volumes and logs.
        network: that they join.
    """

    def __init__(self, images: Path, folder: Path, network: Network) -> None:
        self._images = images
        self._folder = folder
        self._network = network
        self._stages = parse((HERE / "Dockerfile").read_text(encoding="utf-8"), {})
        self.running: list[Container] = []

    def start(self, service: Service, number: int) -> Container:
        """Start one container of a service."""
        network = self._network.join(service.name, number) if service.has_network else "none"
        target = service.image.removeprefix("harken-")
        if target in self._stages:
            settings = settings_of(self._stages, target, {})
            env = {**settings.env, **service.env}
            command = [*(service.entrypoint or settings.entrypoint), *(service.command or settings.command)]
            box = Box(
                root=self._images / target, env=env, folder=settings.folder, user=settings.user, is_read_only=True
            )
            health = list(service.health) or settings.health
        else:
            env, command, user = _third_party(service)
            box = Box(root=Path("/"), is_copy=True, env={"PATH": os.environ["PATH"], **env}, user=user)
            health = list(service.health)
        box = replace(box, network=network, binds=self._binds(service, number, box.user))
        log = (self._folder / f"{service.name}-{number}.log").open("wb")
        with log:
            process = start(box, command, log)
        made = Container(service=service, number=number, box=box, process=process, health=health)
        self.running.append(made)
        return made

    def log(self, container: Container) -> str:
        """What a container has said."""
        return (self._folder / f"{container.name}.log").read_text(encoding="utf-8", errors="replace")

    def wait(self, container: Container, condition: str) -> None:
        """Wait until a condition of `depends_on` holds."""
        ends = time.monotonic() + PATIENCE_S
        while condition != "service_started":
            code = container.process.poll()
            if condition == "service_completed_successfully" and code == 0:
                return
            if code is not None or time.monotonic() > ends:
                sys.exit(f"{container.name}: not {condition}; it ended with {code}\n{self.log(container)[-3000:]}")
            if condition == "service_healthy" and not run(container.box, container.health, is_quiet=True).returncode:
                return
            time.sleep(0.5)  # between two looks, as a healthcheck's interval
        return

    def stop(self) -> None:
        """SIGTERM to all, those first that wait for others."""
        for one in reversed(self.running):
            code = stop(one.process, 60)
            print(f"{one.name} " + ("had to be killed" if code is None else f"stopped with {code}"), flush=True)

    def leave(self, container: Container) -> None:
        """Take one out of the network's names, and stop it."""
        self._network.leave(container.service.name, container.number)
        self.running.remove(container)
        print(f"{container.name} stopped with {stop(container.process, 60)}", flush=True)

    def _binds(self, service: Service, number: int, user: str) -> dict[str, str]:
        binds = {str(self._network.resolver): "/etc/resolv.conf"}
        for source, place, _ in service.volumes:
            if source.startswith("./"):
                binds[str(HERE / source)] = place
                continue
            name = source or f"{service.name}-{number}{place.replace('/', '-')}"
            folder = self._folder / "volumes" / name
            if not folder.exists():
                folder.mkdir(parents=True)
                os.chown(folder, *(int(part) for part in user.split(":")))
            binds[str(folder)] = place
        return binds


def _third_party(service: Service) -> tuple[dict[str, str], list[str], str]:
    """Variables, command and user of a service whose image we have not: what its entrypoint would do."""
    env = dict(service.env)
    match service.image.rpartition("/")[2]:
        case "redis":
            return env, list(service.command), NOBODY
        case "postgres":
            programs = max(Path("/usr/lib/postgresql").glob("*/bin"))
            uid = subprocess.run(["id", "-u", "postgres"], check=True, capture_output=True, text=True).stdout.strip()
            data = service.volumes[0][1]
            lines = [
                "set -e",
                f"export PATH={programs}:$PATH",
                f"cd {data}; chmod 700 {data}",
                'printf %s "$POSTGRES_PASSWORD" >/tmp/word',
                f"initdb -D {data} -U $POSTGRES_USER --pwfile=/tmp/word -A scram-sha-256 -E UTF8 >/dev/null",
                f'echo "CREATE DATABASE $POSTGRES_DB" | postgres --single -D {data} postgres >/dev/null',
                f"echo 'host all all all scram-sha-256' >>{data}/pg_hba.conf",
                f"exec postgres -D {data} -c listen_addresses='*' -k /tmp",
            ]
            return env, ["sh", "-c", "\n".join(lines)], f"{uid}:{uid}"
        case "prometheus":
            config = "--config.file=/etc/prometheus/prometheus.yml"
            return env, ["prometheus", config, "--storage.tsdb.path=/prometheus"], NOBODY
    sys.exit(f"how is {service.image} started by hand?")
