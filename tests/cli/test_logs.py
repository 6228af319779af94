"""`harken logs`, as a person types it, over files as a gateway leaves them."""

from __future__ import annotations

import io
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path
from typing import IO, Any

import httpx
import pytest
import soundfile
from websockets.exceptions import InvalidStatus
from websockets.sync.client import ClientConnection, connect

from harken.cli.harmless import printable
from harken.cli.log_lines import make_show
from harken.cli.log_summaries import days_of
from harken.cli.logs import NoLogs, folder_of
from harken.config import Config, GatewayConfig, StateConfig
from harken.errors import ConfigError
from harken.log.rotating_file import RotatingFile
from harken.ops.log_line import parse_line
from harken.testing.sounds import speech_like
from tests.cluster import running_cluster
from tests.ops.lines import data, line

NOW = time.time()
TIMEOUT_S = 60


def _command(state: Path, *arguments: str) -> list[str]:
    return [sys.executable, "-m", "harken", "logs", "--set", f"state.folder={state}", *arguments]


def _harken(state: Path, *arguments: str, columns: int = 200) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "COLUMNS": str(columns), "TZ": "UTC"}
    return subprocess.run(
        _command(state, *arguments), capture_output=True, text=True, timeout=TIMEOUT_S, check=False, env=env
    )


def _write(state: Path, owner: str, *lines: bytes, port: int = 7860) -> None:
    folder = state / "run" / str(port) / "logs"
    folder.mkdir(parents=True, exist_ok=True)
    file = RotatingFile(folder / f"{owner}.log", file_bytes=2000, files=50)
    for one in lines:
        file.write(one + b"\n")
    file.close()


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """A state folder with the logs of one gateway and two instances: some rotated, some half."""
    requests = [
        data("request.done", NOW - 100 + n, request_id=f"r{n}", path="/asr", model="digits", audio_s=1.0, wall_s=n / 10)
        for n in range(50)
    ]
    _write(tmp_path, "gateway", data("gateway.started", NOW - 7200), *requests)
    _write(tmp_path, "asr-1", data("engine.loading", NOW - 7100, instance="asr-1"), b"a warning of a library")
    _write(
        tmp_path, "asr-2", data("engine.failed", NOW - 10, "error", instance="asr-2", segment="r7.0"), b'{"event": "ha'
    )
    return tmp_path


def _events(done: subprocess.CompletedProcess[str]) -> list[str]:
    assert done.returncode == 0, done.stderr
    return [json.loads(one)["event"] for one in done.stdout.splitlines()]


@pytest.mark.slow
def test_all_lines_come_in_the_order_of_time(state: Path) -> None:
    """Of the gateway and all instances, the rotated files first; without a gateway that runs."""
    done = _harken(state, "--since", "1d", "--json")
    events = _events(done)
    assert events[:3] == ["gateway.started", "engine.loading", "log.foreign"]
    assert events.count("request.done") == 50
    assert events[-2:] == ["engine.failed", "log.foreign"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "events"),
    [
        (("-n", "2", "gateway"), ["request.done"] * 2),
        (("asr-1", "asr-2", "-n", "9"), ["engine.loading", "log.foreign", "engine.failed", "log.foreign"]),
        (("--event", "engine.*"), ["engine.loading", "engine.failed"]),
        (("--level", "error"), ["engine.failed"]),
        (("--request", "r7"), ["request.done", "engine.failed"]),
        (("-n", "0"), []),
    ],
)
def test_lines_are_chosen(state: Path, arguments: tuple[str, ...], events: list[str]) -> None:
    """By owner, number, event, level and request."""
    assert _events(_harken(state, "--json", *arguments)) == events


@pytest.mark.slow
def test_a_person_sees_when_who_how_grave_and_what(state: Path) -> None:
    """One line each, the fields behind it."""
    shown = _harken(state, "asr-2").stdout.splitlines()
    assert "asr-2 error   engine.failed segment=r7.0" in shown[0]
    assert shown[1].split() == ["asr-2", '{"event":', '"ha']


@pytest.mark.slow
def test_a_name_a_port_or_a_folder_without_logs_is_said_in_one_line(state: Path, tmp_path: Path) -> None:
    """With what there is instead."""
    for arguments, words in (
        (("asr-9",), "there are: gateway, asr-1, asr-2"),
        (("--port", "7000"), "those of: 7860"),
        (("--since", "soon"), "--since wants a time"),
        (("--summary", "--follow"), "--follow chooses lines"),
        (("--days", "2"), "--days needs --summary"),
    ):
        done = _harken(state, *arguments)
        assert done.returncode in (1, 2)
        assert words in done.stderr and done.stderr.count("\n") == 1
    assert "[no_logs]" in _harken(tmp_path / "empty").stderr


