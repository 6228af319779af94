"""Carries out deploy/docker/Dockerfile without Docker, and tries what comes of it: a recording is transcribed.

Each stage becomes a folder; RUN goes on in it as its root. The base image, which only a registry has, is replaced by
Debian's own Python 3.11 from debootstrap. In the end the target's command runs as its user, with no rights, a root that
cannot be written to, and a network of its own; its healthcheck has to become good, and then a recording is sent.

Usage (as root): python -m scripts.run_dockerfile TARGET [--folder FOLDER] [--build-arg NAME=VALUE]… [--bind PATH]…
       [--keep]; TARGET is gateway, cpu or cuda. A gateway transcribes nothing alone: of that only `--version` is asked.
"""

from __future__ import annotations

import argparse
import fnmatch
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

from scripts.containers import Box, certificates, check_means, network_of, run, start, stop
from scripts.dockerfile import BASE_ENV, Settings, Stage, Step, needed, parse

ROOT = Path(__file__).parent.parent
FILE = ROOT / "deploy" / "docker" / "Dockerfile"
BASE = ("bookworm", "python3,python3-venv,python3-pip,ca-certificates")
HEALTHY_S = 300.0


class Builder:
    """Builds stages into folders below one.

    Args:
        folder: holds them.
        stages: of the file.
        build_args: in place of ARGs' defaults.
        binds: paths of this machine that RUN sees, too.
    """

    def __init__(self, folder: Path, stages: dict[str, Stage], build_args: dict[str, str], binds: list[str]) -> None:
        self._folder = folder
        self._stages = stages
        self._build_args = build_args
        self._binds = {**certificates(), **{path: path for path in binds}}
        self.settings: dict[str, Settings] = {}

    def root(self, name: str) -> Path:
        """The folder of a stage."""
        return self._folder / name

    def build(self, name: str) -> None:
        """Build one stage; those that it needs are there."""
        stage = self._stages[name]
        before = self.settings.get(stage.base, Settings(env=dict(BASE_ENV)))
        if stage.base not in self._stages:
            _make_base(self._folder / "base")
        source = self.root(stage.base) if stage.base in self._stages else self._folder / "base"
        subprocess.run(["cp", "-a", source, self.root(name)], check=True)
        now = Settings(env=dict(before.env), folder=before.folder, user=before.user, entrypoint=before.entrypoint)
        self.settings[name] = now
        for step in stage.steps:
            print(f"[{name}] {step.word} {step.rest[:100]}", flush=True)
            now.take(step, self._build_args)
            if step.word == "RUN":
                self._run(name, step, now)
            elif step.word == "COPY":
                self._copy(name, step, now)
            elif step.word == "WORKDIR":
                (self.root(name) / now.folder.lstrip("/")).mkdir(parents=True, exist_ok=True)

    def _run(self, name: str, step: Step, now: Settings) -> None:
        # Where pip looks on this machine it looks in here, too.
        here = {key: value for key, value in os.environ.items() if key.startswith("PIP_")}
        env = {**here, **now.args, **now.env, "HOME": "/root"}
        box = Box(root=self.root(name), env=env, folder=now.folder, user=now.user, binds=self._binds)
        if run(box, ["sh", "-ec", step.rest]).returncode:
            sys.exit(f"RUN failed: {step.rest}")

    def _copy(self, name: str, step: Step, now: Settings) -> None:
        *sources, target = now.filled(step.rest).split()
        stage = step.flags.get("from")
        origin = self.root(stage) if stage else ROOT
        place = self.root(name) / (target if target.startswith("/") else f"{now.folder}/{target}").lstrip("/")
        for source in sources:
            found = origin / source.lstrip("/")
            if found.is_dir():
                kept = None if stage else _not_for_the_build
                shutil.copytree(found, place, symlinks=True, dirs_exist_ok=True, ignore=kept)
            else:
                is_folder = target.endswith("/")
                (place if is_folder else place.parent).mkdir(parents=True, exist_ok=True)
                shutil.copy2(found, place / found.name if is_folder else place)


def _not_for_the_build(_folder: str, names: list[str]) -> set[str]:
    """What the .dockerignore leaves out below a folder that it lets in."""
    lines = (FILE.parent / "Dockerfile.dockerignore").read_text(encoding="utf-8").splitlines()
    patterns = [line.removeprefix("**/") for line in lines if line.startswith("**/")]
    return {name for name in names if any(fnmatch.fnmatch(name, pattern) for pattern in patterns)}


