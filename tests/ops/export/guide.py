"""The deployment guide's own architecture for tests: a real nginx before a real supervisord's instances."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from typing import Any

import httpx
import psutil

PATIENCE_S = 120.0

RECORDING = files("harken") / "samples" / "english-01.wav"


def program(name: str) -> str:
    """Find a program, also where only root looks for it."""
    found = shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
    assert found, f"{name} is not installed: scripts/install-system-packages.sh"
    return found


def harken(*words: str | Path, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """Run a command as a person does."""
    command = [sys.executable, "-m", "harken", *map(str, words)]
    surroundings = {**os.environ, **(env or {})}
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, env=surroundings)


def exported(*words: str | Path, env: dict[str, str] | None = None) -> str:
    """What `harken export …` prints."""
    done = harken("export", *words, env=env)
    assert done.returncode == 0, done.stderr
    return done.stdout


def free_ports(count: int) -> int:
    """The first of some ports that follow each other and that nobody has now."""
    while True:
        with socket.socket() as first:
            first.bind(("127.0.0.1", 0))
            port: int = first.getsockname()[1]
        with suppress(OSError, OverflowError):
            for number in range(port, port + count):
                with socket.socket() as one:
                    one.bind(("127.0.0.1", number))
            return port


def until(holds: Callable[[], Any], what: str) -> None:
    """Wait until something is so."""
    deadline = time.monotonic() + PATIENCE_S
    while True:
        with suppress(httpx.TransportError):
            if holds():
                return
        assert time.monotonic() < deadline, f"not within {PATIENCE_S:.0f} s: {what}"
        time.sleep(0.05)  # between two looks; what is waited for ends the wait


@contextmanager
def open_folder() -> Iterator[Path]:
    """A folder that nginx's workers can enter, whoever they are; gone afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="harken-export-"))
    try:
        if os.getuid() == 0:
            nobody = pwd.getpwnam("nobody")
            os.chown(folder, nobody.pw_uid, nobody.pw_gid)
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def process(*command: str | Path, as_nobody: bool = False) -> Iterator[subprocess.Popen[bytes]]:
    """Run a program; whatever happens, it and its children are gone afterwards."""
    nobody = pwd.getpwnam("nobody")
    lowly: dict[str, Any] = {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}
    given = lowly if as_nobody and os.getuid() == 0 else {}
    with subprocess.Popen([*map(str, command)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **given) as run:
        try:
            yield run
        finally:
            family: list[psutil.Process] = []
            with suppress(psutil.NoSuchProcess):
                family = [psutil.Process(run.pid), *psutil.Process(run.pid).children(recursive=True)]
            run.terminate()
            with suppress(subprocess.TimeoutExpired):
                run.wait(30)
            for one in family:
                with suppress(psutil.NoSuchProcess):
                    one.kill()


@contextmanager
def nginx(folder: Path, port: int) -> Iterator[None]:
    """Run nginx as an ordinary user with the nginx.conf of a folder, until it listens."""
    (folder / "nginx.conf").chmod(0o644)
    command = (program("nginx"), "-e", folder / "nginx.log", "-c", folder / "nginx.conf")
    with process(*command, as_nobody=True) as run:
        until(lambda: run.poll() is not None or _listens(port), "nginx listens")
        assert run.poll() is None, (folder / "nginx.log").read_text()
        yield


def _listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


@dataclass
class Guide:
    """nginx before four instances that supervisord keeps.

    Attributes:
        url: nginx's.
        folder: where everything is.
        ports: of the instances.
        seen: processes of instances.
    """

    url: str
    folder: Path
    ports: tuple[int, ...]
    seen: set[int] = field(default_factory=set)

    def control(self, *words: str) -> str:
        """Ask supervisord."""
        command = [program("supervisorctl"), "-c", str(self.folder / "supervisord.conf"), *words]
        return subprocess.run(command, capture_output=True, text=True, timeout=30, check=False).stdout

    def pid(self, name: str) -> int:
        """The process of an instance, as supervisord knows it; 0 while it has none."""
        said = self.control("pid", f"harken:{name}").strip()
        pid = int(said) if said.isdecimal() else 0
        self.seen |= {pid} - {0}
        return pid

    def is_ready(self, port: int) -> bool:
        """Whether the instance on this port would transcribe now."""
        return httpx.get(f"http://127.0.0.1:{port}/health", timeout=10, trust_env=False).status_code == 200

    def ask(self, path: str = "/asr", field_name: str = "audio", **values: str) -> httpx.Response:
        """Send the recording, as the guide's reader does."""
        sent = {field_name: ("a.wav", RECORDING.read_bytes())}
        return httpx.post(f"{self.url}{path}", files=sent, data=values, timeout=60, trust_env=False)


CONFIGURATION = """
[gateway]
port = {port}
[fleet]
first_port = {first_port}
weights = "3,3,2,2"
[instance]
model = "digits"
device = "cpu"
threads = 1
[cache]
bytes = 0
[live]
sessions = 2
"""


@contextmanager
def running_guide() -> Iterator[Guide]:
    """Write one harken.toml, export it twice, run both results; nothing is left afterwards."""
    with open_folder() as folder:
        first_port = free_ports(5)
        port = first_port + 4
        file = folder / "harken.toml"
        file.write_text(CONFIGURATION.format(port=port, first_port=first_port))
        where = ("--config", file, "--standalone", folder)
        exported("nginx", *where, "--body-mb", "100", "--output", folder / "nginx.conf")
        exported("supervisor", *where, "--output", folder / "supervisord.conf")
        guide = Guide(url=f"http://127.0.0.1:{port}", folder=folder, ports=tuple(range(first_port, first_port + 4)))
        with process(program("supervisord"), "-c", folder / "supervisord.conf"), nginx(folder, port):
            for one in guide.ports:
                until(lambda one=one: guide.is_ready(one), f"the instance on {one} is ready")  # type: ignore[misc]
            for number in range(4):
                guide.pid(f"asr-{number + 1}")
            yield guide
        assert guide.seen
        assert not [pid for pid in guide.seen if psutil.pid_exists(pid)], "instances were left behind"
