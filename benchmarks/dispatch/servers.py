"""The processes of a benchmark: started on free ports, asked for their CPU time and memory, ended by id.

Knows how each kind of server is started and when it is ready; knows nothing of requests. The invariant: whatever ends
the `with House()` block, Ctrl-C included, no process that it started is left.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import psutil

from benchmarks.dispatch.nginx import Balancing, configuration
from benchmarks.dispatch.readiness import ready_behind, status, until
from harken.server.announce import News, parse_line

_ROOT = Path(__file__).parents[2]
_STOP_S = 30.0


@dataclass(kw_only=True, eq=False)
class Server:
    """One server and its process; a restarted one has another process at the same address."""

    name: str
    url: str
    command: tuple[str, ...]
    env: dict[str, str]
    process: subprocess.Popen[bytes]

    def family(self) -> list[psutil.Process]:
        """Its process and the children of it (nginx's workers), those that are alive."""
        try:
            own = psutil.Process(self.process.pid)
            return [own, *own.children(recursive=True)]
        except psutil.NoSuchProcess:
            return []

    def cpu_s(self) -> float:
        """CPU seconds of all of them so far."""
        return sum(_cpu_s(process) for process in self.family())

    def memory_mib(self) -> float:
        """Memory that is theirs alone (unique set size): what ending them would give back."""
        return float(sum(process.memory_full_info().uss for process in self.family())) / 2**20


def _cpu_s(process: psutil.Process) -> float:
    with contextlib.suppress(psutil.NoSuchProcess):
        times = process.cpu_times()
        return float(times.user + times.system)
    return 0.0


class House:
    """Where the servers of one benchmark live.

    Args:
        listens_lightly: servers of ours listen with the detector of `loudness`.
    """

    def __init__(self, *, listens_lightly: bool = False) -> None:
        self._listens_lightly = listens_lightly
        self._servers: list[Server] = []
        self._folder = tempfile.TemporaryDirectory(prefix="harken-bench-", ignore_cleanup_errors=True)
        self._number = 0

    def __enter__(self) -> Self:
        # Asked to leave in either way, we leave by this block's end.
        self._on_term = signal.signal(signal.SIGTERM, signal.default_int_handler)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for server in self._servers:
            self._kill(server)
        signal.signal(signal.SIGTERM, self._on_term)
        self._folder.cleanup()

    @property
    def folder(self) -> Path:
        """Gone with the house."""
        return Path(self._folder.name)

    # --- starting -------------------------------------------------------------------------------------------------

    def instance(self, name: str, *, rtfx: float, slots: int, in_flight: int, waiting: int = 4096) -> Server:
        """Start an instance of set speed; returns when it is ready.

        Args:
            name: what it calls itself.
            rtfx: audio-seconds per second of one segment alone.
            slots: segments that it runs at the same time.
            in_flight: segments of one of its own requests at the same time; a gateway before it is not bound by that.
            waiting: segments that may wait inside.
        """
        port = free_port()
        serve = ("benchmarks.dispatch.instance",) if self._listens_lightly else ("harken", "serve")
        flags = (*serve, "--model", f"stub:rtfx={rtfx:g}", "--slots", str(slots), "--port", str(port), "--name", name)
        env = self._surroundings(
            name, limits_segments_in_flight=str(in_flight), instance_waiting=str(waiting), cache_bytes="0"
        )
        server = self._start(name, (sys.executable, "-m", *flags), env)
        until(lambda: status(f"{server.url}/health/ready") == 200, name)
        return server

    def gateway(self, instances: Sequence[Server], **settings: str) -> Server:
        """Start Harken's gateway over running instances; returns when all of them may get work.

        Args:
            instances: listening.
            settings: HARKEN_* variables in small letters, over those of every benchmark.
        """
        return self.gateway_over([server.url for server in instances], **settings)

    def gateway_over(self, urls: Sequence[str], **settings: str) -> Server:
        """The same over instances at these addresses."""
        light = ("--light",) if self._listens_lightly else ()
        command = (sys.executable, "-m", "benchmarks.dispatch.gateway", *light, *urls)
        server = self._start("gateway", command, self._surroundings("gateway", **({"cache_bytes": "0"} | settings)))
        until(lambda: ready_behind(server.url) == len(urls), "the gateway's instances")
        return server

    def nginx(self, instances: Sequence[Server], balancing: Balancing, *, timeout_s: float) -> Server:
        """Start nginx over running instances; returns when it answers for one of them."""
        self._number += 1
        folder, port = self.folder / f"nginx-{self._number}", free_port()
        folder.mkdir()
        urls = [instance.url for instance in instances]
        text = configuration(urls, balancing, port=port, folder=str(folder), timeout_s=timeout_s)
        # Workers drop to another user where we are root; that one may not look into a temporary folder of ours.
        text = f"user root;\n{text}" if os.geteuid() == 0 else text
        (folder / "nginx.conf").write_text(text)
        command = (nginx_program(), "-e", f"{folder}/nginx.log", "-p", str(folder), "-c", f"{folder}/nginx.conf")
        server = Server(
            name="nginx", url=f"http://127.0.0.1:{port}", command=command, env={**os.environ}, process=_spawn(command)
        )
        self._servers.append(server)
        until(lambda: status(f"{server.url}/health") == 200, "nginx")
        return server

    def _surroundings(self, name: str, **settings: str) -> dict[str, str]:
        """Ours without HARKEN_* variables; then quiet, without keys and jobs, and with a folder of its own."""
        env = {key: value for key, value in os.environ.items() if not key.startswith("HARKEN_")}
        fixed = {
            "state_folder": str(self.folder / name),
            "jobs_is_enabled": "false",
            "auth_keys": "off",
            "log_level": "error",
        }
        return env | {"OMP_NUM_THREADS": "1"} | {f"HARKEN_{k}".upper(): v for k, v in (fixed | settings).items()}

    def _start(self, name: str, command: tuple[str, ...], env: dict[str, str]) -> Server:
        server = Server(name=name, url="", command=command, env=env, process=_spawn(command, env))
        self._servers.append(server)
        server.url = _listening(server)
        return server

    # --- ending, and worse ----------------------------------------------------------------------------------------

    def restart(self, server: Server) -> None:
        """Start a server that has ended again, at its address; returns when it is ready."""
        assert server.process.poll() is not None, f"{server.name} still runs"
        _close_pipe(server)
        server.process = _spawn(server.command, server.env)
        _listening(server)
        until(lambda: status(f"{server.url}/health/ready") == 200, server.name)

    def end(self, server: Server) -> None:
        """End a server for good, without asking."""
        self._kill(server)
        self._servers.remove(server)

    def _kill(self, server: Server) -> None:
        # The parent first: nginx starts another worker in the place of one that was killed.
        for process in server.family():
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        server.process.wait(_STOP_S)
        _close_pipe(server)


def terminate(server: Server) -> None:
    """SIGTERM, and the wait for its end; nothing accepted is lost by a server that drains."""
    server.process.send_signal(signal.SIGTERM)
    server.process.wait(600)


def nginx_program() -> str:
    """Where nginx is; a folder of root's that not everybody has in the path.

    Raises:
        FileNotFoundError: it is not installed.
    """
    found = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
    if found is None:
        raise FileNotFoundError("nginx is not installed; scripts/install-system-packages.sh does it")
    return found


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _spawn(command: Sequence[str], env: dict[str, str] | None = None) -> subprocess.Popen[bytes]:
    return subprocess.Popen(command, cwd=_ROOT, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)


def _close_pipe(server: Server) -> None:
    assert server.process.stdout is not None
    server.process.stdout.close()


def _listening(server: Server) -> str:
    """Read its announcements until it says where it listens."""
    assert server.process.stdout is not None
    for line in server.process.stdout:
        told = parse_line(line.decode())
        if told is not None and told.news is News.LISTENING:
            return told.url
    raise RuntimeError(f"{server.name} ended with {server.process.wait()} before it listened")