def _make_base(folder: Path) -> None:
    """Debian's smallest system with its Python, called as the image of Python calls it."""
    if (folder / "usr/local/bin/python").is_symlink():
        return
    suite, packages = BASE
    print(f"[base] debootstrap {suite} with {packages}", flush=True)
    command = ["debootstrap", "--variant=minbase", f"--include={packages}", suite, str(folder)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    (folder / "usr/local/bin/python").symlink_to("/usr/bin/python3")


def _try(root: Path, settings: Settings) -> None:
    """Start the target as it would be started, wait for its health, have a recording transcribed, stop it."""
    env = {**settings.env, "HARKEN_INSTANCE_MODEL": "digits", "HARKEN_AUTH_KEYS": "off"}
    box = Box(
        root=root,
        env=env,
        folder=settings.folder,
        user=settings.user,
        empty=("/tmp", "/var/lib/harken"),
        is_read_only=True,
        network="none",
    )
    command = [*settings.entrypoint, *settings.command]
    print(f"[run] {' '.join(command)} as {settings.user}, root read-only", flush=True)
    process = start(box, command)
    try:
        beside = Box(root=root, env=env, user=settings.user, network=network_of(process))
        _wait_healthy(process, beside, settings.health)
        found = run(beside, ["sh", "-c", "find /opt/harken -path '*samples/english-01.wav'"], is_quiet=True)
        asked = [*settings.entrypoint, "transcribe", "--server", "http://127.0.0.1:7861", found.stdout.strip()]
        answer = run(beside, asked, is_quiet=True)
        print(f"[run] transcribe: {answer.stdout.strip()}{answer.stderr.strip()}", flush=True)
        if answer.returncode:
            sys.exit("not transcribed")
    finally:
        print(f"[run] stopped with {stop(process, 30)}", flush=True)


def _wait_healthy(process: subprocess.Popen[bytes], beside: Box, health: list[str]) -> None:
    started = time.monotonic()
    while run(beside, health, is_quiet=True).returncode:
        if process.poll() is not None:
            sys.exit(f"it ended with {process.returncode}")
        if time.monotonic() - started > HEALTHY_S:
            sys.exit(f"not healthy after {HEALTHY_S:.0f} s")
        time.sleep(1)  # as Docker does, between two looks
    print(f"[run] healthy after {time.monotonic() - started:.1f} s", flush=True)


def _size(path: Path) -> str:
    told = subprocess.run(["du", "-sxm", path], check=True, capture_output=True, text=True).stdout
    return f"{int(told.split()[0]):,} MB"


def main() -> None:
    """Build the target, say how large it is, and try it."""
    parser = argparse.ArgumentParser(prog="python -m scripts.run_dockerfile")
    parser.add_argument("target", choices=("gateway", "cpu", "cuda"))
    parser.add_argument("--folder", type=Path, default=Path("/var/tmp/harken-image"))
    parser.add_argument("--build-arg", action="append", default=[])
    parser.add_argument("--bind", action="append", default=[])
    parser.add_argument("--keep", action="store_true")
    asked = parser.parse_args()
    check_means("debootstrap", "ip")
    stages = parse(FILE.read_text(encoding="utf-8"), {})
    build_args = dict(one.split("=", 1) for one in asked.build_arg)
    asked.folder.mkdir(parents=True, exist_ok=True)
    builder = Builder(asked.folder, stages, build_args, asked.bind)
    order = needed(stages, asked.target)
    try:
        for name in order:
            shutil.rmtree(builder.root(name), ignore_errors=True)
            builder.build(name)
        root, settings = builder.root(asked.target), builder.settings[asked.target]
        print(f"[size] all {_size(root)}, of it /opt/harken {_size(root / 'opt/harken')}", flush=True)
        if asked.target == "cpu":
            _try(root, settings)
        else:
            version = run(Box(root=root, env=settings.env, user=settings.user), [*settings.entrypoint, "--version"])
            sys.exit(version.returncode)
    finally:
        for name in order if not asked.keep else order[:-1]:
            shutil.rmtree(builder.root(name), ignore_errors=True)


if __name__ == "__main__":
    main()
