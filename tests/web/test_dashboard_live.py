"""The dashboard over a real cluster: load, a real SIGKILL, and an operator's buttons, on real processes."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Locator, Page, expect

from tests.cluster import running_cluster
from tests.web.conftest import Window

pytestmark = pytest.mark.slow
A_WHILE_MS = 60_000


@contextmanager
def load(url: str) -> Iterator[list[int]]:
    """Three clients send clips without a pause; gives the statuses of their answers so far."""
    clip = (files("harken.samples") / "english-01.wav").read_bytes()
    statuses: list[int] = []
    is_over = threading.Event()

    def play() -> None:
        with httpx.Client(base_url=url, timeout=60) as client:
            while not is_over.wait(0.02):
                answer = client.post("/asr", files={"audio": ("a.wav", clip)})
                statuses.append(answer.status_code)

    clients = [threading.Thread(target=play) for _ in range(3)]
    for client in clients:
        client.start()
    try:
        yield statuses
    finally:
        is_over.set()
        for client in clients:
            client.join()


def test_an_instance_that_is_killed_under_load_is_seen_to_die_and_to_come_back(window: Window, tmp_path: Path) -> None:
    """Nobody reloads the page, and no client of the cluster sees more of it than a slower answer."""
    env = {"HARKEN_STATE_FOLDER": str(tmp_path)}
    with running_cluster("--model", "stub:rtfx=30", "--instances", "3", env=env) as cluster:
        cluster.wait_ready(3)
        with load(cluster.url) as statuses:
            watched = window()
            page = watched.open(f"{cluster.url}/")
            expect(page.locator("h1")).to_have_text("Healthy")
            expect(page.locator(".well")).to_contain_text("nothing fails")
            expect(page.locator(".requests tbody tr").nth(5)).to_contain_text("/asr")
            victim = next(one for one in cluster.health()["instances"] if one["name"] == "asr-2")
            os.kill(victim["pid"], signal.SIGKILL)
            expect(page.locator("h1")).to_have_text("Degraded", timeout=A_WHILE_MS)
            expect(page.locator(".troubles")).to_contain_text("asr-2")
            expect(page.locator("h1")).to_have_text("Healthy", timeout=A_WHILE_MS)
            expect(_line(page, "asr-2").locator(".cell-restarts")).to_have_text("1")
            assert watched.violations() == []
            page.goto("about:blank")
        assert set(statuses) == {200}


def test_an_operator_restarts_drains_and_scales_from_the_page(window: Window, tmp_path: Path) -> None:
    """With a key that was made on the machine; the page asks for it in the server's words when it is another one."""
    env = {"HARKEN_STATE_FOLDER": str(tmp_path)}
    with running_cluster("--model", "stub", "--instances", "2", env=env) as cluster:
        cluster.wait_ready(2)
        made = httpx.post(f"{cluster.url}/admin/keys", json={"name": "operator", "is_admin": True}, timeout=10)
        watched = window()
        page = watched.open(f"{cluster.url}/")
        _enter(page, "hk_of_somebody_else")
        page.get_by_role("button", name="Drain asr-2").click()
        page.locator("dialog[open]").get_by_role("button", name="Drain").click()
        expect(page.locator("dialog[open] [role=alert]")).to_be_visible()  # the server's sentence
        page.get_by_label("Key", exact=True).fill(made.json()["secret"])
        page.get_by_role("button", name="Use this key").click()
        expect(page.locator(".change")).to_contain_text("asr-2 is drained", timeout=A_WHILE_MS)
        watched.forgive("401")
        page.get_by_role("button", name="Restart asr-2").click()
        page.locator("dialog[open]").get_by_role("button", name="Restart").click()
        expect(page.locator(".change")).to_contain_text("asr-2 was restarted.", timeout=A_WHILE_MS)
        page.get_by_role("button", name="Scale…").click()
        page.get_by_role("spinbutton", name="Instances").fill("3")
        page.keyboard.press("Enter")
        expect(page.locator(".change")).to_contain_text("The fleet has 3 instances now.", timeout=A_WHILE_MS)
        expect(_line(page, "asr-3")).to_contain_text("ready")
        page.goto("about:blank")
        cluster.wait_ready(3)


def _enter(page: Page, secret: str) -> None:
    page.get_by_role("button", name="API key: none").click()
    page.get_by_label("Key", exact=True).fill(secret)
    page.get_by_role("button", name="Use this key").click()


def _line(page: Page, name: str) -> Locator:
    return page.locator(".instances tbody tr").filter(has_text=name)
