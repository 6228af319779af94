"""A real browser for the tests of the pages: Debian's Chromium, driven by Playwright."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator
from typing import Any, Protocol

import pytest
from playwright.sync_api import Browser, sync_playwright

from tests.web.watched import Watched, watching

FLAGS = ("--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--autoplay-policy=no-user-gesture-required")


class Window(Protocol):
    """Opens a window; its options are those of `watching`."""

    def __call__(self, **context: Any) -> Watched:
        """Open one."""


@pytest.fixture(scope="session")
def chromium() -> str:
    """Where Chromium is; without one these tests fail rather than say nothing."""
    path = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    assert path, "there is no Chromium: run scripts/install-system-packages.sh"
    return path


@pytest.fixture(scope="module")
def browser(chromium: str) -> Iterator[Browser]:
    """A browser without a screen, for all tests of a module."""
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=chromium, args=list(FLAGS))
        yield launched
        launched.close()


@pytest.fixture
def window(browser: Browser) -> Iterator[Window]:
    """Opens windows; each is checked at the end of the test: no error on its console, no request elsewhere."""
    with contextlib.ExitStack() as windows:
        yield lambda **context: windows.enter_context(watching(browser, **context))
