"""What the parts of `benchmarks.live` share: what is said, a cluster, and a client."""

from __future__ import annotations

import asyncio
import io
import json
import re
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
import httpx
import numpy as np
import soundfile
from numpy.typing import NDArray

from harken.bench.load.live import Play
from harken.cli.bench_stream import PACKET
from harken.cli.client import open_session
from harken.cli.live_client import LiveClient
from harken.cli.live_told import Told
from harken.cli.live_wish import LiveWish
from harken.clock import SystemClock
from harken.transcribe.stitch import needs_space
from harken.types import SAMPLE_RATE
from tests.cluster import Cluster, running_cluster
from training.aligner_test_sets import Timed, long_strings, strings, with_silences
from training.espeak import Espeak

LANGUAGES = ("English", "Chinese")
SILENCE_MS = 500


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What is measured, and how much of it.

    Attributes:
        levels: streams at once, one after the other.
        seconds: for which recordings begin in each level.
        recordings: that are compared.
        at_once: of them at a time.
        sessions: in the middle of which an instance is killed.
        repeats: of the turn whose updates are measured.
        flags: of `harken up`.
        folder: for state and logs.
    """

    levels: Sequence[int]
    seconds: float
    recordings: int
    at_once: int
    sessions: int
    repeats: int
    flags: Sequence[str]
    folder: Path


def spoken(count: int, seed: str) -> list[Timed]:
    """Half English, half Chinese: short strings with pauses, strings with long silences between, a few long ones."""
    espeak, found = Espeak(), list[Timed]()
    for language in LANGUAGES:
        some: list[Timed] = strings(espeak, f"{seed}", language, count * 3 // 8, (3, 14), joined=False)
        apart = [
            *strings(espeak, f"{seed}2", language, max(2, count // 8), (2, 8), joined=True),
            *strings(espeak, f"{seed}3", language, max(1, count // 8), (2, 8), joined=False),
        ]
        some += with_silences(apart, seed)
        some += long_strings(espeak, f"{seed}4", language, max(1, count // 20), (20, 28), repeats=False)
        found += some
    return found


def with_pauses(count: int, seed: str) -> list[Timed]:
    """Short strings with pauses, by turns in both languages."""
    espeak = Espeak()
    made = [strings(espeak, seed, language, -(-count // 2), (3, 12), joined=False) for language in LANGUAGES]
    return [one for pair in zip(*made, strict=True) for one in pair][:count]


def int16(samples: NDArray[np.float32]) -> NDArray[np.int16]:
    """As they go over the wire."""
    return np.round(np.clip(samples, -1, 1) * 32767).astype(np.int16)


def play_of(timed: Timed) -> Play:
    """A recording whose first and last word are known."""
    return Play(
        samples=int16(timed.samples), speech_from_s=timed.spans_s[0][0], speech_to_s=timed.spans_s[-1][1],
        text=timed.text, language=timed.language,
    )  # fmt: skip


@asynccontextmanager
async def cluster_of(wanted: Wanted, *flags: str, instances: int = 0) -> AsyncIterator[Cluster]:
    """A cluster of the digits model without a cache; its log is in `gateway.log`."""
    more = [*wanted.flags, *(["--instances", str(instances)] if instances else []), *flags]
    count = int(more[len(more) - 1 - more[::-1].index("--instances") + 1])
    with (wanted.folder / "gateway.log").open("wb") as log:
        state = f"state.folder={wanted.folder / 'state'}"
        with running_cluster("--model", "digits", "--set", state, "--threads", "1", *more, log=log) as cluster:
            await asyncio.to_thread(cluster.wait_ready, count)
            yield cluster


@dataclass(kw_only=True)
class Talked:
    """What a client was told.

    Attributes:
        texts: of its turns, in order.
        failures: codes.
        told_at: when each text came, in seconds since the first packet.
        reconnects: how often it came back.
    """

    texts: list[str] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    told_at: list[float] = field(default_factory=list)
    reconnects: int = 0

    def text(self, language: str) -> str:
        """All of it."""
        whole = ""
        for text in filter(None, self.texts):
            whole += (" " if whole and needs_space(whole, text, {language}) else "") + text
        return whole


async def talk(
    http: aiohttp.ClientSession,
    url: str,
    samples: NDArray[np.int16],
    *,
    finds_turns: bool,
    on_packet: Callable[[float], None] = lambda _: None,
) -> Talked:
    """Say something at the pace of speech, and hear everything.

    Args:
        http: carries connections.
        url: of the server.
        samples: int16, 16 kHz.
        finds_turns: the server does, and hears a second of silence behind the end; else the end is the one commit.
        on_packet: told how many seconds were said, with each packet.
    """
    clock, found = SystemClock(), Talked()
    began = clock.now()

    def take(told: Told) -> None:
        match told.kind:
            case "text":
                found.told_at.append(clock.now() - began)
            case "completed":
                found.texts.append(told.text)
            case "failed":
                found.failures.append(told.code)

    wish = LiveWish(server=url, finds_turns=finds_turns, silence_ms=SILENCE_MS if finds_turns else None)
    client = LiveClient(http, wish, tell=take, warn=lambda _: None)

    async def feed() -> None:
        nonlocal began
        began = clock.now()
        sound = with_silence(samples) if finds_turns else samples
        for at in range(0, len(sound), PACKET):
            packet = sound[at : at + PACKET]
            await asyncio.sleep(max(0.0, began + (at + len(packet)) / SAMPLE_RATE - clock.now()))
            await client.send(packet.tobytes())
            on_packet((at + len(packet)) / SAMPLE_RATE)

    await client.talk(feed)
    found.reconnects = client.reconnects
    return found


def wav(samples: NDArray[np.int16]) -> bytes:
    """As a file."""
    file = io.BytesIO()
    soundfile.write(file, samples, SAMPLE_RATE, format="WAV", subtype="PCM_16")
    return file.getvalue()


def with_silence(samples: NDArray[np.int16]) -> NDArray[np.int16]:
    """With a second of silence behind the end, in which the server hears that somebody stopped."""
    return np.concatenate([samples, np.zeros(SAMPLE_RATE, np.int16)])


async def transcribed(http: aiohttp.ClientSession, url: str, data: bytes, *, finds_turns: bool = False) -> str:
    """The text of a file, cut as a live session cuts or not."""
    form = aiohttp.FormData()
    form.add_field("file", io.BytesIO(data), filename="one.wav")
    if finds_turns:
        rule = {"type": "server_vad", "threshold": 0.5, "prefix_padding_ms": 300, "silence_duration_ms": SILENCE_MS}
        form.add_field("chunking_strategy", json.dumps(rule))
    async with http.post(f"{url}/v1/audio/transcriptions", data=form) as answer:
        body = await answer.json()
        if answer.status != 200:
            raise RuntimeError(f"HTTP {answer.status}: {body}")
        text: str = body["text"]
        return text


@asynccontextmanager
async def connections() -> AsyncIterator[aiohttp.ClientSession]:
    """As many as are wanted."""
    async with open_session(connections=0) as http:
        yield http


def metrics(url: str, names: Sequence[str]) -> list[float]:
    """The sums of some metrics over their labels, all of one moment."""
    text = httpx.get(f"{url}/metrics", timeout=10).text
    return [sum(map(float, re.findall(rf"^{name}(?:{{.*}})? (\S+)$", text, re.MULTILINE))) for name in names]


def metric(url: str, name: str) -> float:
    """The sum of one."""
    return metrics(url, [name])[0]


def quantile(values: Sequence[float], part: float) -> float | None:
    """The value that so many do not exceed; None of nothing."""
    ordered = sorted(values)
    return round(ordered[max(1, -int(-part * len(ordered) // 1)) - 1], 3) if ordered else None


def at_odds(url: str) -> int:
    """Turns so far whose final text did not begin with what was committed."""
    return round(metric(url, "harken_live_turns_at_odds_total"))
