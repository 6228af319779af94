"""The guide's own architecture, exported from one harken.toml and run by a real nginx and a real supervisord."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack

import httpx
import psutil
import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import ClientConnection, connect

from tests.ops.export.guide import RECORDING, Guide, program, running_guide, until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]


@pytest.fixture(scope="module")
def guide() -> Iterator[Guide]:
    """Four digits instances of weights 3, 3, 2, 2 behind nginx."""
    with running_guide() as running:
        yield running


def test_the_guide_s_own_call_is_answered(guide: Guide) -> None:
    """`curl -F audio=@… -F language=auto …/asr` says what is said."""
    command = [program("curl"), "-s", "-F", f"audio=@{RECORDING}", "-F", "language=auto", f"{guide.url}/asr"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    assert json.loads(done.stdout) == {"text": "nine nine five", "language": "English", "status": "success"}


def test_a_call_without_a_file_is_answered_as_the_guide_says(guide: Guide) -> None:
    """Harken's own refusals pass nginx unchanged."""
    answer = httpx.post(f"{guide.url}/asr", data={"language": "auto"}, trust_env=False)
    assert (answer.status_code, answer.json()["code"]) == (400, "missing_audio")


def test_health_shows_every_instance_by_name(guide: Guide) -> None:
    """Ten calls, as in the guide's checklist, meet all four."""
    answers = [httpx.get(f"{guide.url}/health", trust_env=False).json() for _ in range(10)]
    assert {answer["instance"] for answer in answers} == {"asr-1", "asr-2", "asr-3", "asr-4"}
    assert {answer["status"] for answer in answers} == {"healthy"}


def test_recordings_are_spread_by_weight(guide: Guide) -> None:
    """Of 40, the instances get 12, 12, 8 and 8, whichever of nginx's processes they came to."""
    met = Counter(guide.ask().headers["x-harken-instance"] for _ in range(40))
    assert met.total() == 40
    for name, wanted in (("asr-1", 12), ("asr-2", 12), ("asr-3", 8), ("asr-4", 8)):
        assert abs(met[name] - wanted) <= 1, met


def test_a_body_beyond_the_limit_is_refused_by_nginx(guide: Guide) -> None:
    """One byte more than 100 MiB, and nobody has to read it."""
    host, _, port = guide.url.removeprefix("http://").partition(":")
    with socket.create_connection((host, int(port)), timeout=30) as client:
        head = f"POST /asr HTTP/1.1\r\nHost: {host}\r\nContent-Length: {100 * 1024 * 1024 + 1}\r\n\r\n"
        client.sendall(head.encode())
        answer = client.recv(4096).decode()
    assert answer.startswith("HTTP/1.1 413 ")
    assert "nginx" in answer


def test_a_body_below_the_limit_goes_through(guide: Guide) -> None:
    """99 MB that are no recording: it is the instance that says so."""
    files = {"audio": ("a.wav", bytes(99 * 1024 * 1024))}
    answer = httpx.post(f"{guide.url}/asr", files=files, timeout=60, trust_env=False)
    assert (answer.status_code, answer.json()["code"]) == (400, "undecodable_audio")


def test_events_of_a_stream_come_through(guide: Guide) -> None:
    """As OpenAI's SDK reads them, to the last one."""
    answer = guide.ask("/v1/audio/transcriptions", "file", stream="true")
    assert answer.headers["content-type"].startswith("text/event-stream")
    lines = [line.removeprefix("data: ") for line in answer.text.splitlines()]
    events = [json.loads(line) for line in lines if line.startswith("{")]
    assert events[0]["type"] == "transcript.text.delta"
    assert (events[-1]["type"], events[-1]["text"]) == ("transcript.text.done", "nine nine five")


def speak(guide: Guide, query: str = "") -> ClientConnection:
    """Open a live session through nginx."""
    return connect(f"{guide.url.replace('http', 'ws', 1)}/v1/listen{query}", proxy=None)


def finish(client: ClientConnection) -> None:
    """End a session, so that its place is free."""
    client.send('{"type": "finish"}')
    assert list(client) == []
    assert client.protocol.close_code == 1000


