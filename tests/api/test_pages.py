"""The pages' addresses: who gets HTML, what may be kept, and under which policy it is shown."""

from __future__ import annotations

import re
from pathlib import Path

import httpx
import pytest

from harken.api.pages import POLICY, wants_page
from tests.api.world import World, ask, talk

CHROMIUM = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8"


@pytest.mark.parametrize("accept", [CHROMIUM, "text/html", "TEXT/HTML ; q=0.9", "application/json;q=0.5, text/html"])
def test_whoever_names_html_gets_the_page(accept: str) -> None:
    """Browsers do."""
    assert wants_page(accept)


@pytest.mark.parametrize(
    "accept",
    [
        "",
        "*/*",
        "application/json",
        "text/*",
        "text/html;q=0",
        "text/html;q=x",
        ",;,",
        "text/html;q=0.5, application/json",
    ],
)
def test_everybody_else_gets_json(accept: str) -> None:
    """Curl and the SDKs take anything, and have always got JSON."""
    assert not wants_page(accept)


def test_the_root_answers_in_both_forms_and_says_that_it_does() -> None:
    """A cache in between must not give a program the page."""

    async def conversation(client: httpx.AsyncClient) -> None:
        page = await client.get("/", headers={"Accept": CHROMIUM})
        assert page.headers["content-type"] == "text/html; charset=utf-8"
        assert page.headers["content-security-policy"] == POLICY
        told = await client.get("/")
        assert told.json()["name"] == "harken"
        assert page.headers["vary"] == told.headers["vary"] == "Accept"
        head = await client.head("/", headers={"Accept": CHROMIUM})
        assert (head.status_code, head.content) == (200, b"")
        assert head.headers["content-length"] == page.headers["content-length"]

    talk(World(), conversation)


@pytest.mark.parametrize("path", ["/", "/playground"])
def test_what_a_page_names_is_there_and_may_be_kept_for_ever(path: str) -> None:
    """Its files, and every module that those import; all addresses are relative and on this server."""

    async def conversation(client: httpx.AsyncClient) -> None:
        page = await client.get(path, headers={"Accept": CHROMIUM})
        assert page.headers["cache-control"] == "no-cache"
        names = re.findall(r'(?:src|href)="(ui/[^"]*)"', page.text)
        assert len(names) == 5
        waiting, seen = [f"/{name}" for name in names], set()
        while waiting:
            address = waiting.pop()
            answer = await client.get(address)
            assert answer.status_code == 200, address
            assert "immutable" in answer.headers["cache-control"]
            assert answer.headers["content-type"].split(";")[0] in ("text/javascript", "text/css", "image/svg+xml")
            seen.add(address)
            imported = re.findall(r'from "\./([^"]+)"', answer.text) if address.endswith(".js") else []
            waiting += [one for name in imported if (one := f"{address.rsplit('/', 1)[0]}/{name}") not in seen]
        assert any(address.endswith("vendor/preact.js") for address in seen)

    talk(World(), conversation)


def test_no_page_has_anything_inline() -> None:
    """The policy forbids it; a script or style that crept in would only fail in the browser."""
    for path in ("/", "/playground"):
        text = ask(World(), "GET", path, headers={"Accept": CHROMIUM}).text
        assert not re.search(r"<script[^>]*>[^<]|<style|\son\w+=|\sstyle=", text)


def test_another_version_has_no_files_here() -> None:
    """What is kept for ever must be what its address says."""
    (version,) = set(re.findall(r'"ui/([0-9a-f]{16})/', ask(World(), "GET", "/playground").text))
    for name in (
        "0000000000000000/shell.css",
        f"{version}/LICENSE.htm",
        f"{version}/vendor/LICENSE.htm",
        f"{version}/dashboard.html",
        f"{version}/../../pages.py",
        f"{version}/%2e%2e/%2e%2e/pages.py",
        f"{version}/",
    ):
        answer = ask(World(), "GET", f"/ui/{name}")
        assert (answer.status_code, answer.json()["error"]["code"]) == (404, "not_found"), name


def test_the_vendored_library_is_what_the_script_takes() -> None:
    """Its licences stand beside it."""
    folder = Path(__file__).parents[2] / "src/harken/api/static/ui/vendor"
    assert {path.name for path in folder.iterdir()} == {"preact.js", "LICENSE.htm", "LICENSE.preact"}