@pytest.mark.slow
def test_a_reader_who_has_enough_is_not_complained_to(state: Path) -> None:
    """`| head -1`."""
    _write(state, "gateway", *(data("x", NOW, text="y" * 500) for _ in range(2000)))
    command = _command(state, "--since", "1d")
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None and process.stderr is not None
        assert process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == ""
        assert process.wait(TIMEOUT_S) == 0


@pytest.mark.slow
def test_a_full_disk_under_the_output_is_said_in_one_line(state: Path) -> None:
    """No traceback."""
    with Path("/dev/full").open("w") as full:
        command = _command(state, "--since", "1d")
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, timeout=TIMEOUT_S, check=False)
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert "[cannot_print]" in done.stderr


@contextmanager
def _following(state: Path, *arguments: str) -> Iterator[tuple[subprocess.Popen[str], IO[str]]]:
    command = _command(state, "--follow", "--json", *arguments)
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield process, process.stdout
        finally:
            process.kill()


@pytest.mark.slow
def test_following_goes_on_across_rotations_and_to_new_instances(state: Path) -> None:
    """The last line first, then each new one, once; Ctrl-C ends it without a word."""
    with _following(state, "-n", "1", "--event", "[rn]e*") as (process, out):
        assert json.loads(out.readline())["request_id"] == "r49"
        later = [data("request.done", NOW, request_id=f"later{n}") for n in range(100)]
        _write(state, "gateway", *later)
        assert [json.loads(out.readline())["request_id"] for _ in later] == [f"later{n}" for n in range(100)]
        _write(state, "asr-3", data("new.instance", NOW, instance="asr-3"))
        assert json.loads(out.readline())["event"] == "new.instance"
        process.send_signal(signal.SIGINT)
        assert process.wait(TIMEOUT_S) == 0
        assert process.stderr is not None and process.stderr.read() == ""


@pytest.mark.slow
def test_a_summary_has_the_same_figures_as_a_table_and_as_json(state: Path) -> None:
    """By day and model, with the slowest named."""
    _write(
        state,
        "gateway",
        data("request.failed", NOW, path="/asr", code="queue_full"),
        data("request.done", NOW, request_id="odd", model="digits", warnings="loop_unresolved", wall_s=0.1),
    )
    done = _harken(state, "--summary", "--json")
    summary = json.loads(done.stdout)
    works = [work for day in summary["days"] for work in day["models"]]
    assert {work["model"] for work in works} == {"digits"}
    assert sum(work["done"] for work in works) == 51
    assert works[-1]["failed"] == {"queue_full": 1}
    assert {"kind": "loop", "requests": 1, "unresolved": 1, "newest": ["odd"]} in works[-1]["suspicious"]
    assert (summary["lines"], summary["foreign_lines"]) == (57, 2)
    shown = _harken(state, "--summary").stdout
    for words in ("digits", "queue_full 1", "the model repeated itself: 1, 1 of them flagged", "r49", "4.900 s"):
        assert words in shown


@pytest.mark.slow
def test_a_summary_breaks_no_name_on_a_usual_terminal(tmp_path: Path) -> None:
    """80 columns, a published model's name, ids as the gateway makes them, and figures of a busy day."""
    ids = [f"b818ccd6-bf96-4d17-921a-a337eb76c{n}" for n in range(100, 800)]
    more: dict[str, Any] = {"model": "Qwen/Qwen3-ASR-1.7B", "instances": "asr-1,asr-2,asr-3", "segments": 1200}
    more["audio_s"] = 3600.5
    lines = [
        data("request.done", NOW - 60, request_id=one, path="/asr", wall_s=900 + n / 7, **more)
        for n, one in enumerate(ids)
    ]
    _write(tmp_path, "gateway", *lines)
    shown = _harken(tmp_path, "--summary", columns=80).stdout
    assert "…" not in shown
    rows = [row.split() for row in shown.splitlines()]
    assert ["Qwen/Qwen3-ASR-1.7B"] in rows
    assert ["requests", "done", "failed", "left", "segments", "audio", "cached"] in rows
    assert any(row[:1] == [ids[-1]] and row[-1] == "asr-1,asr-2,asr-3" for row in rows), shown
    assert max(map(len, shown.splitlines())) <= 80


