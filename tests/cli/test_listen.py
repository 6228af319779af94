"""`harken listen`, as a person types it: against a real cluster, one that wants a key, and nobody."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest

from harken.cli.live_sources import read_file
from harken.live.events import Committed, Completed, SpeechStarted
from harken.live.settings import LiveSettings
from harken.samples import Sample, packaged_samples
from harken.types import Requester
from tests.api.live.speaking import PlayedLive, PlayedSession, Speaking, served
from tests.cluster import Cluster, running_cluster

pytestmark = pytest.mark.slow

_SAMPLES = {one.path.name: one for one in packaged_samples()}
_SHORT = _SAMPLES["english-02.wav"]
_MIDDLE = _SAMPLES["english-04.ogg"]
_LONG = _SAMPLES["english-05.ogg"]
_CHINESE = _SAMPLES["chinese-08.mp3"]


def _command(*arguments: str | Path) -> list[str]:
    return [sys.executable, "-m", "harken", "listen", *map(str, arguments)]


def _listen(*arguments: str | Path, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(_command(*arguments), input=stdin, capture_output=True, timeout=60, check=False)


def _raw(sample: Sample) -> bytes:
    return np.concatenate([read_file(sample.path), np.zeros(16_000, np.int16)]).tobytes()


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    """One instance of the digits model, and a cache."""
    flags = ("--model", "digits", "--instances", "1", "--threads", "1")
    with running_cluster(*flags, env={"HARKEN_CACHE_BYTES": "1000000"}) as running:
        running.wait_ready(1)
        yield running


@pytest.mark.parametrize("more", [[], ["--no-turns"], ["--speed", "0"]], ids=["turns", "one turn", "at once"])
def test_a_recording_is_printed_as_text(cluster: Cluster, more: Sequence[str]) -> None:
    """A line for the turn, and nothing else on either stream."""
    done = _listen(_CHINESE.path, "--server", cluster.url, *more)
    assert (done.returncode, done.stdout.decode(), done.stderr) == (0, f"{_CHINESE.text}\n", b"")


@pytest.mark.parametrize("rate", [16_000, 8_000])
def test_a_pipe_is_heard_to_its_end(cluster: Cluster, rate: int) -> None:
    """Bare samples, at the rate that is told."""
    sound = np.frombuffer(_raw(_SHORT), np.int16)[:: 16_000 // rate].tobytes()
    done = _listen("-", "--server", cluster.url, "--rate", str(rate), stdin=sound)
    assert (done.returncode, done.stdout.decode(), done.stderr) == (0, f"{_SHORT.text}\n", b"")


def test_json_is_a_line_for_each_message(cluster: Cluster) -> None:
    """As the protocol has them, in order."""
    done = _listen(_SHORT.path, "--server", cluster.url, "--json", "--silence-ms", "300")
    told = [json.loads(line) for line in done.stdout.decode().splitlines()]
    assert [one["n"] for one in told] == list(range(len(told))) and told[0]["type"] == "session"
    assert [one["text"] for one in told if one["type"] == "completed"] == [_SHORT.text]


def test_a_terminal_shows_text_before_the_end(cluster: Cluster) -> None:
    """Tentative text is drawn dim, and the final one stands at the end."""
    import pty

    ours, theirs = pty.openpty()
    surroundings = {**os.environ, "TERM": "xterm", "COLUMNS": "80", "LINES": "24"}
    command = _command(_MIDDLE.path, "--server", cluster.url)
    with subprocess.Popen(command, stdout=theirs, stderr=theirs, stdin=subprocess.DEVNULL, env=surroundings) as process:
        os.close(theirs)
        written = b""
        try:
            while data := os.read(ours, 4096):
                written += data
        except OSError:
            pass  # this is how a terminal's other end says that it is closed
        finally:
            os.close(ours)
    assert process.returncode == 0
    text = written.decode()
    assert text.index("\x1b[2m") < text.rindex(_MIDDLE.text)
    assert "nine" in text[: text.rindex(_MIDDLE.text) - 200]


@pytest.mark.parametrize("more", [[], ["--json"]], ids=["text", "json"])
def test_that_nobody_spoke_is_said(cluster: Cluster, more: Sequence[str]) -> None:
    """Beside the text, which is empty; JSON says it by itself."""
    words = b"" if more else b"harken: No speech was heard.\n"
    for sound in (b"", np.zeros(16_000, np.int16).tobytes()):
        done = _listen("-", "--server", cluster.url, *more, stdin=sound)
        assert (done.returncode, done.stderr) == (0, words) and bool(done.stdout) is bool(more)


class _Mute(PlayedSession):
    """Somebody speaks, and says nothing."""

    async def speak(self, start_s: float, end_s: float) -> None:
        """A turn without words."""
        await self.tell(
            SpeechStarted(turn=1, at_s=start_s),
            Committed(turn=1, start_s=start_s, end_s=end_s),
            Completed(turn=1, text="", language="", start_s=start_s, end_s=end_s),
        )


class _MuteLive(PlayedLive):
    async def open(self, settings: LiveSettings, *, requester: Requester, request_id: str, route: str) -> PlayedSession:
        """Open one."""
        self.sessions.append(_Mute("secret", settings, requester))
        return self.sessions[-1]


def test_that_no_words_were_understood_is_said_otherwise() -> None:
    """Who spoke, and has no text, must not read that he did not speak."""

    async def run() -> tuple[int | None, bytes, bytes]:
        async with served(Speaking(live=_MuteLive())) as (server, _):
            process = await asyncio.create_subprocess_exec(
                *_command(_SHORT.path, "--speed", "0", "--server", server.url),
                stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            )  # fmt: skip
            async with asyncio.timeout(60):
                return (*await process.communicate(), process.returncode)[::-1]

    code, told, text = asyncio.run(run())
    assert (code, text) == (0, b"") and told == b"harken: Speech was heard, but no words were recognised in it.\n"


@pytest.mark.parametrize(("source", "code"), [("file", 130), ("pipe", 0)])
def test_ctrl_c_ends_the_listening_and_prints_what_was_said(cluster: Cluster, source: str, code: int) -> None:
    """A recording is cut short; a pipe has no other end."""
    arguments = [str(_LONG.path) if source == "file" else "-", "--server", cluster.url, "--json"]
    with subprocess.Popen(_command(*arguments), stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None and process.stdin is not None
        if source == "pipe":
            process.stdin.write(_raw(_LONG)[:90_000])
            process.stdin.flush()
        lines = []
        while True:  # something was said
            lines.append(json.loads(process.stdout.readline()))
            if lines[-1]["type"] == "text":
                break
        process.send_signal(signal.SIGINT)
        lines += [json.loads(line) for line in process.stdout]
        assert process.wait(20) == code
    (completed,) = (one for one in lines if one["type"] == "completed")
    assert _LONG.text.startswith(completed["text"][:4]) and len(completed["text"]) < len(_LONG.text)


def test_ctrl_c_pressed_twice_ends_at_once(cluster: Cluster) -> None:
    """Nobody waits for a text that he does not want."""
    command = _command("-", "--server", cluster.url, "--json")
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert json.loads(process.stdout.readline())["type"] == "session"
        os.kill(cluster.process.pid, signal.SIGSTOP)  # so that the end does not come by itself
        try:
            process.send_signal(signal.SIGINT)
            time.sleep(0.3)  # two signals at the same time are one
            assert process.poll() is None
            process.send_signal(signal.SIGINT)
            assert process.wait(10) == 130
        finally:
            os.kill(cluster.process.pid, signal.SIGCONT)


def test_who_has_read_enough_ends_it(cluster: Cluster) -> None:
    """`harken listen --json FILE | head -1` is no traceback."""
    with subprocess.Popen(
        _command(_LONG.path, "--server", cluster.url, "--json"), stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None and process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        assert process.wait(20) == 1
        assert process.stderr.read() == b""


@pytest.mark.parametrize("more", [[], ["--json"]], ids=["text", "json"])
def test_a_full_disk_under_the_text_is_said_in_one_line(cluster: Cluster, more: Sequence[str]) -> None:
    """As under `harken listen > notes.txt`."""
    command = _command(_SHORT.path, "--server", cluster.url, "--speed", "0", *more)
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert "[cannot_print]" in done.stderr


def test_a_server_that_wants_a_key_says_so() -> None:
    """Its code and sentence, and exit code 1."""
    flags = ("--model", "stub", "--instances", "1")
    with running_cluster(*flags, env={"HARKEN_AUTH_KEYS": "required"}) as guarded:
        without = _listen(_SHORT.path, "--server", guarded.url)
        assert without.returncode == 1 and without.stderr.count(b"\n") == 1
        assert without.stderr.endswith(b"[invalid_api_key]\n")


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (
            [_SHORT.path, "--server", "http://127.0.0.1:1"],
            1,
            "no connection (Connection refused). [server_unreachable]",
        ),
        (["none.wav"], 2, "none.wav cannot be read"),
        ([""], 2, "The recording's name is empty"),
        ([Path(__file__), "--server", "http://127.0.0.1:1"], 1, "[undecodable_audio]"),
        (["-", "--speed", "2"], 2, "--speed is a recording's"),
        ([_SHORT.path, "--speed", "-1"], 2, "--speed is from 0"),
        ([_SHORT.path, "--rate", "8000"], 2, "--rate says what comes from standard input"),
        (["-", "--rate", "7"], 2, "--rate must be one of 8000, "),
        (["--no-turns", "--silence-ms", "5"], 2, "--silence-ms says when a turn ends"),
        (["--silence-ms", "99999"], 2, "--silence-ms is from 0 to 10000"),
    ],
)
def test_what_makes_no_sense_is_told_before_anything_is_heard(
    arguments: Sequence[str | Path], code: int, words: str
) -> None:
    """In one line, with the right exit code."""
    done = _listen(*arguments)
    assert (done.returncode, done.stdout) == (code, b"")
    assert words in done.stderr.decode() and done.stderr.count(b"\n") == 1