def test_who_comes_back_finds_his_session_wherever_it_is(guide: Guide) -> None:
    """It is at one instance of four; an ID that nobody knows is refused in Harken's words."""
    with speak(guide) as client:
        session = json.loads(client.recv())["session"]
        client.socket.shutdown(socket.SHUT_RDWR)
    for _ in range(6):
        with speak(guide, f"?session={session}&after=0") as client:
            assert json.loads(client.recv())["resumed"] is True
            client.socket.shutdown(socket.SHUT_RDWR)
    with speak(guide, f"?session={session}&after=0") as client:
        client.recv()
        finish(client)
    with pytest.raises(InvalidStatus) as refused:
        speak(guide, "?session=nobodys&after=0")
    answer = refused.value.response
    assert (answer.status_code, json.loads(answer.body or b"")["error"]["code"]) == (404, "session_unknown")


def test_those_who_speak_go_where_room_is_and_are_on_nobody_s_way(guide: Guide) -> None:
    """Two find room at each instance; then there is none, and recordings are spread as before."""
    with ExitStack() as stack:
        clients = [stack.enter_context(speak(guide)) for _ in range(8)]
        assert [json.loads(client.recv())["type"] for client in clients] == ["session"] * 8
        for _ in range(4):
            with pytest.raises(InvalidStatus) as refused:
                speak(guide)
            answer = refused.value.response
            assert (answer.status_code, json.loads(answer.body or b"")["error"]["code"]) == (503, "live_full")
            assert int(answer.headers["Retry-After"]) > 0
        met = Counter(guide.ask().headers["x-harken-instance"] for _ in range(20))
        assert [met[f"asr-{number}"] for number in range(1, 5)] == [6, 6, 4, 4]
        for client in clients:
            finish(client)


def test_no_session_is_in_nginx_s_log_of_requests(guide: Guide) -> None:
    """The ID in the query is a secret; the path, the status and who it was are there."""
    with speak(guide) as client:
        session = json.loads(client.recv())["session"]
        client.socket.shutdown(socket.SHUT_RDWR)
    with speak(guide, f"?session={session}&after=0") as client:
        client.recv()
        finish(client)
    log = guide.folder / "access.log"
    until(lambda: log.read_text().count("/v1/listen HTTP/1.1") >= 2, "nginx has written its lines")
    assert '"GET /v1/listen HTTP/1.1" 101 ' in log.read_text()
    assert session not in log.read_text()


@pytest.mark.parametrize("path", ["/admin/instances", "/admin/keys", "/wire/state", "/wire/recognize"])
def test_what_is_for_this_machine_alone_is_not_reached_through_nginx(guide: Guide, path: str) -> None:
    """From the network, these do not exist."""
    assert httpx.get(guide.url + path, trust_env=False).status_code == 404


def test_an_instance_that_is_killed_comes_back_and_no_recording_fails(guide: Guide) -> None:
    """SIGKILL: nginx goes round it, also while the next process loads; supervisord starts that one.

    What the killed one had been sent is lost here; so nothing is sent before it is gone.
    """
    before = guide.pid("asr-1")
    os.kill(before, signal.SIGKILL)
    until(lambda: not psutil.pid_exists(before), "the killed process is gone")
    statuses = Counter[int]()

    def is_back() -> bool:
        statuses[guide.ask().status_code] += 1
        return guide.pid("asr-1") not in (0, before) and guide.is_ready(guide.ports[0])

    until(is_back, "another asr-1 is ready")
    assert set(statuses) == {200}
    assert statuses[200] > 1
    met = {guide.ask().headers["x-harken-instance"] for _ in range(20)}
    assert "asr-1" in met


def test_a_stop_is_a_drain(guide: Guide) -> None:
    """What `supervisorctl stop` sends is SIGTERM, and the instance leaves by itself."""
    guide.control("stop", "harken:asr-4")
    assert "STOPPED" in guide.control("status", "harken:asr-4")
    assert {guide.ask().status_code for _ in range(10)} == {200}
    guide.control("start", "harken:asr-4")
    until(lambda: guide.is_ready(guide.ports[3]), "asr-4 is ready again")


def test_logs_go_where_they_were_to_go(guide: Guide) -> None:
    """One file for each instance, with its own words."""
    for name in ("asr-1", "asr-2", "asr-3", "asr-4"):
        assert '"instance.state"' in (guide.folder / f"{name}.log").read_text()