@pytest.mark.slow
@pytest.mark.parametrize(
    ("stub", "form", "kind"),
    [
        ("stub:loop_every=1", {}, "loop"),
        ("stub:length_longer_than_s=0.1", {}, "length"),
        ("stub:leaks_context=1", {"prompt": "names that nobody could say in two seconds " * 5}, "context_leak"),
    ],
)
def test_a_real_gateways_log_names_its_suspicious_transcripts(
    tmp_path: Path, stub: str, form: dict[str, str], kind: str
) -> None:
    """A model that repeats itself, is cut off, or gives the prompt back: the summary says whose request it was."""
    env = {"HARKEN_STATE_FOLDER": str(tmp_path), "HARKEN_JOBS_IS_ENABLED": "false"}
    with running_cluster("--model", stub, "--instances", "1", env=env) as cluster:
        cluster.wait_ready(1)
        recording = io.BytesIO()
        soundfile.write(recording, speech_like(2.0, seed=1), 16_000, format="WAV")
        answer = httpx.post(
            f"{cluster.url}/v1/audio/transcriptions",
            files={"file": ("a.wav", recording.getvalue())},
            data=form,
            headers={"X-Request-Id": "look-at-me"},
            timeout=TIMEOUT_S,
            trust_env=False,
        )
        assert answer.status_code == 200
        (folder,) = (tmp_path / "run").iterdir()
        _until(lambda: "request.done" in (folder / "logs" / "gateway.log").read_text(encoding="utf-8"))
        summary = json.loads(_harken(tmp_path, "--summary", "--json").stdout)
    (work,) = summary["days"][0]["models"]
    assert kind in {found["kind"] for found in work["suspicious"] if found["newest"] == ["look-at-me"]}
    assert work["slowest"][0]["request"] == "look-at-me"


@pytest.mark.slow
def test_a_real_gateways_log_tells_what_people_spoke(tmp_path: Path) -> None:
    """Two who finish, one of them after a break, one who leaves, one who is refused: live sessions, and no request."""
    env = {"HARKEN_STATE_FOLDER": str(tmp_path), "HARKEN_JOBS_IS_ENABLED": "false", "HARKEN_LIVE_RESUME_S": "1"}
    sound = (speech_like(2.0, seed=1) * 32_767).astype("<i2").tobytes()
    with running_cluster("--model", "stub", "--instances", "1", env=env) as cluster:
        cluster.wait_ready(1)
        url = f"{cluster.url.replace('http', 'ws', 1)}/v1/listen"
        (folder,) = (tmp_path / "run").iterdir()

        def log() -> str:
            return (folder / "logs" / "gateway.log").read_text(encoding="utf-8")

        @contextmanager
        def speak(query: str, *messages: str | bytes) -> Iterator[ClientConnection]:
            with connect(f"{url}?{query}", proxy=None) as client:
                for message in messages:
                    client.send(message)
                yield client

        with speak("turn_detection=none", sound, '{"type": "finish"}') as whole:
            assert json.loads(list(whole)[-1])["type"] == "completed"
        with speak("turn_detection=none", sound) as broken:
            session = json.loads(broken.recv())["session"]
            broken.socket.shutdown(socket.SHUT_RDWR)
        _until(lambda: log().count('"socket.closed"') == 2)
        with speak(f"session={session}&after=0", sound, '{"type": "finish"}') as back:
            assert json.loads(list(back)[-1])["type"] == "completed"
        with speak("turn_detection=none") as leaving:
            leaving.recv()
        with pytest.raises(InvalidStatus), speak("session=nobodys&after=0"):
            pass
        _until(lambda: (log().count('"live.ended"'), log().count('"socket.closed"')) == (3, 4))
        (day,) = json.loads(_harken(tmp_path, "--summary", "--json").stdout)["days"]
        shown = _harken(tmp_path, "--summary", columns=80).stdout
    assert day["models"] == []
    live = day["live"]
    assert (live["sessions"], live["turns"], live["resumed"], live["finished"]) == (3, 2, 1, 2)
    assert 4 <= live["audio_s"] <= 6, "what was on its way when the connection broke may be lost"
    assert live["refused"] == {"session_unknown": 1}
    assert (sum(live["left"].values()), live["left"]["1000"], live["ended"]) == (2, 1, {})
    assert f"live: 3 sessions ended, {timedelta(seconds=round(live['audio_s']))} of sound, 2 turns" in shown
    for words in ("with everything told 2; by the client or a break: ", "came back: 1", "refused: session_unknown 1"):
        assert words in shown
    assert max(map(len, shown.splitlines())) <= 80


