"""A gateway that follows a name of a real DNS server (dnsmasq). Run in a network of its own: see test_dns_name."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx

from tests.fleet.test_up import recording
from tests.network import is_inside

HARKEN = (sys.executable, "-m", "harken")
GATEWAY = "http://127.0.0.1:7860"
PATIENCE_S = 30.0


class Story:
    """The processes, and what happens to them.

    Args:
        folder: for the files of this story.
        stack: ends the processes.
    """

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self._stack = stack
        self._hosts = folder / "hosts"
        self._resolv = folder / "resolv.conf"
        self._env = {**os.environ, "HARKEN_STATE_FOLDER": str(folder / "state"), "HARKEN_CACHE_BYTES": "0"}
        self._names: subprocess.Popen[bytes] | None = None
        self.instances: dict[int, subprocess.Popen[bytes]] = {}
        self.statuses: Counter[int] = Counter()
        self._is_over = threading.Event()

    def network(self) -> None:
        """A loopback of our own, and a resolver that asks our server alone."""
        subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
        self._resolv.write_text("nameserver 127.0.0.1\noptions timeout:1 attempts:1\n")
        subprocess.run(["mount", "--bind", str(self._resolv), "/etc/resolv.conf"], check=True)

    def name(self, *hosts: int) -> None:
        """Have the name mean these addresses from now on."""
        self._hosts.write_text("".join(f"127.0.0.{host} pods.test\n" for host in hosts))
        if self._names is None:
            flags = ("--no-daemon", "--conf-file=/dev/null", "--pid-file=", "--user=root", "--group=root", "--no-hosts")
            place = ("--listen-address=127.0.0.1", "--bind-interfaces", "--no-resolv", "--local=/test/")
            self._names = self._start("dnsmasq", *flags, *place, f"--addn-hosts={self._hosts}")
        else:
            self._names.send_signal(signal.SIGHUP)

    def kill_names(self) -> None:
        """End the DNS server."""
        assert self._names is not None
        self._names.kill()
        self._names.wait()
        self._names = None

    def serve(self, host: int) -> None:
        """Start an instance at an address."""
        place = ("--host", f"127.0.0.{host}", "--port", "7861", "--name", f"i{host}")
        self.instances[host] = self._start(*HARKEN, "serve", "--model", "stub:rtfx=5", *place)

    def up(self) -> None:
        """Start the gateway."""
        flags = ("--upstream", "http://pods.test:7861#dns&name=pod", "--set", "fleet.resolve_interval_s=0.2")
        self._start(*HARKEN, "up", "--port", "7860", *flags)

    def load(self) -> None:
        """Send recordings, three at a time, until `rest`."""

        def send(seed: int) -> None:
            with httpx.Client(timeout=60, trust_env=False) as client:
                while not self._is_over.is_set():
                    answer = client.post(f"{GATEWAY}/asr", files={"audio": recording(seed, seconds=1.0)})
                    self.statuses[answer.status_code] += 1

        self._senders = [threading.Thread(target=send, args=(seed,), daemon=True) for seed in range(3)]
        for sender in self._senders:
            sender.start()

    def rest(self) -> None:
        """Send no more."""
        self._is_over.set()
        for sender in self._senders:
            sender.join(60)

    def lines(self) -> list[dict[str, Any]]:
        """What /health says of each upstream."""
        try:
            told: list[dict[str, Any]] = httpx.get(f"{GATEWAY}/health", timeout=5, trust_env=False).json()["instances"]
        except httpx.HTTPError:
            return []
        return told

    def until(self, is_so: Callable[[list[dict[str, Any]]], bool]) -> list[dict[str, Any]]:
        """Wait until /health says it."""
        deadline = time.monotonic() + PATIENCE_S
        while not is_so(lines := self.lines()):
            assert time.monotonic() < deadline, lines
            time.sleep(0.05)  # between two looks
        return lines

    def until_serving(self, *hosts: int) -> list[str]:
        """Wait until exactly these are there, and ready."""
        names = {f"pod-127.0.0.{host}" for host in hosts}
        lines = self.until(
            lambda lines: {one["name"] for one in lines if one["state"] == "ready"} == names == _all(lines)
        )
        return [one["name"] for one in lines]

    def answered(self, more: int = 12) -> None:
        """Wait until so many more recordings were answered."""
        wanted, deadline = self.statuses.total() + more, time.monotonic() + PATIENCE_S
        while self.statuses.total() < wanted:
            assert time.monotonic() < deadline, self.statuses
            time.sleep(0.05)  # between two looks

    def _start(self, *command: str) -> subprocess.Popen[bytes]:
        process = subprocess.Popen(command, env=self._env, stdout=sys.stderr)
        self._stack.callback(process.wait)
        self._stack.callback(process.kill)
        return process


def _all(lines: list[dict[str, Any]]) -> set[str]:
    return {one["name"] for one in lines}


def main() -> None:
    """Tell it; print what was seen."""
    assert is_inside(), "only in a network of our own"
    told: dict[str, Any] = {}
    with ExitStack() as stack:
        story = Story(Path(stack.enter_context(tempfile.TemporaryDirectory())), stack)
        story.network()
        story.name()
        for host in (2, 3, 4):
            story.serve(host)
        story.up()
        (line,) = story.until(lambda lines: any(one["detail"] for one in lines))
        told["at_first"], told["why"] = [line["name"]], line["detail"]
        story.name(2, 3)
        told["found"] = story.until_serving(2, 3)
        story.load()
        story.name(2, 3, 4)
        told["one_more"] = story.until_serving(2, 3, 4)
        story.answered()
        story.name(3, 4)
        told["one_less"] = story.until_serving(3, 4)
        story.answered()
        story.kill_names()
        story.answered()
        told["without_dns"] = story.until_serving(3, 4)
        story.name()
        story.answered()
        told["denied"] = story.until_serving(3, 4)
        story.instances[3].kill()
        told["one_died"] = story.until_serving(4)
        story.answered()
        story.rest()
        told["statuses"] = story.statuses
    sys.stdout.write(json.dumps(told) + "\n")


if __name__ == "__main__":
    main()
