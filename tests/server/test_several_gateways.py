"""Three gateways with one configuration, a Redis and a PostgreSQL between them, and two instances behind all of them.

The configuration is the example of docs/several-gateways.md, with the addresses of this test. One set of processes for
all of it: the tests build on each other only by what they leave running.
"""

from __future__ import annotations

import asyncio
import json
import re
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.cluster import PLAIN
from tests.jobs.postgres import gone, hanging, running_postgres, url_of
from tests.jobs.receiver import Receiver, receiving
from tests.jobs.test_crash import recordings
from tests.server.test_cached_gateways import ask_all, clip
from tests.several import Several, several_gateways
from tests.transcribe.cache.redis_server import running_redis

pytest.importorskip("redis")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("redis-server") is None, reason="redis-server is not installed"),
]

PAGE = Path(__file__).parent.parent.parent / "docs" / "several-gateways.md"
LEASE_S = 2.0
FELT_S = 2.0
"""So soon a change of keys must be felt everywhere."""
EXTRA_S = 3.0
"""More than a Redis or a PostgreSQL that hangs may add to a request: half a second for each thing that is asked, on a
machine that does much else."""
PATIENCE_S = 60.0


@dataclass
class World:
    """What runs.

    Attributes:
        several: the gateways.
        folder: of the test.
        postgres: folder of its socket.
        receiver: of webhooks.
        redis: what runs Redis; a test may close it and start another.
        audio: recordings; those of `LONG` are of many pieces.
    """

    several: Several
    folder: Path
    postgres: str
    receiver: Receiver
    redis: ExitStack
    audio: list[bytes]

    @property
    def urls(self) -> list[str]:
        """The gateways."""
        return self.several.urls

    def start_redis(self) -> Any:
        """Start a Redis at the old place; its process."""
        return self.redis.enter_context(running_redis(self.folder))

    def key(self, name: str, at: int, **limits: float) -> dict[str, str]:
        """Headers of a new key, made at one of the gateways; it works at all of them when this returns."""
        body = {"name": name, **limits}
        made = httpx.post(f"{self.urls[at]}/admin/keys", json=body, timeout=30, verify=PLAIN)
        assert made.status_code == 201, made.text
        headers = {"Authorization": f"Bearer {made.json()['secret']}"}
        until(lambda: all(self.lets_in(url, headers) for url in self.urls), f"{name} everywhere", FELT_S)
        return headers

    def lets_in(self, url: str, headers: dict[str, str]) -> bool:
        """Whether a key works at a gateway; costs none of its requests."""
        # As through a proxy: programs on the server's own machine need none there.
        return httpx.get(f"{url}/metrics", headers={"Via": "1.1 proxy", **headers}, verify=PLAIN).status_code == 200

    def job(self, at: int, headers: dict[str, str], files: list[bytes], **fields: str) -> str:
        """Hand a job in at a gateway; its id."""
        body = [("file", (f"{number}.flac", one)) for number, one in enumerate(files)]
        sent = httpx.post(
            f"{self.urls[at]}/v1/jobs", files=body, data=fields, headers=headers, timeout=60, verify=PLAIN
        )
        assert sent.status_code == 201, sent.text
        return str(sent.json()["id"])

    def see(self, at: int, job_id: str, headers: dict[str, str]) -> dict[str, Any]:
        """A job as a gateway shows it."""
        shown: dict[str, Any] = httpx.get(
            f"{self.urls[at]}/v1/jobs/{job_id}", headers=headers, timeout=30, verify=PLAIN
        ).json()
        return shown


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """All of them; the gateways started at once on an empty database."""
    folder = tmp_path_factory.mktemp("several")
    socket = f"unix://{folder / 'redis.sock'}"
    with ExitStack() as stack:
        postgres = stack.enter_context(running_postgres())
        redis = stack.enter_context(ExitStack())
        redis.enter_context(running_redis(folder))
        receiver = stack.enter_context(receiving())
        places = {
            "postgresql+psycopg://harken@postgres/harken": url_of(postgres, "several"),
            "/srv/harken": str(folder / "state"),
            "redis://redis:6379/0": f"{socket}?db=0",
            "redis://redis:6379/1": f"redis+{socket}?db=1",
        }
        of_tests = ("cache.bytes=1000000", f"jobs.lease_s={LEASE_S}", "jobs.allows_private_webhooks=true")
        flags = [word for setting in of_tests for word in ("--set", setting)]
        several = stack.enter_context(several_gateways(folder, PAGE, places, "--log-level", "debug", *flags))
        yield World(several, folder, postgres, receiver, redis, recordings())


def until(is_so: Callable[[], bool], what: str, within_s: float = PATIENCE_S) -> float:
    """Look again and again until it is so; the seconds that took."""
    began = time.monotonic()
    while not is_so():
        assert time.monotonic() - began < within_s, f"never: {what}"
        time.sleep(0.03)  # between two looks
    return time.monotonic() - began


def metrics(world: World) -> str:
    """What the first gateway tells Prometheus."""
    return httpx.get(f"{world.urls[0]}/metrics", timeout=10, verify=PLAIN).text


