"""`harken top` in a real terminal, before a real cluster."""

from __future__ import annotations

import json
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from fcntl import ioctl
from pathlib import Path
from typing import Any

import httpx
import pytest

from harken.samples import packaged_samples
from tests.cluster import running_cluster

TOP = [sys.executable, "-m", "harken", "top"]
PATIENCE_S = 30.0
NOBODY = "http://127.0.0.1:1"
TAKEN, LEFT = "\x1b[?1049h", "\x1b[?1049l"
"""What a terminal is told: another screen, and its own again."""


class Terminal:
    """A pseudo-terminal of 100 columns and 30 lines in which a program runs."""

    def __init__(self, process: subprocess.Popen[bytes], descriptor: int, follower: int) -> None:
        self.process = process
        self.descriptor = descriptor
        self.follower = follower
        self.text = ""
        self.mode_before = self.mode()

    def mode(self) -> list[Any]:
        """Its settings."""
        return termios.tcgetattr(self.follower)

    def resize(self, lines: int, columns: int) -> None:
        """Make it another size, and say so as a terminal does."""
        ioctl(self.follower, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
        self.process.send_signal(signal.SIGWINCH)

    def until(self, is_there: Callable[[str], bool]) -> str:
        """Read until something is on the screen; what was on it before is forgotten."""
        deadline = time.monotonic() + PATIENCE_S
        while not is_there(self.text):
            assert time.monotonic() < deadline, self.text[-3000:]
            if select.select([self.descriptor], [], [], 0.2)[0]:
                try:
                    self.text += os.read(self.descriptor, 65536).decode(errors="replace")
                except OSError:  # its program has ended
                    assert is_there(self.text), self.text[-3000:]
        found, self.text = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", self.text), ""
        return found

    def press(self, key: bytes) -> None:
        """Press a key."""
        os.write(self.descriptor, key)


def _env() -> dict[str, str]:
    """Ours, without a size: a terminal has its own, and a variable would be believed instead."""
    return {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "LINES")}


@contextmanager
def terminal(*command: str, env: dict[str, str] | None = None) -> Iterator[Terminal]:
    """Run a program in one; it is gone afterwards, and the terminal is as it was before."""
    leader, follower = pty.openpty()
    ioctl(follower, termios.TIOCSWINSZ, struct.pack("HHHH", 30, 100, 0, 0))
    process = subprocess.Popen(
        command,
        stdin=follower,
        stdout=follower,
        stderr=follower,
        # A group of its own in our session: one that nobody could continue would not be stopped either.
        process_group=0,
        env={**_env(), "TERM": "xterm", **(env or {})},
    )
    try:
        screen = Terminal(process, leader, follower)
        yield screen
        assert screen.mode() == screen.mode_before, "the terminal is not as it was"
    finally:
        process.kill()
        process.wait(10)
        os.close(follower)
        os.close(leader)


def send(url: str, path: Path) -> None:
    """Have a recording transcribed."""
    assert httpx.post(f"{url}/asr", files={"audio": path.read_bytes()}, timeout=30).status_code == 200


@pytest.mark.slow
def test_it_shows_a_cluster_as_it_lives(tmp_path: Path) -> None:
    """Instances and requests, an instance that is killed, a server that goes; q leaves the terminal as it was."""
    sample = next(iter(packaged_samples())).path
    env = {"HARKEN_STATE_FOLDER": str(tmp_path)}
    with terminal(*TOP, "--server", NOBODY) as alone:
        alone.until(lambda text: "No connection" in text)
        alone.process.send_signal(signal.SIGINT)
        assert alone.process.wait(PATIENCE_S) == 0
    with running_cluster("--model", "stub", "--instances", "2", env=env) as cluster:
        pids = {one["name"]: one["pid"] for one in cluster.wait_ready(2)["instances"]}
        send(cluster.url, sample)
        once = subprocess.run([*TOP, "--server", cluster.url, "--once"], capture_output=True, text=True, check=True)
        assert once.stdout.startswith("Healthy: 2 of 2 instances ready")
        assert "last success" in once.stdout, "a pipe is wide"
        told = subprocess.run([*TOP, "--server", cluster.url, "--json"], capture_output=True, text=True, check=True)
        assert [one["name"] for one in json.loads(told.stdout)["instances"]] == ["asr-1", "asr-2"]
        with terminal(*TOP, "--server", cluster.url) as screen:
            shown = screen.until(lambda text: "asr-2" in text and "req_" in text)
            assert "2 of 2 instances ready" in shown
            os.kill(pids["asr-1"], signal.SIGKILL)
            screen.until(lambda text: "1 of 2 instances ready" in text)
            screen.until(lambda text: "2 of 2 instances ready" in text)
            screen.resize(24, 40)
            screen.until(lambda text: "· d …" in text)
            screen.resize(24, 80)
            screen.until(lambda text: "r restart" in text)
            change(screen)
            cluster.process.send_signal(signal.SIGTERM)
            assert cluster.process.wait(PATIENCE_S) == 0
            screen.until(lambda text: "No news for" in text)
            screen.press(b"q")
            assert screen.process.wait(PATIENCE_S) == 0