def _until(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + TIMEOUT_S
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.05)  # between two looks


@pytest.mark.slow
def test_crash_reports_are_listed_and_the_newest_is_shown(state: Path) -> None:
    """A file that is no report is passed over."""
    assert "No instance crashed" in _harken(state, "--crashes").stdout
    folder = state / "run" / "7860" / "crashes"
    folder.mkdir()
    for hour, name in enumerate(("asr-1", "asr-2")):
        report = {"time": f"2026-01-02T0{hour}:00:00.000+00:00", "instance": name, "how": "Signal 9", "pid": 7 + hour}
        text = json.dumps({**report, "uptime_s": 3.5, "last_lines": [f"last of {name} \x1b[31m"]})
        (folder / f"20260102T0{hour}0000.000Z-{name}.json").write_text(text, encoding="utf-8")
    (folder / "20260102T040000.000Z-asr-1.json").write_text('{"time": "half', encoding="utf-8")
    shown = _harken(state, "--crashes").stdout
    assert "2026-01-02 00:00:00" in shown and "last of asr-2" in shown
    assert "last of asr-1" not in shown and "\x1b[31m" not in shown
    assert "last of asr-1" in _harken(state, "--crashes", "-n", "5").stdout
    as_json = json.loads(_harken(state, "--crashes", "asr-1", "--json").stdout)
    assert [report["pid"] for report in as_json] == [7]


def test_the_gateway_is_the_configured_one_or_the_only_one(tmp_path: Path) -> None:
    """Of several, one must be named."""
    config = Config(state=StateConfig(folder=str(tmp_path)), gateway=GatewayConfig(port=7000))
    with pytest.raises(NoLogs, match="No gateway"):
        folder_of(config, {}, None, part="logs")
    _write(tmp_path, "gateway", b"x", port=8000)
    (tmp_path / "run" / "9000").mkdir()
    assert folder_of(config, {}, None, part="logs").parent.name == "8000"
    _write(tmp_path, "gateway", b"x", port=8001)
    with pytest.raises(NoLogs, match="--port: 8000, 8001"):
        folder_of(config, {}, None, part="logs")
    assert folder_of(config, {}, 8001, part="logs").parent.name == "8001"
    _write(tmp_path, "gateway", b"x", port=7000)
    assert folder_of(config, {}, None, part="logs").parent.name == "7000"
    with pytest.raises(NoLogs, match="those of: 7000, 8000, 8001"):
        folder_of(config, {}, 9000, part="logs")


def test_days_are_those_of_the_reader() -> None:
    """One, the last few, or all."""
    today = date(2026, 3, 1)
    assert days_of("", None, today) == (date.min, date.max)
    assert days_of("", 1, today) == (today, today)
    assert days_of("", 3, today) == (today - timedelta(days=2), today)
    assert days_of("", 10**9, today)[0] == date.min
    assert days_of("yesterday", None, today) == (date(2026, 2, 28), date(2026, 2, 28))
    assert days_of("2026-01-31", None, today) == (date(2026, 1, 31), date(2026, 1, 31))
    for day, count in (("x", None), ("2026-02-30", None), ("today", 1)):
        with pytest.raises(ConfigError):
            days_of(day, count, today)


def test_no_control_character_reaches_the_terminal() -> None:
    """A path, an event or a print may hold what clears a screen or sets a title."""
    evil = "\x1b]0;title\x07\r\n\u202e"
    show = make_show(7, has_colours=False)
    fields: dict[str, Any] = {evil: 1, "path": evil, "exception": f"Traceback\n{evil}"}
    shown = [
        show(line("request.failed", **fields)),
        show(line(evil)),
        show(parse_line(evil.encode(), evil)),
    ]
    for text in shown:
        assert all(one.isprintable() or one == "\n" for one in text)
    assert printable("界 é") == "界 é"


def test_a_traceback_is_shown_below_its_line() -> None:
    """As it was, a line each."""
    shown = make_show(7, has_colours=False)(line("x", exception="Traceback\n  File\nMemoryError"))
    assert shown.splitlines()[1:] == ["    Traceback", "      File", "    MemoryError"]
