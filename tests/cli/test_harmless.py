"""What of a server's words reaches the terminal."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.table import Table

from harken.cli import main
from harken.cli.harmless import printable, printable_json, printable_text
from harken.cli.screen import Screen

EVIL = "\x1b]0;owned\x07\x1b[2Jone\x9b31m\u202etwo\rthree\x00"
KEPT = "零\u3000می\u200cخواهم\u00a0é\n\ttwo\r\n"
OBEYED = "\x1b\x07\x9b\u202e\r\x00\x08"


def test_writing_of_all_kinds_stays_as_it_is() -> None:
    """Wide spaces, joiners, lines and tabs."""
    assert printable_text(KEPT) == KEPT


@given(st.text())
def test_nothing_is_obeyed_and_json_says_the_same(text: str) -> None:
    """Whatever it is; a name also stays in its line."""
    assert printable(text).isprintable()
    assert not any(
        ("\x00" <= one < " " and one not in "\n\t\r") or "\x7f" <= one < "\xa0" for one in printable_text(text)
    )
    assert json.loads(printable_json([text])) == [text]


def test_what_is_drawn_is_not_obeyed_either(capsys: pytest.CaptureFixture[str]) -> None:
    """However deep in a table, and with a style."""
    table = Table()
    table.add_column("name")
    table.add_row(f"[red]{EVIL}[/]")
    Screen(width=200, force_terminal=False).print(table)
    assert not set(capsys.readouterr().out) & set(OBEYED)


JOB = {
    "id": EVIL,
    "name": EVIL,
    "state": "done",
    "model": EVIL,
    "created_at": EVIL,
    "done_s": 1.0,
    "audio_s": 1.0,
    "counts": {"total": 1, "done": 1, "failed": 0, "cancelled": 0},
    "files": [
        {
            "number": 0,
            "name": EVIL,
            "state": EVIL,
            "audio_s": 1.0,
            "done_s": 1.0,
            "attempts": 1,
            "error": {"message": EVIL, "code": EVIL},
        }
    ],
}
LINES = [
    {"number": 0, "name": EVIL, "state": "done", "result": {"text": EVIL}},
    {"number": 1, "name": EVIL, "state": "failed", "result": None, "error": {"message": EVIL, "code": EVIL}},
]


class Hostile(BaseHTTPRequestHandler):
    """Answers as a server of jobs does, with words that speak to terminals."""

    def do_GET(self) -> None:
        """A job, a list of them, results, or a refusal."""
        if "/results" in self.path:
            self.answer(b"".join(json.dumps(line).encode() + b"\n" for line in LINES))
        elif "/refused" in self.path:
            self.answer(json.dumps({"error": {"code": EVIL, "message": EVIL}}).encode(), status=400)
        elif "/jobs/" in self.path:
            self.answer(json.dumps(JOB).encode())
        else:
            self.answer(json.dumps({"data": [JOB], "has_more": False}).encode())

    def do_POST(self) -> None:
        """A transcript, or a job that is taken."""
        if length := int(self.headers.get("Content-Length", 0)):
            self.rfile.read(length)
        while not length and self.rfile.readline().strip() != b"0":
            pass
        self.answer(json.dumps(JOB | {"id": "job-1"} if "jobs" in self.path else {"text": EVIL}).encode())

    def answer(self, body: bytes, status: int = 200) -> None:
        """Send it."""
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Nobody reads it."""


@contextmanager
def hostile() -> Iterator[str]:
    """Its address."""
    with HTTPServer(("127.0.0.1", 0), Hostile) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


@pytest.mark.slow
@pytest.mark.parametrize(
    "command",
    [
        "jobs submit --wait FILE",
        "jobs submit --wait --format json FILE",
        "jobs submit FILE",
        "jobs list",
        "jobs list --json",
        "jobs show job-1",
        "jobs show job-1 --json",
        "jobs show refused",
        "jobs results job-1",
        "transcribe FILE",
        "transcribe --format srt FILE",
        "transcribe --job FILE FILE",
        "status",
    ],
)
def test_no_command_lets_a_server_speak_to_the_terminal(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """Texts, names, states, ids and errors; as tables, text and JSON."""
    recording = tmp_path / "one.wav"
    recording.write_bytes(b"RIFF")
    with hostile() as url:
        words = [str(recording) if word == "FILE" else word for word in command.split()]
        monkeypatch.setattr("sys.argv", ["harken", *words, "--server", url])
        with pytest.raises(SystemExit):
            main()
    told = capfd.readouterr()
    assert told.out or told.err
    assert not set(told.out + told.err) & set(OBEYED)
