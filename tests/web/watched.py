"""A page in Chromium that is watched: what it says on its console, what it asks of other servers, what axe finds."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import Browser, ConsoleMessage, Page, Request

AXE = Path(__file__).parent / "node_modules" / "axe-core" / "axe.min.js"
PATIENCE_MS = 15_000


@dataclass
class Watched:
    """A page and what was seen of it.

    Attributes:
        page: Playwright's.
        errors: errors on the console and exceptions, in its words; a test takes out what it provoked.
        addresses: of every request, in order.
        seen: origins that it may talk to.
    """

    page: Page
    errors: list[str] = field(default_factory=list)
    addresses: list[str] = field(default_factory=list)
    seen: set[str] = field(default_factory=set)

    def open(self, address: str) -> Page:
        """Go there, and wait until the page has drawn itself."""
        self.page.goto(address)
        self.page.wait_for_selector("html.is-ready")
        return self.page

    def forgive(self, *parts: str) -> None:
        """Take out errors that have one of these in them; there must be one, because the test provoked it."""
        left = [error for error in self.errors if not any(part in error for part in parts)]
        assert len(left) < len(self.errors), f"no error with {parts}: {self.errors}"
        self.errors[:] = left

    def violations(self) -> list[str]:
        """What axe finds against the usual rules, one line for each element."""
        assert AXE.is_file(), "axe-core is missing: run scripts/install-node-packages.sh"
        self.page.evaluate(AXE.read_text(encoding="utf-8"))
        found: list[dict[str, Any]] = self.page.evaluate(
            "async () => (await axe.run(document, {resultTypes: ['violations']})).violations"
        )
        return [f"{one['id']}: {node['target']} {node['failureSummary']}" for one in found for node in one["nodes"]]

    def is_wider_than_the_window(self) -> bool:
        """Whether somebody would have to scroll sideways."""
        wide: bool = self.page.evaluate("document.documentElement.scrollWidth > window.innerWidth")
        return wide

    def _on_console(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.errors.append(f"{message.text} ({message.location.get('url', '')})")

    def _on_request(self, request: Request) -> None:
        self.addresses.append(request.url)
        parts = urlsplit(request.url)
        if parts.scheme not in ("data", "blob"):
            self.seen.add(f"{parts.scheme}://{parts.netloc}")


@contextmanager
def watching(browser: Browser, **context: Any) -> Iterator[Watched]:
    """Open a window of its own; at the end nothing may have gone wrong in it, nor have left for another server.

    Args:
        browser: Playwright's.
        context: `locale`, `color_scheme`, `viewport`, `permissions`: as Playwright has them.
    """
    defaults = {"locale": "en-GB", "viewport": {"width": 1280, "height": 900}, "reduced_motion": "reduce"}
    opened = browser.new_context(**{**defaults, **context})
    opened.set_default_timeout(PATIENCE_MS)
    page = opened.new_page()
    watched = Watched(page=page)
    page.on("console", watched._on_console)
    page.on("pageerror", lambda error: watched.errors.append(str(error)))
    page.on("request", watched._on_request)
    try:
        yield watched
        assert not watched.errors, watched.errors
        assert len(watched.seen) <= 1, f"the page talked to {watched.seen}"
    finally:
        opened.close()
