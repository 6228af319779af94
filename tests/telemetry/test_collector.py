"""Rules of harken.telemetry.collector: what a collector may cost a server, and what the log hears of it."""

from __future__ import annotations

import dataclasses
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from harken.config import TracesConfig
from harken.errors import ConfigError
from harken.events import Stage
from harken.telemetry.collector import check_traces
from harken.telemetry.traces import Traces
from harken.trace import new_trace
from tests.telemetry.collector import collecting
from tests.telemetry.facts import span


@pytest.mark.parametrize(
    "endpoint", ["127.0.0.1:4318", "ftp://collector", "http://", "http://[::1", "http://me:sesame@c"]
)
def test_an_endpoint_that_is_no_address_is_refused(endpoint: str) -> None:
    """At the start, not with the first request."""
    with pytest.raises(ConfigError, match=r"traces\.endpoint") as refused:
        check_traces(TracesConfig(endpoint=endpoint))
    assert "sesame" not in str(refused.value)


def test_a_wrong_variable_of_opentelemetrys_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """At the start too, and by name of whose it is."""
    monkeypatch.setenv("OTEL_PYTHON_EXPORTER_OTLP_HTTP_TRACES_CREDENTIAL_PROVIDER", "nobody")
    with pytest.raises(ConfigError, match="OTEL_"):
        check_traces(TracesConfig(endpoint="http://127.0.0.1:4318"))


@pytest.mark.slow
def test_without_the_packages_the_error_says_what_to_install() -> None:
    """A plain installation has no more than FastAPI brings: the interface, which collects nothing."""
    code = (
        "import sys\n"
        "from importlib.abc import MetaPathFinder\n"
        "class Without(MetaPathFinder):\n"
        "    def find_spec(self, name, path, target=None):\n"
        "        if name in ('opentelemetry.sdk', 'opentelemetry.exporter'): raise ModuleNotFoundError(name)\n"
        "sys.meta_path.insert(0, Without())\n"
        "from harken.cli import main\n"
        "sys.argv = ['harken', 'up', '--model', 'stub', '--port', '0', '--set', 'traces.endpoint=http://127.0.0.1:1']\n"
        "main()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2, done.stderr
    assert "pip install 'harken[otel]'" in done.stderr


@contextmanager
def silent() -> Iterator[str]:
    """A server that takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["answers 503", "answers 404", "silent", "away"])
def test_a_collector_that_fails_costs_no_request_and_one_line(kind: str, capsys: pytest.CaptureFixture[str]) -> None:
    """However many spans are lost, telling does not wait, and leaving only for seconds."""
    with collecting(int(kind[-3:]) if "answers" in kind else 200) as collector, silent() as nobody:
        url = {"silent": nobody, "away": "http://127.0.0.1:1"}.get(kind, collector.url)
        traces = Traces(TracesConfig(endpoint=f"{url}/v1/traces?key=sesame"), "gateway")
        traces.open()
        began = time.monotonic()
        for _ in range(6_000):
            traces.tell(dataclasses.replace(span(Stage.TRY), trace=new_trace()))
        told_s = time.monotonic() - began
        began = time.monotonic()
        traces.close()
        assert time.monotonic() - began < 6.0
    for thread in threading.enumerate():
        if thread.name in ("traces-end", "OtelBatchSpanRecordProcessor"):
            thread.join(20.0)
            assert not thread.is_alive()  # nothing goes on trying behind our back
    assert told_s < 6.0
    printed = capsys.readouterr()
    said = printed.out + printed.err
    assert said.count("traces.lost") == 1
    assert "reason=" in said
    assert "sesame" not in said


@pytest.mark.slow
def test_a_collector_that_comes_back_is_said_once(capsys: pytest.CaptureFixture[str]) -> None:
    """And spans arrive again, without a restart."""
    with collecting(404) as collector:
        traces = Traces(TracesConfig(endpoint=collector.url), "gateway")
        traces.open()
        traces.tell(dataclasses.replace(span(), trace=new_trace()))
        collector.until(lambda _: bool(collector.paths))
        collector.status = 200
        for _ in range(3):
            traces.tell(dataclasses.replace(span(), trace=new_trace()))
            collector.until(bool)
        traces.close()
    said = "".join(capsys.readouterr())
    assert (said.count("traces.lost"), said.count("traces.sent_again")) == (1, 1)
    assert "404" in said
