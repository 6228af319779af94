"""Take the pictures of docs/images: both pages over a real cluster under load, in light, dark, Chinese and on a phone.

Usage: python scripts/screenshots.py [FOLDER] (needs Chromium and the development packages; seven minutes)

It starts `harken up` with four instances of the digits model and no cache, plays the packaged recordings from several
clients, has a few people speak, has an instance hang before each picture so that there is something to tell, and looks
at the pages meanwhile.
"""

from __future__ import annotations

import io
import itertools
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray
from playwright.sync_api import Browser, Page, sync_playwright

import harken

ROOT = Path(__file__).parents[1]
SAMPLES = sorted((Path(harken.__file__).parent / "samples").glob("*-[0-9][0-9].*"))
CLIENTS = 5
SPEAKERS = 5
LOAD_S = 180.0
"""So long the load runs before the first picture: the charts need something to show."""

MANY = re.compile(r"^\d\d$")
"""How many segments a request has that is worth a look."""

VIEWS: dict[str, dict[str, Any]] = {
    "light": {"color_scheme": "light"},
    "dark": {"color_scheme": "dark"},
    "chinese": {"color_scheme": "light", "locale": "zh-CN"},
    "phone": {"color_scheme": "light", "viewport": {"width": 390, "height": 844}, "device_scale_factor": 2},
}


def main() -> None:
    """Start the cluster, load it, take the pictures."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "docs" / "images"
    folder.mkdir(parents=True, exist_ok=True)
    with cluster() as url, speakers(url), load(url), sync_playwright() as playwright:
        time.sleep(LOAD_S)
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        for name, view in VIEWS.items():
            for page_name, take in (("dashboard", dashboard), ("playground", playground)):
                path = folder / f"{page_name}-{name}.png"
                with opened(browser, view) as page:
                    take(page, url)
                    page.screenshot(path=path, full_page=name != "phone")
                print(f"{path}: {path.stat().st_size // 1024} KiB")
        browser.close()


@contextmanager
def cluster() -> Iterator[str]:
    """Run `harken up` with a state of its own; gives its address once all are ready."""
    with tempfile.TemporaryDirectory() as state:
        command = [sys.executable, "-m", "harken", "up", "--model", "digits", "--instances", "4"]
        command += ["--port", "0", "--first-port", "0"]
        env = {**os.environ, "HARKEN_STATE_FOLDER": state, "HARKEN_CACHE_BYTES": "0"}
        with subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=env
        ) as process:
            assert process.stdout is not None
            url = str(json.loads(process.stdout.readline())["url"])
            try:
                while len(ready(url)) < 4:
                    time.sleep(0.5)
                yield url
            finally:
                process.send_signal(signal.SIGTERM)


def ready(url: str) -> list[dict[str, Any]]:
    """The instances that are ready."""
    told = httpx.get(f"{url}/cluster", timeout=10).json()
    return [one for one in told["instances"] if one["state"] == "ready"]


def stop_one(url: str, turn: int) -> None:
    """Have one hang with all that it is at work on: the gateway takes it back, and the supervisor kills it."""
    os.kill(ready(url)[turn % 4]["pid"], signal.SIGSTOP)


def joined() -> bytes:
    """All recordings one after another, as one that has many segments."""
    sounds = [decoded(path) for path in SAMPLES if path.suffix in (".wav", ".flac")]
    held = io.BytesIO()
    soundfile.write(held, np.concatenate(sounds * 4), 16_000, format="WAV")
    return held.getvalue()


def decoded(path: Path) -> NDArray[np.float32]:
    """A recording in 16 kHz, and a pause behind it."""
    samples, rate = soundfile.read(path, dtype="float32")
    return np.concatenate([soxr.resample(samples, rate, 16_000), np.zeros(8_000, np.float32)])


@contextmanager
def speakers(url: str) -> Iterator[None]:
    """Have several people speak live."""
    ours = [sys.executable, "-m", "harken"]
    command = [*ours, "bench", "--server", url, "--live", str(SPEAKERS), "--duration-s", "3600"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as speaking:
        try:
            yield
        finally:
            speaking.send_signal(signal.SIGTERM)


@contextmanager
def load(url: str) -> Iterator[None]:
    """Several clients send the recordings again and again, one of them what is no recording."""
    is_over = threading.Event()

    def send(client: httpx.Client, name: str, content: bytes) -> None:
        client.post("/v1/audio/transcriptions", files={"file": (name, content)})

    def play(start: int) -> None:
        with httpx.Client(base_url=url, timeout=60) as client:
            for path in itertools.islice(itertools.cycle(SAMPLES), start, None):
                if is_over.is_set():
                    return
                is_broken = start == 0 and path.name == "english-07.mp3"
                send(client, path.name, b"nothing" if is_broken else path.read_bytes())
                is_over.wait(0.25 * (1 + start % 3))

    def play_long() -> None:
        whole = joined()
        with httpx.Client(base_url=url, timeout=60) as client:
            while not is_over.wait(2):
                send(client, "meeting.wav", whole)

    clients = [threading.Thread(target=play_long)]
    clients += [threading.Thread(target=play, args=(start * 3,)) for start in range(CLIENTS)]
    for client in clients:
        client.start()
    try:
        yield
    finally:
        is_over.set()
        for client in clients:
            client.join()


@contextmanager
def opened(browser: Browser, view: dict[str, Any]) -> Iterator[Page]:
    """A window of that kind."""
    context = browser.new_context(**{"locale": "en-GB", "viewport": {"width": 1440, "height": 900}, **view})
    try:
        yield context.new_page()
    finally:
        context.close()


_TURNS = itertools.count(1)


def dashboard(page: Page, url: str) -> None:
    """The dashboard just after an instance hung, with the journey of a request of many segments."""
    page.goto(f"{url}/")
    page.locator(".requests tbody tr").nth(5).wait_for()
    while len(ready(url)) < 4:
        time.sleep(0.5)
    stop_one(url, next(_TURNS))
    page.locator(".troubles").wait_for()
    page.locator(".requests .more").click()
    for _ in range(20):
        page.hover("#requests-title")  # the list stands still
        many = page.locator(".requests tbody tr.is-good").filter(has=page.locator(".cell-segments", has_text=MANY))
        if many.count():
            many.first.locator(".fold").click()
            break
        page.mouse.move(0, 0)
        page.wait_for_timeout(500)
    page.locator(".requests .more").click()
    page.mouse.move(0, 0)
    page.evaluate("scrollTo(0, 0)")
    page.wait_for_timeout(300)


def playground(page: Page, url: str) -> None:
    """The playground with a recording that was transcribed."""
    page.goto(f"{url}/playground")
    page.locator("input[type=file]").set_input_files(next(path for path in SAMPLES if path.name == "english-05.ogg"))
    page.locator(".phase.good").wait_for()
    page.evaluate("scrollTo(0, 0)")


if __name__ == "__main__":
    main()