def kept(world: World, job_id: str) -> list[tuple[int, int, int]]:
    """Every piece of a job that some gateway wrote down as recognised: gateway, file and first sample."""
    found = []
    for number, log in enumerate(world.several.logs):
        lines = (json.loads(line) for line in log.read_text().splitlines() if '"jobs.piece_kept"' in line)
        found += [(number, line["file"], line["start"]) for line in lines if line["job_id"] == job_id]
    return found


def test_what_is_asked_at_all_of_them_is_recognised_once(world: World) -> None:
    """At the same moment, and afterwards anywhere."""
    headers = world.key("reader", 0)
    clips = [clip(seed) for seed in range(6)]
    for misses in (6, 0):
        answers = asyncio.run(ask_all(world.urls, clips, 3, headers))
        assert {answer.status_code for answer in answers} == {200}
        told = Counter(answer.headers["x-harken-cache"] for answer in answers)
        assert told == Counter({"miss": misses, "hit": len(answers) - misses}) - Counter()


def test_each_shows_its_own_and_changes_no_instance_of_others(world: World) -> None:
    """Requests are of the gateway that was asked; without instances of its own it offers no changes."""
    httpx.post(f"{world.urls[1]}/asr", files={"audio": ("a.wav", clip(77))}, headers=world.key("seen", 1), timeout=60)
    shown = [httpx.get(f"{url}/cluster", timeout=10, verify=PLAIN).json() for url in world.urls]
    assert [one["server"]["can_change"] for one in shown] == [False] * 3
    assert [one["now"]["requests"] for one in shown] == [18 * 2 + number for number in (0, 1, 0)]
    assert [sorted(line["name"] for line in one["instances"]) for one in shown] == [["gpu-1", "gpu-2"]] * 3
    for wish in ("scale", "instances/gpu-1/restart", "instances/gpu-1/drain"):
        refused = httpx.post(f"{world.urls[0]}/admin/{wish}", json={"count": 3}, timeout=10, verify=PLAIN)
        assert (refused.status_code, refused.json()["error"]["code"]) == (501, "not_offered"), refused.text


def test_a_key_counts_over_all_of_them(world: World) -> None:
    """Requests to the last one, whoever asks where and at once; audio at one is seen by the others; both say when."""
    headers = world.key("counted", 1, requests_per_minute=12, audio_s_per_minute=600)

    async def ask() -> list[httpx.Response]:
        async with httpx.AsyncClient(timeout=60, headers=headers) as client:
            return await asyncio.gather(*(client.get(f"{url}/v1/models") for url in world.urls for _ in range(10)))

    answers = asyncio.run(ask())
    said = Counter(answer.status_code for answer in answers)
    assert said == {200: 12, 429: 18}, said
    for answer in answers:
        if answer.status_code == 429:
            assert 1 <= int(answer.headers["retry-after"]) <= 60
            assert answer.headers["x-ratelimit-remaining-requests"] == "0"

    heard = world.key("heard", 1, audio_s_per_minute=3)
    one, *others = world.urls
    long = world.audio[60]
    sent = httpx.post(f"{one}/asr", files={"audio": ("a.flac", long)}, headers=heard, timeout=60, verify=PLAIN)
    assert sent.status_code == 200
    for url in others:
        refused = httpx.post(f"{url}/asr", files={"audio": ("a.flac", long)}, headers=heard, timeout=60, verify=PLAIN)
        assert refused.status_code == 429, refused.text
        assert int(refused.headers["retry-after"]) > 60, "it has used up several minutes"


