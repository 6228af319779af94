"""`harken bench`, as a person types it: against a real cluster, nobody, and a proxy that is no Harken."""

from __future__ import annotations

import csv
import json
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.resources import files
from pathlib import Path
from typing import Any, ClassVar

import pytest

from tests.cluster import Cluster, running_cluster

pytestmark = pytest.mark.slow


def _bench(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "harken", "bench", *arguments]
    env = {**os.environ, "COLUMNS": "200"}
    return subprocess.run(command, capture_output=True, text=True, timeout=100, check=False, env=env)


def _figures(done: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    """Two instances of the digits model behind a gateway that caches."""
    flags = ("--model", "digits", "--instances", "2", "--threads", "1")
    with running_cluster(*flags, env={"HARKEN_CACHE_BYTES": "1000000"}) as running:
        running.wait_ready(2)
        yield running


class _Proxy(BaseHTTPRequestHandler):
    """A proxy whose servers are gone: it answers with a page of its own."""

    def do_POST(self) -> None:
        """Read what was sent, and refuse it."""
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(502)
        self.end_headers()
        self.wfile.write(b"<html>Bad Gateway</html>")

    do_GET = do_POST  # noqa: N815 - the name that the server looks for

    def log_message(self, *_: object) -> None:
        """Say nothing."""


class _Foreign(_Proxy):
    """A server that speaks OpenAI's audio API and nothing else, in one of several shapes."""

    shape = "json"
    models: ClassVar[list[bytes]] = []

    def do_GET(self) -> None:
        """List one model; there is no /health."""
        if self.path == "/v1/models":
            self._answer("application/json", b'{"data": [{"id": "their-model"}]}')
        else:
            self.send_error(404)

    def do_POST(self) -> None:
        """Transcribe, the same for all."""
        body = self.rfile.read(int(self.headers["Content-Length"]))
        type(self).models += re.findall(rb'name="model"\r\n(?:.+\r\n)*\r\n(.*)\r\n', body)
        delta = b'data: {"type": "transcript.text.delta", "delta": "one"}\n\n'
        kind, answer = {
            "json": ("application/json", b'{"text": "one"}'),
            "quoted": ("application/json", b'"one"'),
            "text": ("text/plain; charset=utf-8", b"one\n"),
            "page": ("text/html", b"<html>one</html>"),
            "events": ("text/event-stream", delta + b'data: {"type": "transcript.text.done", "text": "one"}\n\n'),
            "broken": ("text/event-stream", delta),
        }[self.shape]
        self._answer(kind, answer)

    def _answer(self, kind: str, body: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


class _Locked(_Foreign):
    """A server that knows no key, and says which."""

    def do_POST(self) -> None:
        """Refuse it."""
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(401)
        self.end_headers()
        self.wfile.write(json.dumps({"error": {"message": f"Not {self.headers['Authorization']}."}}).encode())


class _Mistaken(_Foreign):
    """A server that says it has the digits model, and hears "one" in everything."""

    def do_GET(self) -> None:
        """Answer as Harken's /health does, as far as that matters."""
        self._answer("application/json", b'{"model": "qwen3-asr-digits"}')


@contextmanager
def _serving(handler: type[BaseHTTPRequestHandler]) -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture
def proxy() -> Iterator[str]:
    """Its address."""
    with _serving(_Proxy) as url:
        yield url


@pytest.mark.parametrize("route", ["openai", "asr"])
def test_every_recording_is_recognised_and_checked_and_none_comes_from_the_cache(cluster: Cluster, route: str) -> None:
    """The packaged recordings, all with their known texts, by both instances; twice is no different."""
    for _ in range(2):
        done = _bench("--server", cluster.url, "--requests", "30", "--route", route, "--json")
        assert done.returncode == 0, done.stdout + done.stderr
        figures = _figures(done)
        assert (figures["successes"], figures["right"], figures["wrong"], figures["cached"]) == (30, 30, 0, 0)
        assert set(figures["instances"]) == {"asr-1", "asr-2"} and figures["errors"] == {}
        assert 0 < figures["p50_s"] <= figures["p99_s"] <= figures["max_s"] <= figures["elapsed_s"]


def test_the_cache_may_answer_where_that_is_wanted(cluster: Cluster) -> None:
    """The same files again and again."""
    figures = _figures(_bench("--server", cluster.url, "--requests", "60", "--allow-cache", "--json"))
    assert figures["cached"] >= 30


def test_the_load_is_spread_over_several_servers(cluster: Cluster) -> None:
    """As the guide's stress test does over its instances; each has its own row."""
    urls = [one["url"] for one in cluster.health()["instances"]]
    done = _bench("--server", urls[0], "--server", urls[1], "--requests", "8", "--concurrency", "2")
    assert done.returncode == 0
    assert all(url in done.stdout for url in urls)
    assert "asr-1 4, asr-2 4" in done.stdout and "8 (100.00%)" in done.stdout


def test_an_open_loop_says_how_late_it_was(cluster: Cluster) -> None:
    """Twenty a second for a second."""
    figures = _figures(_bench("--server", cluster.url, "--rate", "20", "--duration-s", "1", "--json"))
    assert figures["successes"] == figures["requests"] and 5 < figures["requests"] < 45
    assert figures["late_s"] >= 0 and (figures["by"], figures["level"]) == ("rate", 20.0)


def test_a_seed_sends_the_same(cluster: Cluster, tmp_path: Path) -> None:
    """The same recordings at the same times, whatever the answers were."""
    runs: list[list[str]] = []
    for seed in ("1", "1", "2"):
        path = tmp_path / f"{len(runs)}.csv"
        done = _bench("--server", cluster.url, "--rate", "50", "--requests", "12", "--seed", seed, "--csv", str(path))
        assert done.returncode == 0, done.stderr
        with path.open(encoding="utf-8") as file:
            rows = sorted((row["due_s"][:6], row["audio_s"]) for row in csv.DictReader(file))
        runs.append([audio_s for _, audio_s in rows])
    assert runs[0] == runs[1] != runs[2]


def test_a_stream_has_a_first_text_and_classes_have_their_lengths(cluster: Cluster) -> None:
    """What is said in what was put together is known; the warm-up is not counted."""
    arguments = ("--requests", "8", "--classes", "2:3,9", "--stream", "--warm-up", "3", "--target-s", "30", "--json")
    figures = _figures(_bench("--server", cluster.url, *arguments))
    assert (figures["requests"], figures["successes"], figures["within"]) == (8, 8, 1.0)
    assert [(one["class"], one["requests"], one["audio_s"]) for one in figures["classes"]] == [
        ("2 s", 6, 12.0),
        ("9 s", 2, 18.0),
    ]
    assert 0 < figures["first_text_p50_s"] <= figures["p50_s"]
    assert figures["word_error_rate"] < 0.2


def test_a_sweep_finds_its_knee_and_all_reports_are_written(cluster: Cluster, tmp_path: Path) -> None:
    """One load after the other; the page, the rows and the JSON agree."""
    places = {name: tmp_path / f"r.{name}" for name in ("json", "csv", "html")}
    arguments = ["--sweep", "concurrency", "--levels", "1,2,3", "--requests", "10", "--title", "Two & two"]
    arguments += ["--save", str(places["json"]), "--csv", str(places["csv"]), "--html", str(places["html"])]
    done = _bench("--server", cluster.url, *arguments)
    assert done.returncode == 0, done.stderr
    assert "The knee is at concurrency" in done.stdout
    saved = json.loads(places["json"].read_text(encoding="utf-8"))
    assert [step["requests"] for step in saved["sweep"]["steps"]] == [10, 10, 10]
    assert saved["level"] == saved["sweep"]["knee"] in (1.0, 2.0, 3.0)
    assert len(places["csv"].read_text(encoding="utf-8").splitlines()) == 31
    assert "Two &amp; two" in places["html"].read_text(encoding="utf-8")
    assert not list(tmp_path.glob("*.new"))
    same = _bench("--compare", str(places["json"]), str(places["json"]), "--fail-above", "0")
    assert same.returncode == 0 and "p95" in same.stdout


def test_a_sweep_that_nothing_holds_fails(proxy: str) -> None:
    """It ends after two steps."""
    done = _bench("--server", proxy, "--sweep", "rate", "--rate", "20", "--requests", "2", "--json")
    assert done.returncode == 1
    assert [step["verdict"] for step in _figures(done)["sweep"]["steps"]] == ["failures", "failures"]


def test_own_recordings_are_sent(cluster: Cluster, tmp_path: Path) -> None:
    """What is said in them is not known, so nothing is counted as right, and no limit can be held."""
    path = tmp_path / "mine.mp3"
    path.write_bytes((files("harken") / "samples" / "english-07.mp3").read_bytes())
    figures = _figures(_bench(str(path), "--server", cluster.url, "--requests", "3", "--json"))
    assert (figures["successes"], figures["right"]) == (3, None)
    limited = _bench(str(path), "--server", cluster.url, "--fail-above-wer", "5")
    assert limited.returncode == 2 and "wants recordings whose text is known" in limited.stderr


def test_a_manifest_of_own_recordings_has_error_rates(cluster: Cluster, tmp_path: Path) -> None:
    """One text is right but for its spelling, the other says a word more."""
    rows = []
    for name, change in (("english-01.wav", str.upper), ("english-02.wav", "{} nine".format)):
        (tmp_path / name).write_bytes((files("harken") / "samples" / name).read_bytes())
        known = json.loads((files("harken") / "samples" / "manifest.json").read_text(encoding="utf-8"))
        text = next(row["text"] for row in known if row["file"] == name)
        rows.append(json.dumps({"audio_filepath": name, "text": change(text), "language": "en"}))
    (tmp_path / "m.jsonl").write_text("\n".join(rows), encoding="utf-8")
    asked = (str(tmp_path / "m.jsonl"), "--server", cluster.url, "--requests", "4", "--json")
    done = _bench(*asked)
    figures = _figures(done)
    assert done.returncode == 0
    limits = (1, "5", "the words are wrong"), (0, "50", "")
    for code, percent, words in limits:
        limited = _bench(*asked, "--fail-above-wer", percent)
        assert limited.returncode == code and words in limited.stderr
    assert figures["texts"]["deletions"] == 2 and figures["texts"]["substitutions"] == 0
    assert figures["word_error_rate"] == pytest.approx(2 / figures["texts"]["words"], abs=1e-5)


@pytest.mark.parametrize(
    ("arguments", "shape"),
    [(("--stream",), "events"), (("--answers", "text"), "text"), (("--model", "mine"), "json"), ((), "quoted")],
)
def test_a_server_of_another_make_is_measured_too(arguments: tuple[str, ...], shape: str) -> None:
    """It has no /health, wants its model named, and answers in shapes of its own."""
    with _serving(_Foreign) as url:
        _Foreign.shape, _Foreign.models = shape, []
        key = ("--api-key", "secret", "--language", "en")
        done = _bench("--server", f"{url}/v1", "--requests", "3", *arguments, *key, "--json")
    figures = _figures(done)
    assert (done.returncode, figures["successes"], figures["errors"]) == (0, 3, {}), done.stderr
    assert set(_Foreign.models) == {b"mine" if "--model" in arguments else b"their-model"}
    assert figures["servers"][0]["model"] == "their-model" and "secret" not in done.stdout
    assert (figures.get("first_text_p50_s") is not None) == (shape == "events")
    assert figures["right"] is None and figures["word_error_rate"] > 0


def test_wrong_texts_are_a_figure_and_no_failure_unless_a_limit_says_so() -> None:
    """Those that the model must know by heart too."""
    with _serving(_Mistaken) as url:
        _Foreign.shape = "json"
        done = _bench("--server", url, "--requests", "4", "--json")
        limited = _bench("--server", url, "--requests", "4", "--json", "--fail-above-wer", "50")
    assert (done.returncode, _figures(done)["wrong"], limited.returncode) == (0, 4, 1)


def test_why_requests_failed_is_said_without_the_key() -> None:
    """Once, on the terminal and on the page."""
    with _serving(_Locked) as url:
        done = _bench("--server", url, "--requests", "3", "--api-key", "secret", "--html", "/dev/stderr")
    assert done.returncode == 1 and "http_401: Not Bearer …." in done.stdout
    assert "Not Bearer …." in done.stderr and "secret" not in done.stdout + done.stderr


def test_events_that_end_too_early_are_failures() -> None:
    """And what is no text is none."""
    with _serving(_Foreign) as url:
        for shape, code in (("broken", "stream_broken"), ("page", "no_transcript")):
            _Foreign.shape = shape
            done = _bench("--server", url, "--requests", "2", "--json")
            assert (done.returncode, _figures(done)["errors"]) == (1, {code: 2})


def test_failures_are_counted_by_what_they_were(cluster: Cluster, proxy: str) -> None:
    """Nobody there, a proxy's page, a refusal of Harken's; one of them is enough for exit code 1."""
    done = _bench(
        "--server", cluster.url, "--server", proxy, "--server", "http://127.0.0.1:9", "--requests", "6", "--json"
    )
    assert done.returncode == 1
    assert _figures(done)["errors"] == {"http_502": 2, "server_unreachable": 2}
    assert _figures(done)["reasons"] == {
        "http_502": f"{proxy}: HTTP 502 Bad Gateway",
        "server_unreachable": "http://127.0.0.1:9: no connection (Connection refused)",
    }
    late = _bench("--server", cluster.url, "--requests", "2", "--timeout-s", "0.001", "--json")
    assert (late.returncode, _figures(late)["errors"]) == (1, {"client_timeout": 2})


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--route", "nowhere"), "--route must be one of openai, asr"),
        (("--rate", "nan"), "--rate must be more than 0"),
        (("/nowhere.wav",), "/nowhere.wav: cannot be read"),
        (("--server", "ftp://x"), "--server wants an address"),
        (("--csv", "/tmp"), "/tmp is a folder"),
        (("--compare", "a", "b", "--server", "http://a", "--rate", "3"), "sends nothing; leave out --server, --rate"),
        (("--compare", "a", "b", "x.wav"), "leave out the recordings"),
        (("--fail-above", "0.1"), "--fail-above goes with --compare"),
        (("--compare", "/nowhere/a.json", "/nowhere/b.json"), "/nowhere/a.json: cannot be read"),
    ],
)
def test_what_cannot_be_is_said_before_anything_is_sent(arguments: tuple[str, ...], words: str) -> None:
    """Exit code 2, one line."""
    done = _bench(*arguments)
    assert done.returncode == 2
    assert words in done.stderr and done.stderr.count("\n") == 1


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_shows_what_was_measured_until_then(cluster: Cluster, number: signal.Signals) -> None:
    """The exit code that a shell expects, and no traceback."""
    command = [sys.executable, "-m", "harken", "bench", "--server", cluster.url, "--requests", "1000000", "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            _until_busy(cluster)
            process.send_signal(number)
            out, err = process.communicate(timeout=60)
        finally:
            process.kill()
    assert (process.returncode, err) == (128 + number, "")
    assert json.loads(out)["is_cut"] is True


def _until_busy(cluster: Cluster) -> None:
    while not any(one["in_flight"] for one in cluster.health()["instances"]):
        assert cluster.process.poll() is None


@pytest.mark.parametrize("more", [[], ["--commit"]], ids=["the server finds turns", "committed"])
def test_live_streams_are_measured_as_requests_are(cluster: Cluster, tmp_path: Path, more: list[str]) -> None:
    """Two at once, five recordings: all have their text in time, in every form of the report."""
    rows, page = tmp_path / "rows.csv", tmp_path / "page.html"
    done = _bench(
        "--server", cluster.url, "--live", "2", "--requests", "5", "--json", *more,
        "--csv", str(rows), "--html", str(page),
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found = _figures(done)
    assert (found["by"], found["level"], found["target"]["seconds"]) == ("live", 2, 1.0)
    assert found["requests"] == found["successes"] == 5 and found["reconnects"] == 0
    assert found["settings"]["route"] == "listen"
    assert found["right"] + found["wrong"] == 5 and found["wrong"] <= 1  # it hears a pause that is not in the file
    assert found["word_error_rate"] is not None and found["word_error_rate"] < 0.1
    least_s = 0.0 if more else 0.4  # the pause by which the end is known
    assert least_s < found["p50_s"] < 5 and found["first_text_p50_s"] < 5 and 0 <= found["after_commit_p95_s"] < 5
    assert found["updates_per_s"] > 0.2
    with rows.open(encoding="utf-8", newline="") as file:
        table = list(csv.DictReader(file))
    assert len(table) == 5 and all(float(row["after_commit_s"]) >= 0 and int(row["updates"]) > 0 for row in table)
    assert "Each stream plays one recording after another" in page.read_text(encoding="utf-8")


def test_a_sweep_of_live_streams_ends_at_the_most_that_are_in_time(cluster: Cluster) -> None:
    """Nobody answers in a hundredth of a second: no step holds, and the exit code says so; in 20 s everybody does."""
    sweep = ("--server", cluster.url, "--sweep", "live", "--duration-s", "1", "--json")
    late = _bench(*sweep, "--levels", "1", "--target-s", "0.01")
    good = _bench(*sweep, "--levels", "1,2", "--target-s", "20")
    assert late.returncode == 1 and _figures(late)["sweep"]["knee"] is None
    assert {step["verdict"] for step in _figures(late)["sweep"]["steps"]} == {"too late"}
    assert good.returncode == 0 and _figures(good)["sweep"]["knee"] == 2


def test_live_streams_that_nobody_takes_are_failures() -> None:
    """With the reason, and exit code 1."""
    done = _bench("--server", "http://127.0.0.1:1", "--live", "2", "--requests", "3", "--json")
    assert done.returncode == 1
    assert _figures(done)["errors"] == {"server_unreachable": 3} and "refused" in done.stdout
