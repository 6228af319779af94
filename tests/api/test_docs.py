"""/docs works without a network, and the browser may not look elsewhere."""

from __future__ import annotations

import base64
import hashlib
import re

import httpx

from tests.api.world import World, ask, talk


def test_the_page_loads_from_this_server_alone() -> None:
    """No address on it leads elsewhere, and its policy forbids what the script might try."""
    page = ask(World(), "GET", "/docs")
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert page.headers["cache-control"] == "no-cache"
    assert "//" not in "".join(re.findall(r'(?:src|href)="([^"]*)"', page.text))
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "http" not in policy


def test_the_policy_allows_the_pages_own_script() -> None:
    """By its hash: a changed script without a changed hash would leave the page empty."""
    page = ask(World(), "GET", "/docs")
    (script,) = re.findall(r"<script>(.*?)</script>", page.text, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"'sha256-{digest}'" in page.headers["content-security-policy"]


def test_its_files_are_there_and_may_be_kept_for_ever() -> None:
    """Their version is in their address. Every address on the page is answered."""

    async def conversation(client: httpx.AsyncClient) -> None:
        page = await client.get("/docs")
        addresses = [name for name in re.findall(r'(?:src|href)="([^"]*)"', page.text) if not name.startswith("data:")]
        assert len(addresses) == 3
        for address in addresses:
            answer = await client.get(f"/{address}")
            assert answer.status_code == 200, address
            if address != "openapi.json":
                assert "immutable" in answer.headers["cache-control"]
                assert answer.headers["content-type"].startswith("text/")
                assert len(answer.content) > 100_000

    talk(World(), conversation)


def test_nothing_else_is_served_from_there() -> None:
    """Not the licence beside it, and nothing outside of the folder."""
    (version,) = re.findall(r'href="(docs/[0-9.]+)/', ask(World(), "GET", "/docs").text)
    for name in ("LICENSE", "../docs.py", "%2e%2e%2fdocs.py", "", "swagger-ui.css/x"):
        answer = ask(World(), "GET", f"/{version}/{name}")
        assert (answer.status_code, answer.json()["error"]["code"]) == (404, "not_found"), name


def test_the_frameworks_own_pages_are_not_served() -> None:
    """They fetch their scripts from other servers."""
    assert ask(World(), "GET", "/redoc").status_code == 404