def test_a_key_works_and_ends_everywhere_within_two_seconds(world: World) -> None:
    """Made by the page's own command from the same file, revoked at a gateway."""
    (words,) = re.findall(r"^\$ harken (keys add .*)$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    words = words.replace("admin --admin", "short").replace("harken.toml", str(world.several.config))
    command = [sys.executable, "-m", "harken", *words.split()]
    secret = subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
    headers = {"Authorization": f"Bearer {secret}"}
    until(lambda: all(world.lets_in(url, headers) for url in world.urls), "in everywhere", FELT_S)
    gone = httpx.delete(f"{world.urls[2]}/admin/keys/short")
    assert gone.status_code == 200
    until(lambda: not any(world.lets_in(url, headers) for url in world.urls), "out everywhere", FELT_S)


def test_a_job_is_everybody_s_and_is_cancelled_anywhere(world: World) -> None:
    """Handed in at one, worked on by several, shown by all alike; cancelled at a third it stops, and its audio goes."""
    headers = world.key("clerk", 0)
    job_id = world.job(0, headers, world.audio[:12])
    until(lambda: world.see(1, job_id, headers)["state"] == "done", "done")
    until(lambda: world.see(2, job_id, headers)["state"] == "done", "done")
    results = {httpx.get(f"{url}/v1/jobs/{job_id}/results", headers=headers, verify=PLAIN).text for url in world.urls}
    assert len(results) == 1
    assert len(results.pop().splitlines()) == 12

    long = world.job(0, headers, [world.audio[60]] * 12)
    until(lambda: len({gateway for gateway, _, _ in kept(world, long)}) >= 2, "two gateways work on it")
    cancelled = httpx.post(f"{world.urls[2]}/v1/jobs/{long}/cancel", headers=headers, verify=PLAIN)
    assert cancelled.json()["state"] == "cancelled"
    until(lambda: not (world.folder / "state" / "recordings" / long).exists(), "its audio goes", 5.0)
    at_work = 'harken_requests_in_progress{route="job"} 0.0'
    until(lambda: all(at_work in httpx.get(f"{url}/metrics", verify=PLAIN).text for url in world.urls), "it stops", 5.0)


def ask_on(world: World, headers: dict[str, str], going: list[bool]) -> list[tuple[int, float]]:
    """Have new recordings transcribed, at each gateway in turn, until told otherwise: status and seconds of each."""
    found: list[tuple[int, float]] = []

    def ask(worker: int) -> None:
        seed = 1000 * (worker + 1)
        while going[0]:
            seed += 1
            began = time.monotonic()
            url = world.urls[seed % len(world.urls)]
            answer = httpx.post(
                f"{url}/v1/audio/transcriptions",
                files={"file": ("a.wav", clip(seed))},
                data={"model": "whisper-1"},
                headers=headers,
                timeout=60,
                verify=PLAIN,
            )
            found.append((answer.status_code, time.monotonic() - began))

    with ThreadPoolExecutor(3) as pool:
        list(pool.map(ask, range(3)))
    return found


def test_no_request_fails_while_redis_or_postgresql_hang_or_are_gone(world: World) -> None:
    """Each for longer than a rest of two seconds, under load; afterwards all is as it was, without a restart."""
    headers = world.key("steady", 0, requests_per_minute=100_000, audio_s_per_minute=1_000_000)
    going = [True]
    with ThreadPoolExecutor(1) as pool:
        load = pool.submit(ask_on, world, headers, going)
        try:
            world.redis.close()
            redis = world.start_redis()
            redis.send_signal(signal.SIGSTOP)
            time.sleep(1.5)  # for so long it hangs
            redis.send_signal(signal.SIGCONT)
            with hanging(world.postgres):
                time.sleep(2.5)  # for so long it hangs
                assert httpx.get(f"{world.urls[0]}/health", timeout=10, verify=PLAIN).status_code == 200
            with gone(world.postgres):
                refused = httpx.get(f"{world.urls[0]}/v1/jobs", headers=headers, timeout=30, verify=PLAIN)
                assert (refused.status_code, refused.json()["error"]["code"]) == (503, "state_unavailable")
                until(lambda: 'harken_store_ready{store="keys"} 0.0' in metrics(world), "told", 10.0)
                made = httpx.post(f"{world.urls[0]}/admin/keys", json={"name": "never"}, timeout=30, verify=PLAIN)
                assert made.status_code == 503
        finally:
            going[0] = False
        answers = load.result()
    assert len(answers) > 20
    assert {status for status, _ in answers} == {200}
    took = sorted(seconds for _, seconds in answers)
    assert took[-1] < took[len(took) // 2] + EXTRA_S, took[-5:]
    until(
        lambda: httpx.get(f"{world.urls[0]}/v1/jobs", headers=headers, timeout=30, verify=PLAIN).status_code == 200,
        "jobs",
        10,
    )
    told = [f'harken_store_ready{{store="{store}"}} 1.0' for store in ("cache", "counts", "keys")]
    until(lambda: all(line in metrics(world) for line in told), "all are back", 15.0)
    limited = world.key("again", 1, requests_per_minute=5)
    until(
        lambda: httpx.get(f"{world.urls[1]}/v1/models", headers=limited, verify=PLAIN).status_code == 429,
        "counted again",
        10.0,
    )


def test_a_gateway_that_is_killed_leaves_its_files_to_the_others(world: World) -> None:
    """Nothing that was finished is done again, and the webhook hears of the end once."""
    headers = world.key("heir", 0)
    files = [world.audio[number] for number in range(60, 120, 10)]
    job_id = world.job(1, headers, files, webhook=world.receiver.url)
    until(lambda: len(kept(world, job_id)) >= 3, "somebody works on it")
    (first, _), *_ = Counter(gateway for gateway, _, _ in kept(world, job_id)).most_common()
    one, other = (number for number in range(3) if number != first)
    process = world.several.gateways[first].process
    process.send_signal(signal.SIGKILL)
    process.wait(10)
    until(lambda: world.see(other, job_id, headers)["state"] == "done", "done")
    pieces = [piece for _, *piece in kept(world, job_id)]
    assert len(pieces) == len({tuple(piece) for piece in pieces}), "recognised again"
    world.receiver.wait(1)
    until(lambda: world.see(one, job_id, headers)["webhook"]["state"] == "delivered", "delivered")
    assert len({call["webhook-id"] for call, _ in world.receiver.calls}) == len(world.receiver.calls) == 1
