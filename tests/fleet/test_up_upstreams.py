"""`harken up --upstream` as a process, over real gateways and instances that somebody else started."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import signal
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO

import pytest

from tests.cluster import running_cluster
from tests.conformance.checks import CHECKS
from tests.conformance.facts import Facts, text_of
from tests.conformance.keyed import keyed_cluster
from tests.conformance.table import failures, python_half
from tests.fleet.test_up import HARKEN, ask, last_line, run

pytestmark = [
    pytest.mark.slow,
    # The SDK calls its own `translations.create` deprecated.
    pytest.mark.filterwarnings("ignore:deprecated:DeprecationWarning"),
]


@contextmanager
def serving(*flags: str) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """Run `harken serve` until the end of the block; gives its address once it is ready."""
    command = [*HARKEN, "serve", "--port", "0", *flags]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        try:
            assert process.stdout is not None
            yield _ready_url(process.stdout), process
        finally:
            process.kill()


def _ready_url(output: IO[str]) -> str:
    for line in output:
        news = json.loads(line)
        if news["news"] == "ready":
            return str(news["url"])
    raise AssertionError("it did not become ready")


def test_openais_sdk_works_through_a_gateway_over_a_gateway(tmp_path: Path) -> None:
    """Every format, option and error, also words and log-probabilities; the inner one demands a key."""
    with keyed_cluster("digits", tmp_path / "inner", {}) as (inner, secret):
        env = {"INNER_KEY": secret, "HARKEN_STATE_FOLDER": str(tmp_path / "outer")}
        upstream = f"{inner.url}/v1#key_env=INNER_KEY&name=inner"
        with running_cluster("--upstream", upstream, env=env) as outer:
            health = outer.wait_ready(1)
            assert [one["name"] for one in health["instances"]] == ["inner"]
            facts = Facts(server=outer.url)
            table = asyncio.run(python_half(dataclasses.replace(facts, text=text_of(facts.file))))
    assert set(table) == {check.__name__ for check in CHECKS}
    assert not failures(table), failures(table)


def test_an_instance_elsewhere_that_is_killed_loses_no_request() -> None:
    """Two instances by the wire, neither of them our child; one dies with work on it."""
    with ExitStack() as stack:
        (one, doomed), (other, _) = (stack.enter_context(serving("--model", "stub:rtfx=1")) for _ in range(2))
        cluster = stack.enter_context(running_cluster("--upstream", one, "--upstream", f"{other}#weight=2"))
        cluster.wait_ready(2)
        with ThreadPoolExecutor(12) as pool:
            answers = [pool.submit(ask, cluster, seed) for seed in range(12)]
            while not cluster.health()["instances"][0]["in_flight"]:
                assert not all(answer.done() for answer in answers)
            doomed.send_signal(signal.SIGKILL)
            found = [answer.result() for answer in answers]
        assert [answer.status_code for answer in found] == [200] * 12
        assert "upstream-2" in {answer.headers["X-Harken-Instance"] for answer in found}


@pytest.mark.parametrize(
    ("flags", "complaint"),
    [
        (("--upstream", "http://a#slot=3"), "did you mean 'slots'"),
        (("--upstream", "http://a#key_env=NOT_SET_ANYWHERE"), "NOT_SET_ANYWHERE, which is not set"),
        (("--model", "stub", "--instances", "2", "--weights", "3,2,1"), "3 weights for 2 instances"),
        (("--instances", "0"), "where there are no upstreams"),
    ],
)
def test_what_makes_no_sense_is_said_before_anything_starts(flags: tuple[str, ...], complaint: str) -> None:
    """Exit code 2, as for every wrong usage."""
    done = run("up", "--port", "0", *flags)
    assert done.returncode == 2
    assert complaint in last_line(done.stderr)