def change(screen: Terminal) -> None:
    """Drain an instance, bring it back, and have a third; each is asked about before."""
    screen.press(b"\x1b[B")
    screen.until(lambda text: "> asr-1" in text)
    screen.press(b"d")
    screen.until(lambda text: "Drain asr-1?" in text)
    screen.press(b"n")
    screen.until(lambda text: "q leaves" in text)
    for key, question, answer in (
        (b"d", "Drain asr-1?", "asr-1 is drained."),
        (b"r", "Restart asr-1?", "asr-1 was restarted."),
    ):
        screen.press(key)
        screen.until(lambda text, question=question: question in text)  # type: ignore[misc] # bound at once
        screen.press(b"y")
        screen.until(lambda text, answer=answer: answer in text)  # type: ignore[misc] # bound at once
    screen.press(b"s3")
    screen.until(lambda text: "Scale the fleet to 3_ (2 now)" in text)
    screen.press(b"\r")
    screen.until(lambda text: "The fleet has 3 instances now." in text)


@pytest.mark.slow
def test_stopped_with_ctrl_z_it_gives_the_terminal_back_until_it_goes_on() -> None:
    """The shell finds its own mode and its own screen."""
    with terminal(*TOP, "--server", NOBODY) as screen:
        screen.until(lambda text: "No connection" in text)
        assert screen.mode() != screen.mode_before
        screen.process.send_signal(signal.SIGTSTP)
        assert os.WIFSTOPPED(os.waitpid(screen.process.pid, os.WUNTRACED)[1])
        assert screen.mode() == screen.mode_before
        screen.until(lambda text: LEFT in text)
        screen.process.send_signal(signal.SIGCONT)
        screen.until(lambda text: TAKEN in text and "No connection" in text)
        screen.press(b"q")
        assert screen.process.wait(PATIENCE_S) == 0


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_that_ends_it_leaves_the_terminal_as_it_was(number: signal.Signals) -> None:
    """With the exit code that a shell expects."""
    with terminal(*TOP, "--server", NOBODY) as screen:
        screen.until(lambda text: "No connection" in text)
        screen.process.send_signal(number)
        assert screen.process.wait(PATIENCE_S) == 128 + number
        screen.until(lambda text: LEFT in text)


@pytest.mark.slow
@pytest.mark.parametrize("env", [{"PYTHONIOENCODING": "ascii"}, {"LC_ALL": "C"}, {"LANG": "C"}])
def test_a_terminal_of_plain_characters_gets_nothing_else(env: dict[str, str]) -> None:
    """Also where Python takes it for UTF-8; and without colours, where none are wanted."""
    with terminal(*TOP, "--server", NOBODY, env={**env, "NO_COLOR": "1"}) as screen:
        assert screen.until(lambda text: "q leaves" in text).isascii()
        screen.press(b"q")
        assert screen.process.wait(PATIENCE_S) == 0


@pytest.mark.slow
def test_where_no_harken_answers_it_says_so_and_fails() -> None:
    """In one line."""
    done = subprocess.run(
        [*TOP, "--server", "http://127.0.0.1:1", "--once"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert done.stderr.startswith("harken: No answer from http://127.0.0.1:1/cluster")
    assert done.stderr.count("\n") == 1
