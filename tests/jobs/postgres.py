"""A real PostgreSQL for tests: a server in a folder of its own, reached by its socket, gone afterwards."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

_USER = "postgres"
PATIENCE_S = 30.0


@contextmanager
def running_postgres() -> Iterator[str]:
    """Give the socket's folder of a new server; without PostgreSQL on this machine the test is skipped."""
    programs = _programs()
    folder = Path(tempfile.mkdtemp(prefix="harken-pg-"))
    # The server refuses to run as root, and then its folder belongs to the user it runs as.
    user = _USER if os.geteuid() == 0 else None
    if user is not None:
        shutil.chown(folder, user)
    data = folder / "data"
    try:
        _run([programs / "initdb", "-D", data, "-U", _USER, "-A", "trust", "--no-sync", "-E", "UTF8"], user, folder)
        command: list[str | Path] = [
            programs / "postgres",
            "-D",
            data,
            "-k",
            folder,
            "-c",
            "listen_addresses=",
            "-c",
            "fsync=off",
        ]
        with subprocess.Popen(
            command, user=user, cwd=folder, env=_env(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        ) as server:
            try:
                _wait_ready(folder, server)
                yield str(folder)
            finally:
                server.send_signal(signal.SIGINT)  # its word for: without waiting for clients
                server.wait(20)
                if (data / "postmaster.pid").exists():  # of the one that `gone` started
                    _run([programs / "pg_ctl", "-D", data, "-m", "fast", "stop"], user, folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def hanging(folder: str) -> Iterator[None]:
    """Stop that server's processes in the block: it takes connections, and answers nothing."""
    parent = int((Path(folder) / "data" / "postmaster.pid").read_text().split()[0])
    children = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
    pids = [parent, *map(int, children)]
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)


@contextmanager
def gone(folder: str) -> Iterator[None]:
    """End that server in the block as a crash would, and start it again afterwards."""
    control, user = _programs() / "pg_ctl", _USER if os.geteuid() == 0 else None
    command: list[str | Path] = [control, "-D", Path(folder) / "data", "-w"]
    _run([*command, "-m", "immediate", "stop"], user, Path(folder))
    try:
        yield
    finally:
        options = f"-k {folder} -c listen_addresses= -c fsync=off"
        _run([*command, "-l", "/dev/null", "-o", options, "start"], user, Path(folder))


def url_of(folder: str, schema: str) -> str:
    """The URL of a new, empty schema on that server."""
    with psycopg.connect(host=folder, user=_USER, dbname="postgres", autocommit=True) as connection:
        connection.execute(f"CREATE SCHEMA {schema}")
    return f"postgresql+psycopg://{_USER}@/postgres?host={folder}&options=-csearch_path%3D{schema}"


def _programs() -> Path:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    beside = shutil.which("initdb")
    if not found and beside is None:
        pytest.skip("no PostgreSQL on this machine: scripts/install-system-packages.sh installs it")
    return found[-1].parent if found else Path(str(beside)).parent


def _run(command: list[str | Path], user: str | None, folder: Path) -> None:
    subprocess.run(command, user=user, cwd=folder, env=_env(), check=True, capture_output=True, timeout=60)


def _env() -> dict[str, str]:
    return {"PATH": os.environ["PATH"], "LC_ALL": "C", "HOME": "/"}


def _wait_ready(folder: Path, server: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        assert server.poll() is None, "PostgreSQL did not start"
        try:
            psycopg.connect(host=str(folder), user=_USER, dbname="postgres").close()
        except psycopg.OperationalError:
            time.sleep(0.05)  # between two looks
        else:
            return
    raise AssertionError("PostgreSQL does not answer")
